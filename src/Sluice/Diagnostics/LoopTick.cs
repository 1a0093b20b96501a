using System.Net;

namespace Sluice.Diagnostics;

/// <summary>An event loop is about to wait.</summary>
/// <param name="Loop">The loop's number, from 0.</param>
public readonly record struct LoopWaiting(int Loop);

/// <summary>One turn of an event loop: what its wait has found. A subscriber may keep it: it is made for the event and never changes.</summary>
public sealed class LoopTick
{
    /// <summary>The loop's number, from 0.</summary>
    public required int Loop { get; init; }

    /// <summary>Which tick of this loop it is; 1 is the first.</summary>
    public required long Iteration { get; init; }

    /// <summary>How many connections and listeners the loop watches. What it watches for itself does not count.</summary>
    public required int Watched { get; init; }

    /// <summary>What is ready, in the loop's order; empty when <see cref="SocketServerOptions.LoopMaxWait"/> passed.</summary>
    public required IReadOnlyList<LoopReady> Ready { get; init; }
}

/// <summary>A listener with connections to accept, a datagram socket with datagrams to receive, or a connection that can be read, written or closed.</summary>
/// <param name="Descriptor">Its file descriptor.</param>
/// <param name="IsListener">Whether it is a listener.</param>
/// <param name="LocalEndPoint">Its own address.</param>
/// <param name="RemoteEndPoint">The peer's address; null for a listener, a datagram socket or an unnamed Unix socket.</param>
public readonly record struct LoopReady(int Descriptor, bool IsListener, EndPoint? LocalEndPoint, EndPoint? RemoteEndPoint);
