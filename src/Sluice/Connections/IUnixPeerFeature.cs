namespace Sluice;

/// <summary>A feature of the connections of Unix sockets, and of no others: who is at the other end, by the word of the kernel.</summary>
public interface IUnixPeerFeature
{
    /// <summary>The process that connected and who ran it then, whatever became of it since: SO_PEERCRED, unix(7). From any thread.</summary>
    UnixCredentials Credentials { get; }
}
