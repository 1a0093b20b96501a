using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>The errno numbers of Linux, named. errno(3), asm-generic/errno.h; the same on x86-64 and arm64.</summary>
internal static class Errno
{
    /// <summary>The error of the last call of this thread that was declared with SetLastError.</summary>
    public static NativeError Last => Name(Marshal.GetLastPInvokeError());

    /// <summary>The error of the last system call of this thread. Only directly after one that failed; the runtime keeps errno when a call returns.</summary>
    public static NativeError OfSystem => Name(Marshal.GetLastSystemError());

    public static NativeError Name(int errno) => errno switch
    {
        0 => NativeError.None,
        1 => NativeError.NotPermitted,
        2 => NativeError.NoEntry,
        4 => NativeError.Interrupted,
        5 => NativeError.Io,
        8 => NativeError.NotExecutable,
        9 => NativeError.BadDescriptor,
        10 => NativeError.NoChild,
        11 => NativeError.WouldBlock,
        12 => NativeError.NoMemory,
        13 => NativeError.AccessDenied,
        14 => NativeError.Fault,
        16 => NativeError.Busy,
        17 => NativeError.Exists,
        18 => NativeError.CrossDevice,
        19 => NativeError.NoDevice,
        20 => NativeError.NotDirectory,
        21 => NativeError.IsDirectory,
        22 => NativeError.InvalidArgument,
        23 => NativeError.SystemFileLimit,
        24 => NativeError.ProcessFileLimit,
        27 => NativeError.FileTooLarge,
        28 => NativeError.NoSpace,
        30 => NativeError.ReadOnly,
        31 => NativeError.TooManyLinks,
        32 => NativeError.BrokenPipe,
        36 => NativeError.NameTooLong,
        38 => NativeError.NotImplemented,
        40 => NativeError.TooManyLinks,
        53 => NativeError.CompletionsLost, // EBADR, which only io_uring_enter(2) says
        62 => NativeError.TimerExpired,
        64 => NativeError.NoNetwork,
        71 => NativeError.Protocol,
        88 => NativeError.NotSocket,
        89 => NativeError.NoDestination,
        90 => NativeError.MessageTooLong,
        91 => NativeError.WrongType,
        92 => NativeError.ProtocolOption,
        95 => NativeError.OperationNotSupported,
        97 => NativeError.FamilyNotSupported,
        98 => NativeError.AddressInUse,
        99 => NativeError.AddressNotAvailable,
        100 => NativeError.NetworkDown,
        101 => NativeError.NetworkUnreachable,
        103 => NativeError.ConnectionAborted,
        104 => NativeError.ConnectionReset,
        105 => NativeError.NoBufferSpace,
        107 => NativeError.NotConnected,
        109 => NativeError.TooManyReferences,
        110 => NativeError.TimedOut,
        111 => NativeError.ConnectionRefused,
        112 => NativeError.HostDown,
        113 => NativeError.HostUnreachable,
        114 => NativeError.AlreadyInProgress,
        115 => NativeError.InProgress,
        122 => NativeError.Quota,
        125 => NativeError.Canceled,
        _ => NativeError.Other,
    };
}
