namespace Sluice;

/// <summary>Every error id of Sluice. Each has a page in <c>docs/errors</c>; an id is never given to another error.</summary>
public static class ErrorIds
{
    /// <summary>A socket URL that cannot be read.</summary>
    public const string BadUrl = "SLU0001";

    /// <summary>A URL scheme that no transport of this build serves.</summary>
    public const string UnknownScheme = "SLU0002";

    /// <summary>A concurrency model that does not exist.</summary>
    public const string UnknownModel = "SLU0003";

    /// <summary>A Unix socket path longer than the 107 bytes of <c>sockaddr_un</c>.</summary>
    public const string UnixPathTooLong = "SLU0004";

    /// <summary>The address is in use by another process.</summary>
    public const string AddressInUse = "SLU0005";

    /// <summary>The operating system does not let this user bind the address (a privileged port, a directory).</summary>
    public const string AddressDenied = "SLU0006";

    /// <summary>The address cannot be bound for another reason.</summary>
    public const string CannotBind = "SLU0007";

    /// <summary>An option is out of its range.</summary>
    public const string OptionOutOfRange = "SLU0008";

    /// <summary>The server has nothing to listen on.</summary>
    public const string NothingToListenOn = "SLU0009";

    /// <summary>The server has no handler.</summary>
    public const string NoHandler = "SLU0010";

    /// <summary>The server is not in the state that the call needs.</summary>
    public const string WrongState = "SLU0011";

    /// <summary>A descriptor that was passed is neither a socket that listens nor one that is bound for datagrams.</summary>
    public const string NotAListeningSocket = "SLU0012";

    /// <summary>systemd passed no socket of that name.</summary>
    public const string NothingPassed = "SLU0013";

    /// <summary>The server listens for connections and has no handler of connections, or for datagrams and has none of datagrams.</summary>
    public const string NoHandlerForKind = "SLU0014";

    /// <summary>A client of streams was sent to where datagrams are, or the like.</summary>
    public const string KindNotServed = "SLU0102";

    /// <summary>The model watches descriptors and the listener has none (the in-memory transport).</summary>
    public const string NoDescriptor = "SLU0103";

    /// <summary>The model or the transport does not run on this operating system.</summary>
    public const string PlatformNotServed = "SLU0104";

    /// <summary>An option that nothing here can honour: no model, or no address.</summary>
    public const string OptionNotHonoured = "SLU0105";

    /// <summary>The model io_uring was asked for and does not work on this machine.</summary>
    public const string IoUringNotAvailable = "SLU0106";

    /// <summary>A handler that shares state between its connections, and a model whose connections share no memory.</summary>
    public const string StateNotShared = "SLU0107";

    /// <summary>Listeners of one server have models that cannot be in one server.</summary>
    public const string ModelsDoNotMix = "SLU0108";

    /// <summary>The unread buffer reached its limit with everything examined.</summary>
    public const string UnreadLimit = "SLU0201";

    /// <summary>A read waited longer than the idle timeout.</summary>
    public const string IdleTimeout = "SLU0202";

    /// <summary>No first byte within the first-byte timeout.</summary>
    public const string FirstByteTimeout = "SLU0203";

    /// <summary>The connection reached its lifetime.</summary>
    public const string Lifetime = "SLU0204";

    /// <summary>The peer was slower than the minimum rate inside a started unit or a pending flush.</summary>
    public const string MinRate = "SLU0205";

    /// <summary>A flush made no progress within the write timeout.</summary>
    public const string WriteTimeout = "SLU0206";

    /// <summary>The drain's deadline cut the connection.</summary>
    public const string DrainCut = "SLU0207";

    /// <summary>The handler threw.</summary>
    public const string HandlerFailed = "SLU0208";

    /// <summary>More bytes than a datagram can have.</summary>
    public const string DatagramTooLong = "SLU0209";

    /// <summary>A datagram has nowhere to go: its peer has no address, or none of the socket's kind.</summary>
    public const string NoPeerAddress = "SLU0210";

    /// <summary>Bytes that are no frame: too long, malformed, or cut off by the end.</summary>
    public const string BadFrame = "SLU0211";

    /// <summary>A session would send more than it was sent before its peer has proved its address.</summary>
    public const string AmplificationLimit = "SLU0212";

    /// <summary>A peer passed more descriptors than may wait, or than this process can have.</summary>
    public const string DescriptorLimit = "SLU0213";

    /// <summary>accept(2) failed for want of a resource; accepting backs off.</summary>
    public const string AcceptBackOff = "SLU0301";

    /// <summary>accept(2) failed for good; the listener is closed.</summary>
    public const string AcceptStopped = "SLU0302";

    /// <summary>A connection was refused by a limit.</summary>
    public const string Refused = "SLU0303";

    /// <summary>A thread for a connection could not be started.</summary>
    public const string ThreadNotStarted = "SLU0304";

    /// <summary>A handler keeps the thread of an event loop; every other connection of that loop waits.</summary>
    public const string LoopBlocked = "SLU0305";

    /// <summary>A worker process did not come to the point where it can serve.</summary>
    public const string WorkerNotReady = "SLU0306";

    /// <summary>A worker process ended while it served.</summary>
    public const string WorkerDied = "SLU0307";

    /// <summary>The system would not start a worker process.</summary>
    public const string WorkerNotStarted = "SLU0308";

    /// <summary>The process that was to replace this one did not come to the point where it can serve; this one goes on.</summary>
    public const string UpgradeFailed = "SLU0309";

    /// <summary>The system would not start a process to replace this one.</summary>
    public const string UpgradeNotStarted = "SLU0310";

    /// <summary>The kernel has dropped datagrams, because nobody received them in time.</summary>
    public const string DatagramsDropped = "SLU0311";

    /// <summary>Receiving datagrams failed; it is tried again, or given up where that is of no use.</summary>
    public const string ReceiveFailed = "SLU0312";

    /// <summary>The socket of a connection cannot be another process's, under this model, over this transport or at this point.</summary>
    public const string CannotHandOver = "SLU0320";

    /// <summary>The system would not start the program for a connection.</summary>
    public const string ProgramNotStarted = "SLU0321";

    /// <summary>The program is not there, or may not be executed.</summary>
    public const string ProgramNotFound = "SLU0322";

    /// <summary>Descriptors cannot be passed under this model.</summary>
    public const string DescriptorsNotPassed = "SLU0323";

    /// <summary>The client could not connect.</summary>
    public const string CannotConnect = "SLU0501";

    /// <summary>The client did not connect within its timeout.</summary>
    public const string ConnectTimeout = "SLU0502";
}
