using System.Diagnostics;

namespace Sluice.Files.Tests;

/// <summary>A directory of one test, removed with all in it. May be a small file system of its own.</summary>
internal sealed class TempDirectory : IDisposable
{
    private readonly bool _mounted;

    public TempDirectory(string? tmpfsSize = null)
    {
        Path = Directory.CreateTempSubdirectory("sluice-files-").FullName;
        if (tmpfsSize is not null)
        {
            Shell.Run("mount", "-t", "tmpfs", "-o", $"size={tmpfsSize}", "tmpfs", Path);
            _mounted = true;
        }
    }

    public string Path { get; }

    public string[] Names => [.. Directory.GetFileSystemEntries(Path).Select(p => System.IO.Path.GetFileName(p)).Order(StringComparer.Ordinal)];

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        if (_mounted)
        {
            Shell.Run("umount", Path);
        }

        Directory.Delete(Path, recursive: true);
    }
}

/// <summary>Runs a tool; one that is missing or fails makes the test fail.</summary>
internal static class Shell
{
    public static string Run(string program, params string[] arguments)
    {
        (int code, string output) = TryRun(program, null, arguments);
        Assert.True(code == 0, $"{program} {string.Join(' ', arguments)} exited {code}: {output}");
        return output;
    }

    public static (int Code, string Output) TryRun(string program, byte[]? input, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        try
        {
            process.StandardInput.BaseStream.Write(input ?? []);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading everything, as one that refuses does.
        }

        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(60)), $"{program} hangs");
        return (process.ExitCode, output.Result + error.Result);
    }
}
