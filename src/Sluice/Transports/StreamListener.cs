namespace Sluice.Transports;

/// <summary>A listening socket, which gives connections.</summary>
internal abstract class StreamListener(SocketAddressUrl url) : Listener(url)
{
    public sealed override TransportKind Kind => TransportKind.Stream;

    /// <summary>One accept(2): a connection, or a named error. Never loops, never waits.</summary>
    internal abstract AcceptResult TryAccept();

    /// <summary>For a listener without a descriptor: <paramref name="pending"/> is called whenever a connection waits. Null ends it.</summary>
    internal virtual void NotifyPending(Action? pending)
    {
    }

    /// <summary>For a listener without a descriptor: whether an accept now would give something.</summary>
    internal virtual bool MayHavePending => false;
}
