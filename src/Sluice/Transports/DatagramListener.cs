using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Sluice.Native;

namespace Sluice.Transports;

/// <summary>A bound datagram socket of the kernel, UDP or Unix. It is received from and sent with by its owner's own descriptor (<see cref="DescriptorCopy"/>).</summary>
internal sealed class DatagramListener : Listener
{
    private readonly ListeningDescriptor _descriptor;
    private volatile bool _isShared;
    private bool _isAdopted;
    private int _isClosed;

    private DatagramListener(ListeningDescriptor descriptor, EndPoint localEndPoint, SocketAddressUrl url)
        : base(url)
    {
        _descriptor = descriptor;
        LocalEndPoint = localEndPoint;
        Traits = DatagramSocketTraits.Of((int)descriptor.DangerousGetHandle());
    }

    /// <summary>Of a socket that was bound here, which it takes over.</summary>
    public static DatagramListener Of(Socket socket, SocketAddressUrl url)
    {
        EndPoint localEndPoint = socket.LocalEndPoint!;
        return new(ListeningDescriptor.TakeFrom(socket), localEndPoint, url);
    }

    /// <inheritdoc cref="Transport.Adopt"/>
    public static DatagramListener Adopt(SocketAddressUrl url, int descriptor) =>
        new(new ListeningDescriptor(descriptor), ListeningDescriptor.LocalEndPointOf(descriptor)!, url) { _isShared = true, _isAdopted = true };

    public override TransportKind Kind => TransportKind.Datagram;

    public override SafeHandle? Handle => _descriptor;

    public override EndPoint LocalEndPoint { get; }

    /// <summary>What its datagrams bring along.</summary>
    public DatagramSocketTraits Traits { get; }

    /// <summary>
    /// Whether it is one of several sockets of one address, among which the kernel divides the peers (SO_REUSEPORT), and not the first of them.
    /// </summary>
    public bool IsTwin { get; init; }

    internal override bool IsClosed => Volatile.Read(ref _isClosed) != 0;

    internal override bool IsAdopted => _isAdopted;

    internal override void Close()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) == 0)
        {
            if (!_isShared)
            {
                SocketFile.Delete(Url);
            }

            _descriptor.Dispose();
        }
    }

    internal override void Share() => _isShared = true;

    internal override void Own() => _isShared = false;
}
