using System.IO.Pipelines;
using System.Net;

namespace Sluice.Connections;

/// <summary>
/// What most connections never need: made when somebody asks for the first of it, so that an idle connection does not carry it. Its maker
/// publishes it once; each field has the threads of the property that shows it.
/// </summary>
internal sealed class ConnectionExtras
{
    public string? Id;
    public IDictionary<object, object?>? Items;
    public Dictionary<Type, object?>? Features; // what others have set
    public int FeatureRevision;
    public IDuplexPipe? Transport;
    public EndPoint? LocalEndPoint;
    public EndPoint? RemoteEndPoint;
    public UnixCredentials? UnixPeer;
    public Exception? Failure;
    public CancellationTokenSource? ConnectionClosed;
    public CancellationTokenSource? CloseRequested;
    public CancellationToken? OtherConnectionClosed;
    public CancellationToken? OtherCloseRequested;
    public Outbox? Outbox;
    public TaskCompletionSource? OutputFinished; // of who waits for CompleteAsync

    /// <summary>The bytes that the metrics have been told of. Only <see cref="Diagnostics.ServerMetrics"/> touches them, under its lock.</summary>
    public (long Received, long Sent) Reported;

    public Outbox MakeOutbox()
    {
        if (Volatile.Read(ref Outbox) is { } made)
        {
            return made;
        }

        var created = new Outbox();
        return Interlocked.CompareExchange(ref Outbox, created, comparand: null) ?? created;
    }
}
