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
    IConnectionUnit,
    ISocketHandOver,
    IUnixPeerFeature,
    IDescriptorPassing
{
    private static readonly Type[] OwnFeatures =
    [
        typeof(IConnectionIdFeature), typeof(IConnectionItemsFeature), typeof(IConnectionTransportFeature), typeof(IConnectionLifetimeFeature),
        typeof(IConnectionLifetimeNotificationFeature), typeof(IConnectionEndPointFeature), typeof(IMemoryPoolFeature),
        typeof(IConnectionCloseReason), typeof(IConnectionSender), typeof(IConnectionUnit), typeof(ISocketHandOver),
        typeof(IUnixPeerFeature), typeof(IDescriptorPassing),
    ];

    private static long _lastId;

    /// <summary>The bytes that the metrics have been told of. Only <see cref="Diagnostics.ServerMetrics"/> touches them, under its lock.</summary>
    internal ref (long Received, long Sent) Reported => ref Extras.Reported;

    private protected ConnectionExtras Extras =>
        Volatile.Read(ref _extras) ?? (Interlocked.CompareExchange(ref _extras, new ConnectionExtras(), comparand: null) ?? _extras!);

    public override IFeatureCollection Features => this;

    public override string ConnectionId
    {
        get => Extras.Id ??= Interlocked.Increment(ref _lastId).ToString("x8", CultureInfo.InvariantCulture);
        set => Extras.Id = value;
    }

    public override IDictionary<object, object?> Items
    {
        get => Extras.Items ??= new ConnectionItems();
        set => Extras.Items = value;
    }

    public override EndPoint? LocalEndPoint
    {
        get => Extras.LocalEndPoint ??= Socket.LocalEndPoint;
        set => Extras.LocalEndPoint = value;
    }

    public override EndPoint? RemoteEndPoint
    {
        get => Extras.RemoteEndPoint ??= Socket.RemoteEndPoint;
        set => Extras.RemoteEndPoint = value;
    }

    /// <summary>Fires when the connection is over; never on a thread that serves others.</summary>
    public override CancellationToken ConnectionClosed
    {
        get => _extras?.OtherConnectionClosed ?? Token(ref Extras.ConnectionClosed, Marks.Over);
        set => Extras.OtherConnectionClosed = value;
    }

    CancellationToken IConnectionLifetimeNotificationFeature.ConnectionClosedRequested
    {
        get => _extras?.OtherCloseRequested ?? Token(ref Extras.CloseRequested, Marks.CloseRequested);
        set => Extras.OtherCloseRequested = value;
    }

    MemoryPool<byte> IMemoryPoolFeature.MemoryPool => MemoryPool<byte>.Shared;

    bool IFeatureCollection.IsReadOnly => false;

    int IFeatureCollection.Revision => _extras?.FeatureRevision ?? 0;

    object? IFeatureCollection.this[Type key]
    {
        get => _extras?.Features is { } features && features.TryGetValue(key, out object? other) ? other : Array.IndexOf(OwnFeatures, key) >= 0 && IsHere(key) ? this : null;
        set
        {
            (Extras.Features ??= [])[key] = value;
            Extras.FeatureRevision++;
        }
    }

    TFeature? IFeatureCollection.Get<TFeature>()
        where TFeature : default => (TFeature?)((IFeatureCollection)this)[typeof(TFeature)];

    void IFeatureCollection.Set<TFeature>(TFeature? instance)
        where TFeature : default => ((IFeatureCollection)this)[typeof(TFeature)] = instance;

    IEnumerator<KeyValuePair<Type, object>> IEnumerable<KeyValuePair<Type, object>>.GetEnumerator()
    {
        foreach (Type key in OwnFeatures.Concat(_extras?.Features?.Keys ?? Enumerable.Empty<Type>()).Distinct())
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
        TryMark(Marks.Over);
        if (Volatile.Read(ref _extras) is { } extras)
        {
            OnDemandToken.Fire(ref extras.ConnectionClosed);
        }
    }

    private void FireCloseRequested()
    {
        if (Volatile.Read(ref _extras) is { } extras)
        {
            OnDemandToken.Fire(ref extras.CloseRequested);
        }
    }

    private CancellationToken Token(ref CancellationTokenSource? source, Marks fired)
    {
        CancellationTokenSource asked = OnDemandToken.Source(ref source);
        if (Has(fired))
        {
            OnDemandToken.Cancel(asked);
        }

        return asked.Token;
    }
}
