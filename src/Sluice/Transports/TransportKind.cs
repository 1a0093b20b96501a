namespace Sluice.Transports;

/// <summary>What a transport carries.</summary>
public enum TransportKind
{
    /// <summary>Connections: ordered bytes without boundaries.</summary>
    Stream,

    /// <summary>Messages with boundaries and no connection.</summary>
    Datagram,
}
