using System.Collections;
using System.Globalization;
using System.Text;
using Sluice.Native;

namespace Sluice.Workers;

/// <summary>What is run again to have another process of this server: the program, its arguments, its directory and its environment. proc(5).</summary>
internal sealed class WorkerProgram
{
    private const string Self = "/proc/self/exe"; // the very file that runs here, even if another has taken its name since

    // What systemd says to one process: its workers are not meant, and neither is what replaces it with the sockets that it hands over itself.
    private static readonly string[] Activation = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"];
    private static readonly string[] Notification = ["NOTIFY_SOCKET", "WATCHDOG_USEC"];

    private readonly string _path;
    private readonly IReadOnlyList<byte[]> _arguments;
    private readonly string _directory;
    private bool _notifies; // it goes on with what systemd is told

    private WorkerProgram(string path, IReadOnlyList<byte[]> arguments)
    {
        (_path, _arguments) = (path, arguments);
        _directory = Environment.CurrentDirectory;
    }

    /// <summary>This program as it was started; or <paramref name="command"/>, if there is one.</summary>
    public static WorkerProgram From(IReadOnlyList<string>? command) =>
        command is [var path, ..] ? new(path, [.. command.Select(Encoding.UTF8.GetBytes)]) : new(Self, OwnArguments());

    /// <summary>The same arguments under the program's name: a new file of that name is taken. Or <paramref name="command"/>, if there is one.</summary>
    public static WorkerProgram ByName(IReadOnlyList<string>? command = null)
    {
        List<byte[]> arguments = OwnArguments();
        WorkerProgram program = command is { Count: > 0 } ? From(command) : new(NameOfThis(Encoding.UTF8.GetString(arguments[0])), arguments);
        program._notifies = true;
        return program;
    }

    /// <summary>Starts one more process, linked to this one (<see cref="WorkerLink.ToParent"/> there).</summary>
    /// <param name="marks">Variables of the environment that are added.</param>
    /// <param name="link">Our end.</param>
    /// <param name="error">Why there is none.</param>
    public ChildProcess? TryStart(IReadOnlyDictionary<string, string> marks, out WorkerLink? link, out NativeError error)
    {
        link = null;
        DescriptorChannel? ours = DescriptorChannel.Open(out int theirs, out error);
        if (ours is null)
        {
            return null;
        }

        var start = new ChildStart
        {
            Path = _path,
            Arguments = _arguments,
            Environment = EnvironmentWith(marks, _notifies ? Activation : [.. Activation, .. Notification]),
            Directory = _directory,
            Descriptors = [(theirs, WorkerLink.InNewProcess)],
        };
        ChildProcess? child = ChildProcess.TryStart(start, out error);
        DescriptorChannel.Close(theirs);
        if (child is null)
        {
            ours.Dispose();
            return null;
        }

        link = new WorkerLink(ours);
        return child;
    }

    public override string ToString() => _path;

    /// <summary>The variable that limits a worker's managed heap.</summary>
    public static KeyValuePair<string, string> HeapLimit(long bytes) => new("DOTNET_GCHeapHardLimit", bytes.ToString("X", CultureInfo.InvariantCulture));

    // As it was called, if that is a path: it may lead to another file now, where a link to the newest version is.
    private static string NameOfThis(string calledAs)
    {
        const string Gone = " (deleted)";
        if (calledAs.Contains('/') && File.Exists(calledAs))
        {
            return Path.GetFullPath(calledAs);
        }

        string name = new FileInfo(Self).LinkTarget ?? Environment.ProcessPath!;
        return name.EndsWith(Gone, StringComparison.Ordinal) ? name[..^Gone.Length] : name;
    }

    private static List<byte[]> OwnArguments()
    {
        ReadOnlySpan<byte> line = File.ReadAllBytes("/proc/self/cmdline");
        var arguments = new List<byte[]>();
        while (line.IndexOf((byte)0) is >= 0 and int end)
        {
            arguments.Add(line[..end].ToArray());
            line = line[(end + 1)..];
        }

        return arguments;
    }

    private static List<byte[]> EnvironmentWith(IReadOnlyDictionary<string, string> marks, string[] without)
    {
        var all = new List<byte[]>();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (!marks.ContainsKey((string)variable.Key) && !without.Contains((string)variable.Key, StringComparer.Ordinal))
            {
                all.Add(Encoding.UTF8.GetBytes($"{variable.Key}={variable.Value}"));
            }
        }

        all.AddRange(marks.Select(mark => Encoding.UTF8.GetBytes($"{mark.Key}={mark.Value}")));
        return all;
    }
}
