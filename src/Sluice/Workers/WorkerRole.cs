using Sluice.Native;

namespace Sluice.Workers;

/// <summary>
/// What this process was started for, if a server started it to have a worker: the server's name, and the link to its master. It is taken once, from a
/// variable that is then gone, so that processes that a handler starts are none.
/// </summary>
internal sealed class WorkerRole
{
    /// <summary>The variable that names the server.</summary>
    public const string Variable = "SLUICE_WORKER";

    private static readonly Lazy<WorkerRole?> Own = new(Take);

    private WorkerRole(string server, WorkerLink link) => (Server, Link) = (server, link);

    /// <summary>This process's; null when it is no worker.</summary>
    public static WorkerRole? Current => Own.Value;

    /// <summary>The name of the server that it serves for.</summary>
    public string Server { get; }

    public WorkerLink Link { get; }

    /// <summary>The next message, however long it takes; null when the master is gone.</summary>
    public WorkerMessage? Next(out int[] descriptors) => Link.Receive(out WorkerMessage message, out descriptors, wait: true) == LinkState.Open ? message : null;

    /// <summary>What to do when the master says that it is time to end: how long that may take (null: it is gone), and whether others go on accepting.</summary>
    public Action<TimeSpan?, bool>? OnDrain { get; set; }

    /// <summary>From now on a thread hears what the master says.</summary>
    public void HearOn() => new Thread(Hear, maxStackSize: 256 * 1024) { IsBackground = true, Name = "sluice-worker-link" }.UnsafeStart();

    private void Hear()
    {
        while (Next(out int[] descriptors) is { } message)
        {
            WorkerLink.Close(descriptors);
            if (message.Kind == WorkerMessageKind.Drain)
            {
                OnDrain?.Invoke(TimeSpan.FromMilliseconds(message.First), message.Second != 0);
            }
        }

        OnDrain?.Invoke(null, false);
    }

    // It was started by the name /proc/self/exe, which is what ps(1) and pkill(1) would show.
    private static void NameThis()
    {
        try
        {
            File.WriteAllText("/proc/self/comm", Path.GetFileName(Environment.ProcessPath));
        }
        catch (IOException)
        {
            // A name is all that is missing.
        }
    }

    private static WorkerRole? Take()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } server)
        {
            return null;
        }

        Environment.SetEnvironmentVariable(Variable, null);
        ProcessSignals.DoNothingOn(ProcessSignals.Interrupt, interrupts: false); // Ctrl-C comes to the whole group: the master drains, and tells its workers
        ProcessSignals.DoNothingOn(ProcessSignals.Terminate, interrupts: false);
        ProcessSignals.DoNothingOn(ProcessSignals.HangUp, interrupts: false); // so with those that replace processes: the master's business
        ProcessSignals.DoNothingOn(ProcessSignals.UserDefined2, interrupts: false);
        NameThis();
        return new WorkerRole(server, WorkerLink.ToParent());
    }
}
