using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Sluice.Native;

namespace Sluice.Transports;

/// <summary>A bound datagram socket of the kernel, UDP or Unix. Whoever receives from it and sends does so by a descriptor of its own (<see cref="DescriptorCopy"/>).</summary>
internal sealed class DatagramListener : Listener
{
    private const int LongestTogether = 65_535; // what the kernel hands over as one has the length of one packet at most

    private readonly ListeningDescriptor _descriptor;
    private volatile bool _isShared;
    private bool _isAdopted;
    private bool _asksForTime;
    private int _isClosed;

    private DatagramListener(ListeningDescriptor descriptor, EndPoint localEndPoint, SocketAddressUrl url)
        : base(url)
    {
        _descriptor = descriptor;
        LocalEndPoint = localEndPoint;
        Traits = DatagramSocketTraits.Of((int)descriptor.DangerousGetHandle());
        Traffic = new DatagramTraffic(this);
    }

    /// <summary>Of a socket that was bound here, which it takes over.</summary>
    public static DatagramListener Of(Socket socket, SocketAddressUrl url, bool isTwin)
    {
        EndPoint localEndPoint = socket.LocalEndPoint!;
        return new(ListeningDescriptor.TakeFrom(socket, blocks: true), localEndPoint, url) { IsTwin = isTwin };
    }

    /// <inheritdoc cref="Transport.Adopt"/>
    public static DatagramListener Adopt(SocketAddressUrl url, int descriptor) =>
        new(new ListeningDescriptor(descriptor, blocks: true), ListeningDescriptor.LocalEndPointOf(descriptor)!, url) { _isShared = true, _isAdopted = true };

    public override TransportKind Kind => TransportKind.Datagram;

    public override SafeHandle? Handle => _descriptor;

    public override EndPoint LocalEndPoint { get; }

    /// <summary>What it is.</summary>
    public DatagramSocketTraits Traits { get; }

    /// <summary>What it has received and sent.</summary>
    public DatagramTraffic Traffic { get; }

    /// <summary>Whether replies may be given to the kernel together.</summary>
    public bool Offloads { get; private set; }

    /// <summary>Whether it is one of several sockets of one address, among which the kernel divides the peers (SO_REUSEPORT), and not the first of them.</summary>
    public bool IsTwin { get; set; }

    internal override bool IsClosed => Volatile.Read(ref _isClosed) != 0;

    internal override bool IsAdopted => _isAdopted;

    /// <summary>Has it say of its datagrams what a handler may ask, and sets its buffers. Once, before anything is received.</summary>
    /// <param name="options">What is wanted.</param>
    /// <param name="together">Whether who receives can take several as one. A socket of another process may have been set otherwise.</param>
    public void Configure(DatagramOptions options, bool together)
    {
        int descriptor = (int)_descriptor.DangerousGetHandle();
        _descriptor.LetWait(); // those who must not wait say so with each call
        DatagramSocketOptions.TellDropped(descriptor);
        DatagramSocketOptions.SetBuffers(descriptor, options.ReceiveBuffer, options.SendBuffer);
        DatagramSocketOptions.SetSendTimeout(descriptor, options.SendTimeout);
        _asksForTime = options.Timestamps is null;
        if (options.Timestamps == true)
        {
            TellTime();
        }

        Traffic.BeginAt(DatagramSocketOptions.DroppedSoFar(descriptor));

        if (Traits.IsUnix)
        {
            DatagramSocketOptions.TellCredentials(descriptor);
            return;
        }

        // One that is bound to an address gets what was sent to that one.
        if (LocalEndPoint is IPEndPoint { Address: var address } && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)))
        {
            DatagramSocketOptions.TellLocalAddress(descriptor, Traits.IsSix);
        }

        // Several that do not fit into one buffer together would be cut.
        together &= options.Offload && options.MaxSize >= LongestTogether;
        if (!_isAdopted || !together)
        {
            DatagramSocketOptions.ReceiveTogether(descriptor, together); // never on where another process may receive, which may have less room
        }

        Offloads = options.Offload && DatagramSocketOptions.CanSendTogether(descriptor);
    }

    /// <summary>Whether the kernel says of each when it came.</summary>
    public bool TellsTime { get; private set; }

    /// <summary>A handler has asked when its datagram came: from now on the kernel is asked, unless the options say otherwise. From any thread.</summary>
    public void AskForTime()
    {
        if (_asksForTime && !TellsTime && !IsClosed)
        {
            TellTime();
        }
    }

    /// <summary>Has the kernel hand over each datagram by itself, from now on.</summary>
    public void ReceiveApart()
    {
        if (!Traits.IsUnix)
        {
            DatagramSocketOptions.ReceiveTogether((int)_descriptor.DangerousGetHandle(), together: false);
        }
    }

    private void TellTime()
    {
        TellsTime = true;
        bool isHeld = false;
        try
        {
            _descriptor.DangerousAddRef(ref isHeld);
            DatagramSocketOptions.TellTime((int)_descriptor.DangerousGetHandle());
        }
        catch (ObjectDisposedException)
        {
            // The server has stopped, and receives no more.
        }
        finally
        {
            if (isHeld)
            {
                _descriptor.DangerousRelease();
            }
        }
    }

    /// <summary>Lets other sockets of this user have the same address, from now on (SO_REUSEPORT).</summary>
    public void ShareAddress() => DatagramSocketOptions.ShareAddress((int)_descriptor.DangerousGetHandle());

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
