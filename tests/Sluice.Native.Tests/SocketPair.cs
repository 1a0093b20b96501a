using System.Net;
using System.Net.Sockets;

namespace Sluice.Native.Tests;

/// <summary>A connection of the kernel: our end as a descriptor, the peer's as a plain .NET socket.</summary>
internal sealed class SocketPair : IDisposable
{
    private readonly string? _path;
    private StreamDescriptor _ours;

    public SocketPair(bool unix = false)
    {
        using var listener = unix ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _path = unix ? Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()) : null;
        listener.Bind(unix ? new UnixDomainSocketEndPoint(_path!) : new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        Peer = new Socket(listener.AddressFamily, SocketType.Stream, listener.ProtocolType);
        Peer.Connect(listener.LocalEndPoint!);
        if (!ListeningSocket.TryAccept(listener.SafeHandle, out _ours, out NativeError error))
        {
            throw new InvalidOperationException(error.ToString());
        }

        Peer.ReceiveTimeout = 10_000;
    }

    public ref StreamDescriptor Ours => ref _ours;

    public Socket Peer { get; }

    public static int OpenDescriptors => Directory.GetFileSystemEntries("/proc/self/fd").Length;

    public void Dispose()
    {
        Ours.Close();
        Peer.Dispose();
        if (_path is not null)
        {
            File.Delete(_path);
        }
    }
}
