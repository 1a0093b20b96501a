using System.Buffers;
using System.Runtime.InteropServices;
using Sluice.Native;

namespace Sluice.Datagrams;

/// <summary>
/// Datagrams for which the system had no room, above all of Unix peers that do not read: tried again until they go or have waited too long. There is nothing to
/// wait for, because a socket that sends to many is always writable; so a timer looks. Its receiver does not end before. Bounded, and from any thread.
/// </summary>
internal sealed class DatagramBacklog : IDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(2);

    private readonly DatagramReceiver _receiver;
    private readonly Lock _changing = new();
    private readonly Queue<Waiting> _waiting = new();
    private readonly Dictionary<byte[], int> _peers = new(ByBytes.Instance); // how many wait for each
    private readonly HashSet<byte[]> _full = new(ByBytes.Instance); // peers that had no room in this look
    private readonly Dictionary<byte[], int>.AlternateLookup<ReadOnlySpan<byte>> _lookup;
    private readonly Timer _timer;
    private readonly int _most;
    private readonly long _patience;
    private int _count;
    private bool _isDisposed;

    public DatagramBacklog(DatagramReceiver receiver, DatagramOptions options)
    {
        _receiver = receiver;
        _most = options.MaxConcurrent;
        _patience = (long)options.SendTimeout.TotalMilliseconds;
        _lookup = _peers.GetAlternateLookup<ReadOnlySpan<byte>>();
        _timer = new Timer(static backlog => ((DatagramBacklog)backlog!).Try(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Whether nothing for that peer waits here, which would have to go first.</summary>
    public bool MayOvertake(ReadOnlySpan<byte> name)
    {
        if (Volatile.Read(ref _count) == 0)
        {
            return true;
        }

        lock (_changing)
        {
            return !_lookup.ContainsKey(name);
        }
    }

    /// <summary>Keeps a copy until there is room. False: there is none here, either.</summary>
    public bool TryAdd(ReadOnlySpan<byte> name, ReadOnlySpan<byte> source, ReadOnlySpan<byte> payload)
    {
        lock (_changing)
        {
            if (_count >= _most || _isDisposed)
            {
                return false;
            }

            byte[] bytes = ArrayPool<byte>.Shared.Rent(Math.Max(payload.Length, 1));
            payload.CopyTo(bytes);
            byte[] peer = name.ToArray();
            CollectionsMarshal.GetValueRefOrAddDefault(_peers, peer, out _)++;
            _waiting.Enqueue(new Waiting(peer, source.ToArray(), bytes, payload.Length, Environment.TickCount64 + _patience));
            if (_count++ == 0)
            {
                _receiver.Leaves();
                _timer.Change(Look, Timeout.InfiniteTimeSpan);
            }

            return true;
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        lock (_changing)
        {
            _isDisposed = true;
            while (_waiting.TryDequeue(out Waiting waiting))
            {
                Forget(waiting);
                _receiver.TellNotSent(waiting.Name, NativeError.WouldBlock);
            }
        }
    }

    private bool IsTooLate(in Waiting waiting, long now) => now >= waiting.Until || _receiver.Stopping.IsCancellationRequested;

    // Each once, in order, and after one for which there is no room none for the same peer.
    private void Try()
    {
        lock (_changing)
        {
            _full.Clear();
            long now = Environment.TickCount64;
            for (int left = _waiting.Count; left > 0; left--)
            {
                Waiting waiting = _waiting.Dequeue();
                NativeError error = _full.Contains(waiting.Name)
                    ? NativeError.WouldBlock
                    : _receiver.Retry(waiting.Name, waiting.Source, waiting.Bytes.AsSpan(0, waiting.Length));
                if (error == NativeError.WouldBlock && !IsTooLate(waiting, now))
                {
                    _full.Add(waiting.Name);
                    _waiting.Enqueue(waiting);
                    continue;
                }

                Forget(waiting);
                if (error != NativeError.None)
                {
                    _receiver.TellNotSent(waiting.Name, error);
                }
            }

            if (_count > 0)
            {
                _timer.Change(Look, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void Forget(in Waiting waiting)
    {
        ArrayPool<byte>.Shared.Return(waiting.Bytes);
        if (--CollectionsMarshal.GetValueRefOrNullRef(_peers, waiting.Name) == 0)
        {
            _peers.Remove(waiting.Name);
        }

        if (--_count == 0)
        {
            _receiver.ComesBack();
        }
    }

    private sealed class ByBytes : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static readonly ByBytes Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = default(HashCode);
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }

    private readonly record struct Waiting(byte[] Name, byte[] Source, byte[] Bytes, int Length, long Until);
}
