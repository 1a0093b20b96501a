using System.Net;
using System.Runtime.CompilerServices;

namespace Sluice.Sessions;

/// <summary>Whose session: the peer's address, and the listener's sender, because two listeners share no session.</summary>
internal readonly struct SessionKey(IDatagramSender sender, SocketAddress peer) : IEquatable<SessionKey>
{
    private readonly IDatagramSender _sender = sender;
    private readonly SocketAddress _peer = peer;

    public bool Equals(SessionKey other) => ReferenceEquals(_sender, other._sender) && _peer.Equals(other._peer);

    public override bool Equals(object? obj) => obj is SessionKey other && Equals(other);

    // An address hashes with a seed of the process: nobody outside can choose addresses that collide.
    public override int GetHashCode() => HashCode.Combine(RuntimeHelpers.GetHashCode(_sender), _peer);
}
