using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Connections;

namespace Sluice.Cli.Handlers;

/// <summary>Says the date and time in one line, and closes. RFC 867, in the form it proposes.</summary>
internal sealed class DaytimeHandler(TimeProvider clock) : ConnectionHandler
{
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        await connection.Transport.Output.WriteAsync(Encoding.ASCII.GetBytes(Line(clock)));
    }

    /// <summary>The answer.</summary>
    public static string Line(TimeProvider clock) => clock.GetUtcNow().ToString("dddd, MMMM d, yyyy HH:mm:ss", CultureInfo.InvariantCulture) + "-UTC\r\n";
}
