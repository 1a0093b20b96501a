using System.Text;

namespace Sluice.Cli.Handlers;

/// <summary>Answers every datagram, whatever it says, with the date and time. RFC 867.</summary>
internal sealed class DaytimeDatagrams(TimeProvider clock) : DatagramHandler
{
    public override ValueTask OnDatagramAsync(DatagramContext context) => context.ReplyAsync(Encoding.ASCII.GetBytes(DaytimeHandler.Line(clock)));
}
