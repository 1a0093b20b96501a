namespace Sluice.Cli.Handlers;

/// <summary>Receives and answers nothing. RFC 863.</summary>
internal sealed class DiscardDatagrams : DatagramHandler
{
    public override ValueTask OnDatagramAsync(DatagramContext context) => ValueTask.CompletedTask;
}
