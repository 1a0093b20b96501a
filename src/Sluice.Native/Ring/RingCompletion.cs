using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>struct io_uring_cqe: what an operation came to. An operation is over with its first completion that says no <see cref="HasMore"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct RingCompletion
{
    private const uint Buffer = 1;
    private const uint More = 2;
    private const int BufferShift = 16;
    private const int PollErrorOrHangUp = 0x008 | 0x010;

    private readonly ulong _token;
    private readonly int _result;
    private readonly uint _flags;

    /// <summary>The token the operation was submitted with.</summary>
    public ulong Token => _token;

    public bool Succeeded => _result >= 0;

    /// <summary>Bytes moved (0 from a receive is the peer's FIN, or our own shutdown), a new descriptor, or poll events. Of one that failed it is negative.</summary>
    public int Count => _result;

    public NativeError Error => _result < 0 ? Errno.Name(-_result) : NativeError.None;

    /// <summary>The count or the error.</summary>
    public SocketResult Result => _result >= 0 ? SocketResult.Of(_result) : SocketResult.Failed(Error);

    /// <summary>The multishot goes on: more completions of this operation follow.</summary>
    public bool HasMore => (_flags & More) != 0;

    /// <summary>A provided buffer came with it, <see cref="BufferId"/>, which whoever takes the completion now owns.</summary>
    public bool HasBuffer => (_flags & Buffer) != 0;

    /// <summary>A buffer came with it, and it is not empty.</summary>
    public bool BringsBytes => HasBuffer && _result > 0;

    public ushort BufferId => (ushort)(_flags >> BufferShift);

    /// <summary>Of a poll: both directions have ended, or the socket has failed.</summary>
    public bool IsHangUp => _result < 0 || (_result & PollErrorOrHangUp) != 0;

    public override string ToString() =>
        $"{_token:x16}: {(Succeeded ? _result.ToString(System.Globalization.CultureInfo.InvariantCulture) : Error.ToString())}{(HasMore ? " more" : "")}{(HasBuffer ? $" buffer {BufferId}" : "")}";
}
