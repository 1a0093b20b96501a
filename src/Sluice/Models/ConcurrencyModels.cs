using Sluice.Models.Async;
using Sluice.Models.Completion;
using Sluice.Models.Iterative;
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
        new SelectModel(),
        new PollModel(),
        new EpollModel(),
        new IoUringModel(),
        new AsyncModel(),
    ];

    // Known words whose model is not in this build, so that the answer is not "unknown".
    private static readonly string[] Planned = ["process", "prefork"];

    /// <summary>Every model of this build.</summary>
    public static IReadOnlyList<ConcurrencyModel> All => Registered;

    /// <summary>Names that are reserved for models of later builds.</summary>
    public static IReadOnlyList<string> NotBuilt => Planned;

    /// <summary>The model that <c>auto</c> stands for on this machine: io_uring where it works, else epoll.</summary>
    public static ConcurrencyModel Auto => Find(IoUringModel.Refusal is null ? "io_uring" : "epoll");

    /// <summary>Why <see cref="Auto"/> is not the model it would be; null when it is.</summary>
    internal static string? AutoFallback => IoUringModel.Refusal;

    /// <summary>The same for a server of which some listener has no descriptor (memory://), which no loop can watch.</summary>
    internal static ConcurrencyModel AutoWithoutDescriptors => Find("async");

    /// <summary>The model of that name, or SLU0003 (unknown) or SLU0101 (not in this build).</summary>
    public static ConcurrencyModel Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name is "auto")
        {
            return Auto;
        }

        string names = string.Join(", ", Registered.Select(model => model.Name));
        return Array.Find(Registered, model => model.Name == name)
            ?? throw (Planned.Contains(name, StringComparer.Ordinal)
                ? new SluiceException(ErrorIds.ModelNotBuilt, $"this build lacks the model '{name}'; use one of: auto, {names}")
                : new SluiceException(ErrorIds.UnknownModel, $"there is no model '{name}'; use one of: auto, {names}"));
    }
}
