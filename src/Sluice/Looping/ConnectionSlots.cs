using System.Runtime.CompilerServices;
using Sluice.Connections;

namespace Sluice.Looping;

/// <summary>
/// The connections of a loop by their slots, small numbers that are used again. The loop's thread changes it; any thread may count and look
/// through it.
/// </summary>
internal sealed class ConnectionSlots(int first)
{
    private readonly Stack<int> _free = new();
    private LoopConnection?[] _connections = new LoopConnection?[64];
    private int _next = first; // those before are the loop's own: the wake-up and the listeners
    private uint _generation;
    private int _count;

    /// <summary>Connections, and those on their way here. From any thread.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>One is on its way. From any thread.</summary>
    public void Expect() => Interlocked.Increment(ref _count);

    /// <summary>It is over, or did not come after all.</summary>
    public void Unexpect() => Interlocked.Decrement(ref _count);

    /// <summary>A token for a new connection: a free slot, and a generation that it has not had before.</summary>
    public ulong NextToken()
    {
        int slot = _free.Count > 0 ? _free.Pop() : _next++;
        if (slot >= _connections.Length)
        {
            var larger = new LoopConnection?[_connections.Length * 2];
            _connections.CopyTo(larger, 0);
            Volatile.Write(ref _connections, larger);
        }

        return (ulong)(++_generation & 0xFF_FFFF) << 32 | (uint)slot; // 24 bits: a ring's tokens have an operation above them
    }

    public void Put(LoopConnection connection) => Volatile.Write(ref _connections[connection.Slot], connection);

    /// <summary>The connection that the kernel's token means; null when it is gone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public LoopConnection? Find(ulong token)
    {
        LoopConnection? connection = _connections[(int)(uint)token];
        return connection is not null && connection.Token == token ? connection : null;
    }

    /// <summary>The connection in a slot, whichever it is.</summary>
    public LoopConnection? At(int slot) => _connections[slot];

    /// <summary>Frees the slot of a token that <see cref="NextToken"/> gave.</summary>
    public void Free(ulong token)
    {
        int slot = (int)(uint)token;
        Volatile.Write(ref _connections[slot], null);
        _free.Push(slot);
    }

    /// <summary>Those that come or go meanwhile may be among them or not. From any thread.</summary>
    public void ForEach<T>(Action<StreamConnection, T> what, T with)
    {
        LoopConnection?[] connections = Volatile.Read(ref _connections);
        for (int slot = 0; slot < connections.Length; slot++)
        {
            if (Volatile.Read(ref connections[slot]) is { } connection)
            {
                what(connection, with);
            }
        }
    }
}
