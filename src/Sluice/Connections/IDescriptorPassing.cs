using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Sluice;

/// <summary>
/// A feature of the connections of Unix sockets where <see cref="ListenOptions.PassDescriptors"/> is on, and of no others: open files, sockets and pipes go from
/// one process to the other beside the bytes. SCM_RIGHTS, unix(7).
/// </summary>
public interface IDescriptorPassing
{
    /// <summary>
    /// Takes the descriptor that came first of those that nobody has taken. One is here as soon as the bytes that it came with have been read, perhaps sooner;
    /// which bytes belong to it the protocol has to say. It is close-on-exec and the caller's to dispose. A peer may pass anything: look what it is before use.
    /// At most 64 wait; one more ends the connection (SLU0213). What is not taken is closed with the connection. From any thread; never waits.
    /// </summary>
    /// <returns>False when none is here.</returns>
    bool TryReceive(out SafeFileHandle descriptor);

    /// <summary>
    /// Sends <paramref name="bytes"/>, at least one, and a copy of <paramref name="descriptor"/> with the first of them, after everything that was written to
    /// the connection before, which is flushed by this. Called by the handler, as a flush is. The descriptor stays the caller's, open until the task has ended.
    /// </summary>
    /// <exception cref="ArgumentException">There are no bytes, or the descriptor is not open.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; what was not sent goes with the next flush.</exception>
    ValueTask SendAsync(ReadOnlyMemory<byte> bytes, SafeHandle descriptor, CancellationToken cancellation = default);
}
