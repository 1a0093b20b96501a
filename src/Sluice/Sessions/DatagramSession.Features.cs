using System.Buffers;
using System.Collections;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Sluice.Sessions;

/// <summary>The features, implemented by the session itself. What is not asked for is not made.</summary>
internal sealed partial class DatagramSession :
    IFeatureCollection,
    IConnectionIdFeature,
    IConnectionItemsFeature,
    IConnectionTransportFeature,
    IConnectionLifetimeFeature,
    IConnectionEndPointFeature,
    IMemoryPoolFeature,
    IConnectionCloseReason,
    IConnectionSender,
    IDatagramSession
{
    private static readonly Type[] OwnFeatures =
    [
        typeof(IConnectionIdFeature), typeof(IConnectionItemsFeature), typeof(IConnectionTransportFeature), typeof(IConnectionLifetimeFeature),
        typeof(IConnectionEndPointFeature), typeof(IMemoryPoolFeature), typeof(IConnectionCloseReason), typeof(IConnectionSender), typeof(IDatagramSession),
    ];

    private static long _lastId;

    private string? _id;
    private IDictionary<object, object?>? _items;
    private IDuplexPipe? _transport;
    private Dictionary<Type, object?>? _otherFeatures;
    private int _featureRevision;
    private CancellationTokenSource? _connectionClosed;
    private CancellationToken? _otherConnectionClosed;
    private bool _isOver;

    /// <summary>The pipes: our own, unless a middleware has put others in their place.</summary>
    public override IDuplexPipe Transport
    {
        get => _transport ?? this;
        set => _transport = value;
    }

    public override IFeatureCollection Features => this;

    public override string ConnectionId
    {
        get => _id ??= string.Create(CultureInfo.InvariantCulture, $"d{Interlocked.Increment(ref _lastId):x8}");
        set => _id = value;
    }

    public override IDictionary<object, object?> Items
    {
        get => _items ??= new ConnectionItems();
        set => _items = value;
    }

    public override EndPoint? LocalEndPoint { get; set; }

    public override EndPoint? RemoteEndPoint { get; set; }

    /// <summary>Fires when the session has ended; never on a thread that serves others.</summary>
    public override CancellationToken ConnectionClosed
    {
        get => _otherConnectionClosed ?? OwnConnectionClosed();
        set => _otherConnectionClosed = value;
    }

    public SocketAddress Peer { get; }

    public bool AddressIsProven => Volatile.Read(ref _isProven);

    public long BytesReceived => Volatile.Read(ref _received);

    public long BytesSent => Volatile.Read(ref _sent);

    public long DroppedIn => _reader.Dropped;

    public long NotSent => Volatile.Read(ref _notSent);

    public long SendBudget
    {
        get
        {
            lock (Gate)
            {
                return !_needsProof || _isProven ? long.MaxValue
                    : _datagramsSent >= _datagramsReceived ? 0
                    : Math.Max(_received - _sent, 0);
            }
        }
    }

    MemoryPool<byte> IMemoryPoolFeature.MemoryPool => MemoryPool<byte>.Shared;

    bool IFeatureCollection.IsReadOnly => false;

    int IFeatureCollection.Revision => _featureRevision;

    object? IFeatureCollection.this[Type key]
    {
        get => _otherFeatures is { } others && others.TryGetValue(key, out object? other) ? other : Array.IndexOf(OwnFeatures, key) >= 0 ? this : null;
        set
        {
            (_otherFeatures ??= [])[key] = value;
            _featureRevision++;
        }
    }

    public void ConfirmAddress()
    {
        lock (Gate)
        {
            _isProven = true;
        }
    }

    public void RequireProof()
    {
        lock (Gate)
        {
            _needsProof = true;
        }
    }

    public bool TrySendEmpty() => Send([]) == SendOutcome.Sent;

    public bool TrySend(ReadOnlySpan<byte> message) => Send(message) == SendOutcome.Sent;

    TFeature? IFeatureCollection.Get<TFeature>()
        where TFeature : default => (TFeature?)((IFeatureCollection)this)[typeof(TFeature)];

    void IFeatureCollection.Set<TFeature>(TFeature? instance)
        where TFeature : default => ((IFeatureCollection)this)[typeof(TFeature)] = instance;

    IEnumerator<KeyValuePair<Type, object>> IEnumerable<KeyValuePair<Type, object>>.GetEnumerator()
    {
        foreach (Type key in OwnFeatures.Concat(_otherFeatures?.Keys ?? Enumerable.Empty<Type>()).Distinct())
        {
            if (((IFeatureCollection)this)[key] is { } feature)
            {
                yield return new(key, feature);
            }
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => ((IEnumerable<KeyValuePair<Type, object>>)this).GetEnumerator();

    private CancellationToken OwnConnectionClosed()
    {
        CancellationTokenSource source = OnDemandToken.Source(ref _connectionClosed);
        if (Volatile.Read(ref _isOver))
        {
            OnDemandToken.Cancel(source);
        }

        return source.Token;
    }

    private void FireConnectionClosed()
    {
        Interlocked.Exchange(ref _isOver, true);
        OnDemandToken.Fire(ref _connectionClosed);
    }
}
