using System.Globalization;

namespace Sluice.Cli.Serving;

/// <summary>The file that names the process that serves, for those who send it signals.</summary>
internal sealed class PidFile
{
    private readonly string _path;

    private PidFile(string path) => _path = path;

    /// <summary>The file, if this process may have it: another process that it names, and that lives, must be the one that this one replaces.</summary>
    public static PidFile Claim(string path)
    {
        if (Read(path) is { } process && process != Environment.ProcessId && process != SocketServer.UpgradedFrom && IsAlive(process))
        {
            throw new SluiceException(CliErrorIds.PidFileTaken,
                $"cannot use the pid file {path}: the process {process} that it names is alive; stop that one, or name another file; if it is no sluice, remove the file");
        }

        return new(Path.GetFullPath(path));
    }

    /// <summary>The process that a pid file names; null when there is no such file, or no number in it.</summary>
    public static int? Read(string path) =>
        int.TryParse(ProcFile.Text(path)?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int process) && process > 0 ? process : null;

    /// <summary>Whether there is such a process; one that has ended and was not waited for is none.</summary>
    public static bool IsAlive(int process) => ProcFile.Text($"/proc/{process}/stat") is { } stat && !stat[(stat.LastIndexOf(')') + 1)..].StartsWith(" Z", StringComparison.Ordinal);

    /// <summary>Names this process in it, all at once: who reads it finds the old number or the new one.</summary>
    public void Write()
    {
        string own = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        string temporary = $"{_path}.{own}";
        try
        {
            File.WriteAllText(temporary, own + "\n");
            File.Move(temporary, _path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(CliErrorIds.PidFileNotWritten, $"cannot write the pid file {_path}: {error.Message}; name a directory that exists and that this user may write to", error);
        }
    }

    /// <summary>Removes it, unless it names another process by now.</summary>
    public void Remove()
    {
        if (Read(_path) == Environment.ProcessId)
        {
            try
            {
                File.Delete(_path);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // A number of a process that is gone; the next one writes over it.
            }
        }
    }
}
