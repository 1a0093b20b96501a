using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Sluice.Connections;

/// <summary>
/// A PipeWriter straight on the socket: it owns the memory that the handler fills between two flushes; how a send waits is the derived
/// writer's business.
/// </summary>
internal abstract class DirectPipeWriter<TConnection>(TConnection connection) : PipeWriter
    where TConnection : StreamConnection
{
    private const int SmallestChunk = 4096;
    private const int LargestChunk = 64 * 1024;

    // Rented (Rent, Return). The chunk being filled holds [_sent, _used); full ones before it wait in order.
    private byte[]? _chunk;
    private int _used;
    private int _sent;
    private FullChunks? _full;
    private int _cancelled;

    public sealed override bool CanGetUnflushedBytes => true;

    public sealed override long UnflushedBytes => _used - _sent + (_full?.Bytes ?? 0);

    protected TConnection Connection { get; } = connection;

    /// <summary>Output.Complete was called: FIN follows what is unsent.</summary>
    protected bool Completed { get; set; }

    protected bool HasUnsent => _used > _sent || _full is { IsEmpty: false };

    public sealed override Memory<byte> GetMemory(int sizeHint = 0) => MakeRoom(sizeHint).AsMemory(_used);

    public sealed override Span<byte> GetSpan(int sizeHint = 0) => MakeRoom(sizeHint).AsSpan(_used);

    public sealed override void Advance(int bytes)
    {
        if ((uint)bytes > (uint)((_chunk?.Length ?? 0) - _used))
        {
            throw new ArgumentOutOfRangeException(nameof(bytes), "Advance needs at most the memory that was lent.");
        }

        _used += bytes;
    }

    public override void CancelPendingFlush() => Interlocked.Exchange(ref _cancelled, 1);

    protected bool CancelRequested => Volatile.Read(ref _cancelled) != 0;

    protected bool TakeCancel() => Volatile.Read(ref _cancelled) != 0 && Interlocked.Exchange(ref _cancelled, 0) != 0;

    /// <summary>The next bytes to send, in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected bool TryPeek(out ReadOnlySpan<byte> rest)
    {
        if (_full is { IsEmpty: false })
        {
            rest = _full.First;
            return true;
        }

        rest = _chunk.AsSpan(_sent, _used - _sent);
        return rest.Length > 0;
    }

    /// <summary>Everything that is unsent, if it is in one piece.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected bool TryPeekAll(out ReadOnlySpan<byte> all)
    {
        all = _chunk.AsSpan(_sent, _used - _sent);
        return _full is null or { IsEmpty: true };
    }

    /// <summary>Takes the chunk out, to be returned, because all of it is sent. Only while there is one.</summary>
    protected byte[] TakeChunk()
    {
        byte[] chunk = _chunk!;
        _chunk = null;
        _sent = _used = 0;
        return chunk;
    }

    /// <summary>Takes <paramref name="count"/> bytes of the last <see cref="TryPeek"/> as sent.</summary>
    protected void Sent(int count)
    {
        if (_full is { IsEmpty: false })
        {
            if (_full.Sent(count) is { } chunk)
            {
                Return(chunk);
            }

            return;
        }

        _sent += count;
        if (_sent == _used)
        {
            _sent = _used = 0;
        }
    }

    /// <summary>Keeps a copy of <paramref name="rest"/> to be sent after what is unsent.</summary>
    protected void Keep(ReadOnlySpan<byte> rest) => this.Write(rest);

    /// <summary>Gives the memory back, so that a connection that waits holds none.</summary>
    protected void ReleaseIfEmpty()
    {
        if (!HasUnsent && _chunk is not null)
        {
            Return(TakeChunk());
        }
    }

    /// <summary>Drops what is unsent: the connection has ended.</summary>
    protected void Drop()
    {
        while (TryPeek(out ReadOnlySpan<byte> rest))
        {
            Sent(rest.Length);
        }
    }

    protected void CheckWritable()
    {
        if (Completed)
        {
            throw new InvalidOperationException("The writer was completed.");
        }
    }

    /// <summary>Moves few unsent bytes out of a large chunk before a wait, so that the large one can serve others.</summary>
    protected void Shrink()
    {
        int unsent = _used - _sent;
        if (_chunk is { } large && unsent < large.Length / 4 && large.Length > SmallestChunk)
        {
            byte[] small = RentSmall(Math.Max(unsent, SmallestChunk));
            large.AsSpan(_sent, unsent).CopyTo(small);
            Return(large);
            _chunk = small;
            (_sent, _used) = (0, unsent);
        }
    }

    protected virtual byte[] Rent(int least) => ArrayPool<byte>.Shared.Rent(least);

    /// <summary>The same for what is kept while a flush waits.</summary>
    protected virtual byte[] RentSmall(int least) => ArrayPool<byte>.Shared.Rent(least);

    protected virtual void Return(byte[] chunk) => ArrayPool<byte>.Shared.Return(chunk);

    // The chunk, with room for so much from _used on.
    private byte[] MakeRoom(int sizeHint)
    {
        CheckWritable();
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        return _chunk is null ? _chunk = Rent(Math.Max(sizeHint, SmallestChunk))
            : _chunk.Length - _used >= Math.Max(sizeHint, 1) ? _chunk
            : NextChunk(Math.Max(sizeHint, 1));
    }

    private byte[] NextChunk(int needed)
    {
        byte[] larger = Rent(Math.Max(needed, Math.Min(_chunk!.Length * 2, LargestChunk)));
        if (_used > _sent)
        {
            (_full ??= new()).Add(new ArraySegment<byte>(_chunk, _sent, _used - _sent));
        }
        else
        {
            Return(_chunk);
        }

        _sent = _used = 0;
        return _chunk = larger;
    }
}
