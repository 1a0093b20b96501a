using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Sluice.Native;

namespace Sluice.Transports;

/// <summary>A listening stream socket of the kernel; TCP and Unix sockets accept alike.</summary>
internal sealed class KernelListener : StreamListener
{
    private readonly ListeningDescriptor _descriptor;
    private readonly EndPoint? _unixEndPoint;
    private volatile bool _isShared;
    private bool _isAdopted;
    private bool _passesDescriptors;
    private int _isClosed;

    private KernelListener(ListeningDescriptor descriptor, EndPoint localEndPoint, SocketAddressUrl url)
        : base(url)
    {
        _descriptor = descriptor;
        LocalEndPoint = localEndPoint;
        _unixEndPoint = localEndPoint as UnixDomainSocketEndPoint;
    }

    /// <summary>Of a socket that was bound here and listens, which it takes over.</summary>
    public static KernelListener Of(Socket socket, SocketAddressUrl url)
    {
        EndPoint localEndPoint = socket.LocalEndPoint!;
        return new(ListeningDescriptor.TakeFrom(socket), localEndPoint, url);
    }

    /// <inheritdoc cref="Transport.Adopt"/>
    public static KernelListener Adopt(SocketAddressUrl url, int descriptor) =>
        new(new ListeningDescriptor(descriptor), ListeningDescriptor.LocalEndPointOf(descriptor)!, url) { _isShared = true, _isAdopted = true };

    public override SafeHandle? Handle => _descriptor;

    public override EndPoint LocalEndPoint { get; }

    internal override bool IsClosed => Volatile.Read(ref _isClosed) != 0;

    internal override bool IsAdopted => _isAdopted;

    internal override AcceptResult TryAccept()
    {
        return ListeningSocket.TryAccept(_descriptor, out StreamDescriptor stream, out NativeError error)
            ? AcceptResult.Accepted(SocketOf(stream))
            : AcceptResult.Failed(Name(error));
    }

    /// <summary>What an accept(2) that the kernel made by itself for a ring came to: a descriptor, or an error.</summary>
    internal AcceptResult Accepted(SocketResult result) => result.Succeeded
        ? AcceptResult.Accepted(SocketOf(StreamDescriptor.Adopt(result.Count)))
        : AcceptResult.Failed(Name(result.Error));

    internal override void Close()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) == 0)
        {
            // Close alone leaves it listening while the accepting thread is still inside poll(2). What is shared listens on for others. The file goes
            // first: once nobody listens there, it may be the next server's.
            if (!_isShared)
            {
                SocketFile.Delete(Url);
                _descriptor.EndListening();
            }

            _descriptor.Dispose();
        }
    }

    internal override void Apply(ListenOptions options) => _passesDescriptors = options.PassDescriptors && _unixEndPoint is not null;

    internal override void Share() => _isShared = true;

    internal override void Own() => _isShared = false;

    private KernelStreamSocket SocketOf(in StreamDescriptor stream) =>
        _passesDescriptors ? new PassingStreamSocket(stream, _unixEndPoint!) : new KernelStreamSocket(stream, _unixEndPoint);

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
