using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice;

/// <summary>
/// select(2) itself, for a loop of one's own: waits until one of many descriptors is ready and says which. It takes sockets, pipes, terminals
/// and whatever else has a descriptor; a regular file is always ready. There is no limit of 1,024: that one is of the C library's
/// <c>fd_set</c>, not of the kernel. A call costs in proportion to the highest descriptor's number.
/// </summary>
/// <remarks>
/// Threads: any, and several at a time; the calling thread blocks. A handle cannot be closed while a call waits for it: a pipe or file that is
/// disposed meanwhile is closed when the call returns, and a <see cref="Socket"/> is shut down by its disposal, which makes it ready. Ready
/// means that one read, write or accept will not wait <i>now</i>; if others use the descriptor too it may wait after all, so make it
/// non-blocking. Source: select(2).
/// </remarks>
public static class Selector
{
    /// <summary>Waits until a descriptor of the three lists is ready, or until <paramref name="timeout"/> has passed.</summary>
    /// <param name="read">To read from: ready with bytes, the end of the stream, an error, or a connection to accept. Null stands for none.</param>
    /// <param name="write">To write to: ready with room, or an error. Null stands for none.</param>
    /// <param name="error">
    /// Exceptional conditions: urgent data of a TCP socket; of a pseudo-terminal's master in packet mode, a change at its other end. An error of
    /// a socket is none of them: it makes the socket readable and writable. Null stands for none.
    /// </param>
    /// <param name="timeout">How long to wait at most; null waits for ever, zero looks only. A signal does not shorten it.</param>
    /// <returns>Those that are ready, each list in the order given, with the same objects; one that was given twice comes twice. At the timeout all are empty.</returns>
    /// <exception cref="ArgumentException">A list holds null or a handle without a descriptor.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeout"/> is negative.</exception>
    /// <exception cref="ObjectDisposedException">A handle is closed.</exception>
    /// <exception cref="IOException">The kernel has no memory for the call.</exception>
    /// <example><code>(var readable, _, _) = Selector.Select([pipe.SafePipeHandle, socket.SafeHandle], null, null, TimeSpan.FromSeconds(10));</code></example>
    [OverloadResolutionPriority(1)] // Select(null, null, null, time) is this one
    public static SelectResult<SafeHandle> Select(
        IReadOnlyList<SafeHandle>? read, IReadOnlyList<SafeHandle>? write, IReadOnlyList<SafeHandle>? error, TimeSpan? timeout) =>
        Call(read, write, error, handle => handle, timeout);

    /// <inheritdoc cref="Select(IReadOnlyList{SafeHandle}?, IReadOnlyList{SafeHandle}?, IReadOnlyList{SafeHandle}?, TimeSpan?)"/>
    /// <example><code>(var readable, _, _) = Selector.Select([listener, client], null, null, timeout: null);</code></example>
    public static SelectResult<Socket> Select(
        IReadOnlyList<Socket>? read, IReadOnlyList<Socket>? write, IReadOnlyList<Socket>? error, TimeSpan? timeout) =>
        Call(read, write, error, socket => socket.SafeHandle, timeout);

    private static SelectResult<T> Call<T>(
        IReadOnlyList<T>? read, IReadOnlyList<T>? write, IReadOnlyList<T>? error, Func<T, SafeHandle> handleOf, TimeSpan? timeout)
        where T : class
    {
        if (timeout is { } time)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.Zero, nameof(timeout));
        }

        using var call = new SelectCall();
        int[] reads = Hold(call, read, handleOf, nameof(read));
        int[] writes = Hold(call, write, handleOf, nameof(write));
        int[] errors = Hold(call, error, handleOf, nameof(error));
        call.Wait(reads, writes, errors, timeout);
        return new SelectResult<T>(Ready(read, reads), Ready(write, writes), Ready(error, errors));
    }

    private static int[] Hold<T>(SelectCall call, IReadOnlyList<T>? given, Func<T, SafeHandle> handleOf, string list)
        where T : class
    {
        int[] descriptors = new int[given?.Count ?? 0];
        for (int i = 0; i < descriptors.Length; i++)
        {
            descriptors[i] = call.Hold(handleOf(given![i] ?? throw new ArgumentException($"Number {i} is null.", list)), list);
        }

        return descriptors;
    }

    private static T[] Ready<T>(IReadOnlyList<T>? given, int[] descriptors)
    {
        var ready = new List<T>();
        for (int i = 0; i < descriptors.Length; i++)
        {
            if (descriptors[i] != SelectCall.NotReady)
            {
                ready.Add(given![i]);
            }
        }

        return [.. ready];
    }
}

/// <summary>What is ready, each list in the order it was given. <c>var (read, write, error) = Selector.Select(…)</c> takes it apart.</summary>
/// <param name="Read">A read or an accept will not wait.</param>
/// <param name="Write">A write will not wait.</param>
/// <param name="Error">Urgent data, or another exceptional condition.</param>
public readonly record struct SelectResult<T>(IReadOnlyList<T> Read, IReadOnlyList<T> Write, IReadOnlyList<T> Error);
