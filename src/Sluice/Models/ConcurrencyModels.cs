using Sluice.Models.Async;
using Sluice.Models.Completion;
using Sluice.Models.Iterative;
using Sluice.Models.Processes;
using Sluice.Models.Readiness;
using Sluice.Models.Threads;

namespace Sluice.Models;

/// <summary>The registry of models: the one place to add a line when a model is added.</summary>
public static class ConcurrencyModels
{
    private static readonly ConcurrencyModel[] Registered =
    [
        new IterativeModel(),
        new ThreadPerConnectionModel(),
        new ThreadPoolModel(),
        new ProcessModel(),
        new PreforkModel(),
        new SelectModel(),
        new PollModel(),
        new EpollModel(),
        new IoUringModel(),
        new AsyncModel(),
    ];

    /// <summary>Every model of this build.</summary>
    public static IReadOnlyList<ConcurrencyModel> All => Registered;

    /// <summary>The model that <c>auto</c> stands for on this machine: io_uring where it works, else epoll.</summary>
    public static ConcurrencyModel Auto => Find(IoUringModel.Refusal is null ? "io_uring" : "epoll");

    /// <summary>Why <see cref="Auto"/> is not the model it would be; null when it is.</summary>
    internal static string? AutoFallback => IoUringModel.Refusal;

    /// <summary>The same for a server whose connections pass descriptors, and why it is not the model it would be.</summary>
    internal static ConcurrencyModel AutoForDescriptors => Find("epoll");

    /// <inheritdoc cref="AutoForDescriptors"/>
    internal static string DescriptorsFallback => $"descriptors are passed, and not by io_uring: {IoUringModel.NoDescriptors}";

    /// <summary>The same for a server of which some listener has no descriptor (memory://), which no loop can watch.</summary>
    internal static ConcurrencyModel AutoWithoutDescriptors => Find("async");

    /// <summary>The same for a handler that hands the socket over: its connection only waits, and for another process.</summary>
    internal static ConcurrencyModel AutoForPrograms => Find("thread");

    /// <summary>The model of that name, or SLU0003.</summary>
    public static ConcurrencyModel Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name is "auto")
        {
            return Auto;
        }

        string names = string.Join(", ", Registered.Select(model => model.Name));
        return Array.Find(Registered, model => model.Name == name) ?? throw new SluiceException(ErrorIds.UnknownModel, $"there is no model '{name}'; use one of: auto, {names}");
    }
}
