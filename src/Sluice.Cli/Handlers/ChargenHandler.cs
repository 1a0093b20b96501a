using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Sluice.Cli.Handlers;

/// <summary>
/// Sends characters until the client closes: lines of 72 of the 95 printable ones, each line beginning one further. RFC 864. It never reads,
/// so the client's own bytes stay in the kernel, and are dropped at the end.
/// </summary>
internal sealed class ChargenHandler : ConnectionHandler
{
    private const int Printable = 95;
    private const int Columns = 72;

    // The whole pattern: 95 lines, then it begins again.
    private static readonly byte[] Pattern = MakePattern();

    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        PipeWriter output = connection.Transport.Output;
        IConnectionLifetimeNotificationFeature? lifetime = connection.Features.Get<IConnectionLifetimeNotificationFeature>();
        CancellationToken stop = lifetime?.ConnectionClosedRequested ?? default;
        try
        {
            do
            {
                output.Write(Pattern);
            }
            while (!(await output.FlushAsync()).IsCompleted && !stop.IsCancellationRequested);
        }
        catch (ConnectionResetException)
        {
            // How a client leaves that has not read everything, and nobody can have read everything.
        }
    }

    private static byte[] MakePattern()
    {
        byte[] pattern = new byte[Printable * (Columns + 2)];
        int at = 0;
        for (int line = 0; line < Printable; line++)
        {
            for (int column = 0; column < Columns; column++)
            {
                pattern[at++] = (byte)(' ' + ((line + column) % Printable));
            }

            pattern[at++] = (byte)'\r';
            pattern[at++] = (byte)'\n';
        }

        return pattern;
    }
}
