using System.Net;
using System.Net.Sockets;

namespace Sluice.Tests.Support;

/// <summary>A TCP connection of the kernel within this process: our end and the peer's.</summary>
internal sealed class KernelPair : IDisposable
{
    public KernelPair()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        Peer = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Peer.Connect(listener.LocalEndPoint!);
        Ours = listener.Accept();
        Number = (int)Ours.Handle;
    }

    public Socket Ours { get; }

    public Socket Peer { get; }

    /// <summary>The descriptor of our end.</summary>
    public int Number { get; }

    /// <summary>Sends from our end until no more fits, which leaves it unwritable. Returns how many bytes that were.</summary>
    public int Fill()
    {
        Ours.Blocking = false;
        byte[] bytes = new byte[65536];
        int sent = 0;
        while (true)
        {
            int count = Ours.Send(bytes, SocketFlags.None, out SocketError error);
            if (error == SocketError.WouldBlock)
            {
                return sent;
            }

            sent += count;
        }
    }

    /// <summary>Receives so many bytes at the peer's end.</summary>
    public void Drain(int count)
    {
        byte[] bytes = new byte[65536];
        while (count > 0)
        {
            count -= Peer.Receive(bytes, Math.Min(count, bytes.Length), SocketFlags.None);
        }
    }

    /// <summary>The peer ends the connection with a reset.</summary>
    public void Reset()
    {
        Peer.LingerState = new LingerOption(enable: true, seconds: 0);
        Peer.Close();
    }

    public void Dispose()
    {
        Ours.Dispose();
        Peer.Dispose();
    }
}
