namespace Sluice.Cli.Handlers;

/// <summary>Answers every datagram with itself. RFC 862.</summary>
internal sealed class EchoDatagrams : DatagramHandler
{
    public override ValueTask OnDatagramAsync(DatagramContext context) => context.ReplyAsync(context.Payload);
}
