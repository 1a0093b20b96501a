using System.CommandLine;
using Sluice.Cli.Settings;
using Sluice.Files;
using Sluice.Transports;

namespace Sluice.Cli.Files;

/// <summary>The options that commands about files share, and their values.</summary>
internal static class FileOptions
{
    public static Option<bool> V1() => new("--v1") { Description = "The tutorial's protocol (header 36sl). Required: this build has no other." };

    public static Option<bool> Insecure() => new("--insecure") { Description = "Allow an address that other machines reach: v1 has neither authentication nor encryption." };

    public static Option<string?> Layout(bool canTell) => new("--layout")
    {
        HelpName = canTell ? "auto|40|48" : "40|48",
        Description = $"Bytes of a header: 40 as Windows sends it, 48 as 64-bit Linux does. [default: {(canTell ? "auto, told from the bytes" : "48")}]",
    };

    public static Option<string?> MaxFileSize() => new("--max-file-size") { HelpName = "SIZE", Description = "The largest file taken, as 64KiB, 10MiB or 2GiB. [default: 1TiB]" };

    /// <summary>Throws unless v1 was asked for.</summary>
    public static void RequireV1(bool v1, string command)
    {
        if (!v1)
        {
            throw new UsageException(CliErrorIds.NotInThisBuild, $"{command} without --v1 means v2 of the protocol, which is not there yet; add --v1");
        }
    }

    /// <summary>The same rule for the sender: what it sends can be read and changed on the way.</summary>
    public static void CheckConnect(SocketAddressUrl url, bool insecure)
    {
        if (!insecure && !url.IsLocal)
        {
            throw new UsageException(FileErrorIds.NotLocal, $"refused to send v1 files to {url}: the protocol has neither authentication nor encryption and that is another machine; add --insecure to do it all the same");
        }
    }

    public static V1Layout LayoutValue(string? text, bool canTell) => text switch
    {
        null => canTell ? V1Layout.Auto : V1Layout.Bytes48,
        "40" => V1Layout.Bytes40,
        "48" => V1Layout.Bytes48,
        "auto" when canTell => V1Layout.Auto,
        _ => throw new UsageException(ErrorIds.OptionOutOfRange, $"--layout cannot be '{text}'; give {(canTell ? "auto, 40 or 48" : "40 or 48")}"),
    };

    public static long MaxFileSizeValue(string? text) => text is null ? FileReceiverOptions.DefaultMaxFileSize
        : SettingValues.TrySize(text, out long bytes) ? bytes
        : throw new UsageException(ErrorIds.OptionOutOfRange, $"--max-file-size cannot be '{text}'; give a size such as 64KiB, 10MiB or 2GiB");
}
