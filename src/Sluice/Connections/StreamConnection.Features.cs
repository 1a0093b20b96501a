using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Sluice.Connections;

/// <summary>The features, implemented by the connection itself: asking for one allocates nothing, and nothing is made before it is asked for.</summary>
internal abstract partial class StreamConnection :
    IFeatureCollection,
    IConnectionIdFeature,
    IConnectionItemsFeature,
    IConnectionTransportFeature,
    IConnectionLifetimeFeature,
    IConnectionLifetimeNotificationFeature,
    IConnectionEndPointFeature,
    IMemoryPoolFeature,
    IConnectionCloseReason,
    IConnectionSender,
    IConnectionUnit
{
    private static readonly Type[] OwnFeatures =
    [
        typeof(IConnectionIdFeature), typeof(IConnectionItemsFeature), typeof(IConnectionTransportFeature), typeof(IConnectionLifetimeFeature),
        typeof(IConnectionLifetimeNotificationFeature), typeof(IConnectionEndPointFeature), typeof(IMemoryPoolFeature),
        typeof(IConnectionCloseReason), typeof(IConnectionSender), typeof(IConnectionUnit),
    ];

    private static long _lastId;

    private string? _id;
    private IDictionary<object, object?>? _items;
    private Dictionary<Type, object?>? _features; // what others have set
    private int _featureRevision;
    private EndPoint? _localEndPoint;
    private EndPoint? _remoteEndPoint;
    private int _over; // 1 once ConnectionClosed has fired
    private CancellationTokenSource? _connectionClosed;
    private CancellationTokenSource? _closeRequestedSource;
    private CancellationToken? _otherConnectionClosed;
    private CancellationToken? _otherCloseRequested;

    public override IFeatureCollection Features => this;

    public override string ConnectionId
    {
        get => _id ??= Interlocked.Increment(ref _lastId).ToString("x8", CultureInfo.InvariantCulture);
        set => _id = value;
    }

    public override IDictionary<object, object?> Items
    {
        get => _items ??= new ConnectionItems();
        set => _items = value;
    }

    public override EndPoint? LocalEndPoint
    {
        get => _localEndPoint ??= Socket.LocalEndPoint;
        set => _localEndPoint = value;
    }

    public override EndPoint? RemoteEndPoint
    {
        get => _remoteEndPoint ??= Socket.RemoteEndPoint;
        set => _remoteEndPoint = value;
    }

    /// <summary>Fires when the connection is over; never on a thread that serves others.</summary>
    public override CancellationToken ConnectionClosed
    {
        get => _otherConnectionClosed ?? Token(ref _connectionClosed, ref _over);
        set => _otherConnectionClosed = value;
    }

    CancellationToken IConnectionLifetimeNotificationFeature.ConnectionClosedRequested
    {
        get => _otherCloseRequested ?? Token(ref _closeRequestedSource, ref _closeRequested);
        set => _otherCloseRequested = value;
    }

    MemoryPool<byte> IMemoryPoolFeature.MemoryPool => MemoryPool<byte>.Shared;

    bool IFeatureCollection.IsReadOnly => false;

    int IFeatureCollection.Revision => _featureRevision;

    object? IFeatureCollection.this[Type key]
    {
        get => _features is not null && _features.TryGetValue(key, out object? other) ? other : Array.IndexOf(OwnFeatures, key) >= 0 ? this : null;
        set
        {
            (_features ??= [])[key] = value;
            _featureRevision++;
        }
    }

    TFeature? IFeatureCollection.Get<TFeature>()
        where TFeature : default => (TFeature?)((IFeatureCollection)this)[typeof(TFeature)];

    void IFeatureCollection.Set<TFeature>(TFeature? instance)
        where TFeature : default => ((IFeatureCollection)this)[typeof(TFeature)] = instance;

    IEnumerator<KeyValuePair<Type, object>> IEnumerable<KeyValuePair<Type, object>>.GetEnumerator()
    {
        foreach (Type key in OwnFeatures.Concat(_features?.Keys ?? Enumerable.Empty<Type>()).Distinct())
        {
            if (((IFeatureCollection)this)[key] is { } feature)
            {
                yield return new(key, feature);
            }
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => ((IEnumerable<KeyValuePair<Type, object>>)this).GetEnumerator();

    /// <summary>The handler asks for its own end: as if the server drained this connection alone.</summary>
    void IConnectionLifetimeNotificationFeature.RequestClose() => RequestDrain();

    private protected void FireConnectionClosed()
    {
        Interlocked.Exchange(ref _over, 1);
        Fire(ref _connectionClosed);
    }

    private void FireCloseRequested() => Fire(ref _closeRequestedSource);

    // Who fires sets the flag and then looks for a source; who asks publishes the source and then looks at the flag: one sees the other.
    private static CancellationToken Token(ref CancellationTokenSource? source, ref int fired)
    {
        CancellationTokenSource asked = Volatile.Read(ref source) ?? Publish(ref source);
        if (Volatile.Read(ref fired) != 0)
        {
            Cancel(asked);
        }

        return asked.Token;
    }

    private static CancellationTokenSource Publish(ref CancellationTokenSource? source)
    {
        var created = new CancellationTokenSource();
        return Interlocked.CompareExchange(ref source, created, comparand: null) ?? created;
    }

    private static void Fire(ref CancellationTokenSource? source)
    {
        if (Volatile.Read(ref source) is { IsCancellationRequested: false } asked)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static asked => Cancel(asked), asked, preferLocal: false);
        }
    }

    private static void Cancel(CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (AggregateException)
        {
            // What a callback of the handler's throws is the handler's business; it must not take the process down.
        }
    }
}
