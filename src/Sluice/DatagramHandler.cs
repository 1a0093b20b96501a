namespace Sluice;

/// <summary>Serves datagrams, one call for each: the counterpart of ASP.NET's <c>ConnectionHandler</c> where there is no connection. One object serves all.</summary>
public abstract class DatagramHandler
{
    /// <summary>
    /// A datagram has come. Called in any order and, in models that serve several at once, on several threads; under an event loop on the loop's thread,
    /// which it must not block. What it throws costs this datagram and nothing else.
    /// </summary>
    /// <param name="context">The datagram, valid until the returned task ends. Not to be kept.</param>
    public abstract ValueTask OnDatagramAsync(DatagramContext context);
}
