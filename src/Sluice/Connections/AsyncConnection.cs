using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Connections;

/// <summary>
/// A connection that waits without a thread: a call that cannot go on returns pending, the notifier sees the socket become ready, and the
/// handler goes on on the thread pool. While a read waits it holds no buffer.
/// </summary>
internal sealed class AsyncConnection : GatedConnection, IReadinessObserver
{
    private readonly AsyncPipeReader _reader;
    private readonly AsyncPipeWriter _writer;

    private AsyncConnection(StreamSocket socket, ConnectionSettings settings)
        : base(socket, settings)
    {
        _reader = new AsyncPipeReader(this);
        _writer = new AsyncPipeWriter(this);
    }

    /// <summary>Makes the connection and has its socket watched; false when the system cannot watch one more.</summary>
    public static bool TryCreate(StreamSocket socket, ConnectionSettings settings, [NotNullWhen(true)] out AsyncConnection? connection)
    {
        connection = new AsyncConnection(socket, settings);
        if (!connection.TryWatch(connection))
        {
            connection = null;
        }

        return connection is not null;
    }

    public override PipeReader Input => _reader;

    public override PipeWriter Output => _writer;

    private protected override bool HasUnread => _reader.HasUnread;

    void IReadinessObserver.OnReadiness(Readiness readiness)
    {
        if (IsHandedOver)
        {
            return;
        }

        if ((readiness & Readiness.Read) != 0)
        {
            _reader.OnReadable((readiness & (Readiness.PeerClosed | Readiness.Over)) != 0);
        }

        if ((readiness & Readiness.Write) != 0)
        {
            _writer.OnWritable();
            WritableEdge();
        }

        if ((readiness & Readiness.Over) != 0)
        {
            FireConnectionClosed();
        }
    }

    /// <summary>The polite end, as in <see cref="BlockingConnection.Finish"/>, without a thread.</summary>
    public async ValueTask FinishAsync()
    {
        bool reset = IsHandedOver || CloseReason is not (CloseReason.None or CloseReason.Drained or CloseReason.Completed);
        if (!reset)
        {
            reset = !await _writer.TryFinishAsync();
        }

        if (!reset && !PeerFinished)
        {
            Lingers = true;
            using var linger = new CancellationTokenSource(Settings.Linger);
            await _reader.DropUntilEndAsync(linger.Token);
        }

        reset &= CloseReason is CloseReason.Aborted or CloseReason.DrainCut or CloseReason.WriteTimeout or CloseReason.HandlerFailed;
        if (CloseSocket(reset))
        {
            _reader.Complete();
            _writer.Release();
        }
    }

    public override ValueTask DisposeAsync() => FinishAsync();

    private protected override void WatchForOutbox()
    {
        // Watched since it was made.
    }
}
