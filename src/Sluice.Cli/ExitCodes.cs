using Sluice.Files;

namespace Sluice.Cli;

/// <summary>What the command's exit code says.</summary>
internal static class ExitCodes
{
    /// <summary>It did what was asked.</summary>
    public const int Ok = 0;

    /// <summary>It was asked for rightly and failed when it ran.</summary>
    public const int Failed = 1;

    /// <summary>The command line (or its environment or configuration file) is wrong.</summary>
    public const int Usage = 2;

    /// <summary>The exit code for an error.</summary>
    public static int For(Exception error) => error is UsageException || (error is SluiceException known && IsUsage(known.Id)) ? Usage : Failed;

    // What the library refuses because of the words it was given, before it touches the system.
    private static bool IsUsage(string id) => id is ErrorIds.BadUrl or ErrorIds.UnknownScheme or ErrorIds.UnknownModel or ErrorIds.OptionOutOfRange
        or ErrorIds.NothingToListenOn or ErrorIds.NoHandlerForKind or ErrorIds.ModelsDoNotMix or ErrorIds.KindNotServed or ErrorIds.NoDescriptor or ErrorIds.OptionNotHonoured
        or ErrorIds.CannotHandOver or ErrorIds.ProgramNotFound
        or FileErrorIds.NotLocal;
}
