using System.Net;
using System.Runtime.InteropServices;
using Sluice.Transports;
using Sluice.Transports.InMemory;

namespace Sluice.Tests.Support;

/// <summary>A listener that nobody connects to: results are handed to the loop by the test.</summary>
internal sealed class StubListener() : StreamListener(SocketAddressUrl.Parse("memory://stub"))
{
    public override SafeHandle? Handle => null;

    public override EndPoint LocalEndPoint { get; } = new InMemoryEndPoint("stub");

    internal override AcceptResult TryAccept() => AcceptResult.Failed(AcceptError.WouldBlock);

    internal override void Close()
    {
    }
}

/// <summary>A connected socket of which only the source matters.</summary>
internal sealed class StubSocket(ulong source = 0, uint? user = null) : StreamSocket
{
    public bool IsClosed { get; private set; }

    public override int Descriptor => -1;

    public override EndPoint? LocalEndPoint => null;

    public override EndPoint? RemoteEndPoint => null;

    public override ulong SourceKey => source;

    public override Native.PeerCredentials? PeerCredentials => user is { } known ? new(1, known, known) : null;

    public override Native.SocketResult Receive(Span<byte> buffer, bool wait) => Native.SocketResult.Of(0);

    public override Native.SocketResult Send(ReadOnlySpan<byte> buffer, bool wait) => Native.SocketResult.Of(buffer.Length);

    public override void SetReceiveTimeout(TimeSpan timeout)
    {
    }

    public override void SetSendTimeout(TimeSpan timeout)
    {
    }

    public override void InterruptReceive(int thread)
    {
    }

    public override void Shutdown(System.Net.Sockets.SocketShutdown how)
    {
    }

    public override void Reset()
    {
    }

    public override void Close() => IsClosed = true;

    public override bool TryWatch(IReadinessObserver observer, out ulong watch)
    {
        watch = 1;
        return true;
    }

    public override void Unwatch(ulong watch)
    {
    }
}
