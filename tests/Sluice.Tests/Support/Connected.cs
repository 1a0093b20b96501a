using Sluice.Connections;
using Sluice.Transports.InMemory;

namespace Sluice.Tests.Support;

/// <summary>The two kinds of connection, by a name that a theory can print.</summary>
public enum PipeKind
{
    Blocking,
    Async,
}

/// <summary>A connection over an in-memory pair, and the peer's end of it.</summary>
internal static class Connected
{
    public static (GatedConnection Connection, InMemoryStreamSocket Peer) Make(PipeKind kind, ConnectionSettings? settings = null)
    {
        (InMemoryStreamSocket server, InMemoryStreamSocket peer) = InMemoryStreamSocket.CreatePair(new InMemoryEndPoint("pair"));
        settings ??= new ConnectionSettings();
        GatedConnection connection = kind == PipeKind.Blocking ? new BlockingConnection(server, settings) : MakeAsync(server, settings);
        return (connection, peer);
    }

    /// <summary>Receives everything until FIN or an error, on a thread of its own, as the peer of a writer.</summary>
    public static Task<byte[]> DrainAsync(this InMemoryStreamSocket peer) => Task.Factory.StartNew(
        () =>
        {
            var all = new MemoryStream();
            byte[] some = new byte[7000];
            while (peer.Receive(some, wait: true) is { Succeeded: true, Count: > 0 and var count })
            {
                all.Write(some, 0, count);
            }

            return all.ToArray();
        },
        CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Sends it all, waiting where need be.</summary>
    public static void SendAll(this InMemoryStreamSocket peer, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            Native.SocketResult sent = peer.Send(bytes, wait: true);
            Assert.True(sent.Succeeded, sent.ToString());
            bytes = bytes[sent.Count..];
        }
    }

    /// <summary>Fills the way to the connection's peer, so that its next flush cannot go on.</summary>
    public static int Fill(this GatedConnection connection)
    {
        int filled = 0;
        byte[] junk = new byte[4096];
        while (connection.Socket.Send(junk, wait: false) is { Succeeded: true, Count: var count })
        {
            filled += count;
        }

        return filled;
    }

    private static AsyncConnection MakeAsync(InMemoryStreamSocket server, ConnectionSettings settings) =>
        AsyncConnection.TryCreate(server, settings, out AsyncConnection? connection) ? connection : throw new InvalidOperationException("memory can always be watched");
}
