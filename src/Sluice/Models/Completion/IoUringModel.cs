using Sluice.Accepting;
using Sluice.Looping;
using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Models.Completion;

/// <summary>The kernel is asked to do the I/O, and says when it is done.</summary>
internal sealed class IoUringModel : ConcurrencyModel
{
    /// <summary>Why descriptors are not passed.</summary>
    public const string NoDescriptors = "what a ring has the kernel receive comes without them";

    private readonly RingShape[] _shapes;

    public IoUringModel() => _shapes = RingShape.Steps;

    /// <summary>With rings of one size, whatever the machine would give.</summary>
    public IoUringModel(RingShape shape) => _shapes = [shape];

    public override string Name => "io_uring";

    public override ModelCapabilities Capabilities { get; } = new()
    {
        Summary = "a loop hands io_uring(7) what to do, and the kernel says when it is done; one system call a turn",
        Concurrent = true,
        BlockingHandlerSafe = false,
        SharesMemory = true,
        CrashContained = false,
        MultiCore = true,
        Blocking = false,
        NeedsDescriptor = true,
    };

    /// <summary>Why it does not work on this machine; null when it does.</summary>
    public static string? Refusal => IoUringProbe.Refusal;

    public override ModelSupport Check(TransportKind kind, SocketServerOptions options) => base.Check(kind, options) is { IsSupported: false } refused
        ? refused
        : kind == TransportKind.Stream && options.Sockets.PassDescriptors ? ModelSupport.Refused(ErrorIds.DescriptorsNotPassed, $"the model {Name} passes no descriptors: {NoDescriptors}; use epoll, or auto, which does then")
        : Refusal is { } reason ? ModelSupport.Refused(ErrorIds.IoUringNotAvailable, $"{reason}; use epoll, or auto, which takes what there is") : ModelSupport.Supported;

    internal override string? WhyNoHandOver(SocketServerOptions options) => "io_uring receives before anybody asks for it, so the first bytes would be lost to the program";

    internal override int DatagramSockets(SocketServerOptions options) => LoopGroup.CountFor(options);

    internal override Task RunAsync(ServerContext server, CancellationToken stop) =>
        LoopGroup.RunAsync(server, (index, group) => new RingLoop(index, group, server, Open()), stop);

    private IoUring Open() => IoUring.Open(_shapes, out NativeError error)
        ?? throw new SluiceException(ErrorIds.IoUringNotAvailable, $"io_uring could not be set up for this loop: {error}; fewer loops need less locked memory");
}
