using System.Text;

namespace Sluice.Files;

/// <summary>
/// The rule of names: whether one path component that a peer chose may become a file's name here. Portable on purpose, so that a
/// directory received on Linux can be copied to Windows: <c>docs/protocols/files-v1.md</c> lists the rule.
/// </summary>
internal static class StoredName
{
    /// <summary>Ends the name of a file whose sender left half-way.</summary>
    public const string PartialSuffix = ".partial";

    /// <summary>Begins every name that is ours: temporary files.</summary>
    public const string OurPrefix = ".sluice";

    /// <summary>NAME_MAX of Linux, less what a partial file adds.</summary>
    public static readonly int MaxBytes = 255 - PartialSuffix.Length;

    private static readonly string[] Devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];

    /// <summary>Null when <paramref name="name"/> may be stored under exactly this name, else what is wrong with it.</summary>
    public static string? WhatIsWrong(string name)
    {
        if (name.Length == 0)
        {
            return "it is empty";
        }

        if (name is "." or "..")
        {
            return "it is a directory";
        }

        if (name.AsSpan().ContainsAny('/', '\\'))
        {
            return "it is a path";
        }

        foreach (char c in name)
        {
            if (Quoted.Acts(c))
            {
                return "it holds a control character";
            }
        }

        if (name.Contains(':'))
        {
            return "it holds a ':' (a drive or a stream on Windows)";
        }

        if (name[^1] is '.' or ' ')
        {
            return "it ends with a dot or a space";
        }

        if (Encoding.UTF8.GetByteCount(name) > MaxBytes)
        {
            return $"it is longer than {MaxBytes} bytes";
        }

        if (IsDevice(name))
        {
            return "it is a device's name on Windows";
        }

        return name.StartsWith(OurPrefix, StringComparison.OrdinalIgnoreCase) || name.EndsWith(PartialSuffix, StringComparison.OrdinalIgnoreCase)
            ? "names of this kind are Sluice's own"
            : null;
    }

    /// <summary>CON, NUL.txt, com1 and their like, with any extension.</summary>
    private static bool IsDevice(string name)
    {
        int dot = name.IndexOf('.');
        string stem = (dot < 0 ? name : name[..dot]).TrimEnd(' ');
        return Devices.Contains(stem, StringComparer.OrdinalIgnoreCase)
            || (stem.Length == 4
                && (stem.StartsWith("COM", StringComparison.OrdinalIgnoreCase) || stem.StartsWith("LPT", StringComparison.OrdinalIgnoreCase))
                && (char.IsAsciiDigit(stem[3]) || stem[3] is '¹' or '²' or '³'));
    }
}
