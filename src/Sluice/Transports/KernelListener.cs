using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Sluice.Native;

namespace Sluice.Transports;

/// <summary>A listening stream socket of the kernel; TCP and Unix sockets accept alike.</summary>
internal sealed class KernelListener : Listener
{
    private readonly Socket _socket;
    private readonly SafeHandle _handle;
    private readonly EndPoint? _unixEndPoint;
    private readonly bool _isShared;
    private int _isClosed;

    public KernelListener(Socket socket, SocketAddressUrl url, bool isShared = false)
        : base(url)
    {
        _isShared = isShared;
        _socket = socket;
        _handle = socket.SafeHandle;
        LocalEndPoint = socket.LocalEndPoint!;
        _unixEndPoint = LocalEndPoint as UnixDomainSocketEndPoint;
        socket.Blocking = false;
    }

    /// <inheritdoc cref="Transport.Adopt"/>
    public static KernelListener Adopt(SocketAddressUrl url, int descriptor, bool isShared) => new(new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)), url, isShared);

    public override SafeHandle? Handle => _handle;

    public override EndPoint LocalEndPoint { get; }

    internal override bool IsClosed => Volatile.Read(ref _isClosed) != 0;

    internal override AcceptResult TryAccept()
    {
        return ListeningSocket.TryAccept(_handle, out StreamDescriptor stream, out NativeError error)
            ? AcceptResult.Accepted(new KernelStreamSocket(stream, _unixEndPoint))
            : AcceptResult.Failed(Name(error));
    }

    /// <summary>What an accept(2) that the kernel made by itself for a ring came to: a descriptor, or an error.</summary>
    internal AcceptResult Accepted(SocketResult result) => result.Succeeded
        ? AcceptResult.Accepted(new KernelStreamSocket(StreamDescriptor.Adopt(result.Count), _unixEndPoint))
        : AcceptResult.Failed(Name(result.Error));

    internal override void Close()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) == 0)
        {
            try
            {
                // Close alone leaves it listening while the accepting thread is still inside poll(2). What is shared listens on for others.
                if (!_isShared)
                {
                    _socket.Shutdown(SocketShutdown.Receive);
                }
            }
            catch (SocketException)
            {
                // It listens no more, which is all that was wanted.
            }

            _socket.Dispose();
        }
    }

    private AcceptError Name(NativeError error) => error switch
    {
        NativeError.WouldBlock => AcceptError.WouldBlock,
        NativeError.Interrupted => AcceptError.Interrupted,
        NativeError.ConnectionAborted or NativeError.ConnectionReset => AcceptError.ConnectionAborted,
        NativeError.Protocol => AcceptError.Protocol,
        NativeError.NetworkDown or NativeError.ProtocolOption or NativeError.HostDown or NativeError.NoNetwork or NativeError.HostUnreachable
            or NativeError.OperationNotSupported or NativeError.NetworkUnreachable or NativeError.TimedOut => AcceptError.PendingNetworkError,
        NativeError.NotPermitted or NativeError.AccessDenied => AcceptError.NotPermitted,
        NativeError.ProcessFileLimit => AcceptError.ProcessDescriptorLimit,
        NativeError.SystemFileLimit => AcceptError.SystemDescriptorLimit,
        NativeError.NoBufferSpace => AcceptError.NoBufferSpace,
        NativeError.NoMemory => AcceptError.NoMemory,
        NativeError.BadDescriptor => AcceptError.ListenerClosed,
        NativeError.InvalidArgument => _isClosed != 0 || _isShared ? AcceptError.ListenerClosed : AcceptError.Other,
        NativeError.NotSocket or NativeError.Fault => AcceptError.NotAListener,
        _ => AcceptError.Other,
    };
}
