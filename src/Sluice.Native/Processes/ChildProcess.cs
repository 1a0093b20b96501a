using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Sluice.Native;

/// <summary>
/// A process that this one has started and will reap, by its pidfd: no number that could be another's meanwhile, and no SIGCHLD handler.
/// posix_spawn(3), pidfd_open(2), waitid(2). One thread reaps and disposes; any may signal.
/// </summary>
internal sealed unsafe class ChildProcess : IDisposable
{
    /// <summary>SIGKILL, SIGTERM and SIGCONT. signal(7).</summary>
    public const int Kill = 9, Terminate = 15, Continue = 18;

    private const int FirstPassed = 3;
    private const int Temporary = 64; // copies of passed descriptors are from here on, where no target is
    private const int StructureSize = 1024; // of posix_spawn_file_actions_t and posix_spawnattr_t: 80 and 336 with glibc
    private const int SignalSetSize = 128;
    private const short SetSignalMask = 8; // POSIX_SPAWN_SETSIGMASK
    private const short SetSignalDefaults = 4; // POSIX_SPAWN_SETSIGDEF
    private const int DuplicateCloseOnExec = 1030; // F_DUPFD_CLOEXEC
    private const int ByPidfd = 3; // P_PIDFD
    private const int WhoHasExited = 4; // WEXITED
    private const int WithoutWaiting = 1; // WNOHANG
    private const int Exited = 1; // CLD_EXITED
    private const int ProcessorTimeLimit = 0; // RLIMIT_CPU

    private readonly Lock _closing = new();
    private int _descriptor;
    private bool _isReaped;

    private ChildProcess(int id, int descriptor) => (Id, _descriptor) = (id, descriptor);

    public int Id { get; }

    /// <summary>Becomes readable when it has ended.</summary>
    public int Descriptor => _descriptor;

    /// <summary>Starts it with every signal at its default and none blocked, in this process's group and session.</summary>
    public static ChildProcess? TryStart(ChildStart start, out NativeError error)
    {
        byte* actions = stackalloc byte[StructureSize];
        byte* attributes = stackalloc byte[StructureSize];
        byte* signals = stackalloc byte[SignalSetSize];
        var copies = new List<int>();
        _ = Libc.posix_spawn_file_actions_init(actions);
        _ = Libc.posix_spawnattr_init(attributes);
        try
        {
            new Span<byte>(signals, SignalSetSize).Clear();
            _ = Libc.posix_spawnattr_setsigmask(attributes, signals);
            new Span<byte>(signals, SignalSetSize).Fill(0xFF);
            _ = Libc.posix_spawnattr_setsigdefault(attributes, signals);
            _ = Libc.posix_spawnattr_setflags(attributes, SetSignalMask | SetSignalDefaults);
            if (!TryPass(start, actions, copies, out error))
            {
                return null;
            }

            fixed (byte* path = Terminated(start.Path))
            fixed (byte* directory = Terminated(start.Directory ?? ""))
            {
                if (start.Directory is not null)
                {
                    _ = Libc.posix_spawn_file_actions_addchdir_np(actions, directory); // it copies the text
                }

                int id;
                using var arguments = new TextArray(start.Arguments);
                using var environment = new TextArray(start.Environment);
                error = Errno.Name(Libc.posix_spawn(&id, path, actions, attributes, arguments.Start, environment.Start));
                return error == NativeError.None ? Watch(id, out error) : null;
            }
        }
        finally
        {
            _ = Libc.posix_spawn_file_actions_destroy(actions);
            _ = Libc.posix_spawnattr_destroy(attributes);
            copies.ForEach(static copy => _ = Libc.close(copy));
        }
    }

    /// <summary>Sends it a signal; nothing happens once it has ended. From any thread.</summary>
    public void Signal(int signal)
    {
        lock (_closing)
        {
            if (_descriptor >= 0 && !_isReaped)
            {
                _ = Libc.syscall(Libc.PidfdSendSignal, _descriptor, signal, 0, 0, 0, 0);
            }
        }
    }

    /// <summary>How much processor time it may use, in whole seconds: SIGXCPU then, SIGKILL a second later. False when the system says no.</summary>
    public bool TryLimitProcessorTime(TimeSpan most)
    {
        ulong* limit = stackalloc ulong[2];
        limit[0] = (ulong)Math.Max(1, Math.Ceiling(most.TotalSeconds));
        limit[1] = limit[0] + 1;
        return Libc.prlimit(Id, ProcessorTimeLimit, limit, null) == 0;
    }

    /// <summary>Whether it has ended; then it is reaped, and how it ended is told once: as an exit with 0 where the kernel does not say.</summary>
    public bool TryReap(out ChildExit exit)
    {
        const int InformationSize = 128, UsageSize = 144;
        byte* information = stackalloc byte[InformationSize]; // siginfo_t: si_code at 8, si_pid at 16, si_status at 24
        byte* usage = stackalloc byte[UsageSize]; // struct rusage: two timevals, then ru_maxrss in KiB
        new Span<byte>(information, InformationSize).Clear();
        new Span<byte>(usage, UsageSize).Clear();
        exit = default;
        lock (_closing)
        {
            if (_descriptor < 0 || _isReaped)
            {
                return false;
            }

            if (Libc.syscall(Libc.WaitId, ByPidfd, _descriptor, (nint)information, WhoHasExited | WithoutWaiting, (nint)usage, 0) < 0)
            {
                _isReaped = Errno.Last == NativeError.NoChild; // this process was started with SIGCHLD ignored, and the kernel has reaped it
                return _isReaped;
            }

            if (*(int*)(information + 16) == 0)
            {
                return false;
            }

            _isReaped = true;
        }

        int status = *(int*)(information + 24);
        bool byItself = *(int*)(information + 8) == Exited;
        long* time = (long*)usage;
        TimeSpan used = TimeSpan.FromSeconds(time[0] + time[2]) + TimeSpan.FromMicroseconds(time[1] + time[3]);
        exit = new ChildExit(byItself ? status : 0, byItself ? 0 : status, used, time[4] * 1024);
        return true;
    }

    /// <summary>Waits until it has ended, at most so long (-1: for ever), and reaps it.</summary>
    public bool TryReap(int milliseconds, out ChildExit exit)
    {
        Span<PollDescriptor> polled = [new PollDescriptor { Descriptor = _descriptor, Events = PollDescriptor.In }];
        long until = Environment.TickCount64 + milliseconds;
        do
        {
            if (TryReap(out exit))
            {
                return true;
            }

            DescriptorPoll.Wait(polled, milliseconds < 0 ? -1 : (int)Math.Max(0, until - Environment.TickCount64));
        }
        while (milliseconds < 0 || Environment.TickCount64 < until);
        return TryReap(out exit);
    }

    public void Dispose()
    {
        lock (_closing)
        {
            if (_descriptor >= 0)
            {
                _ = Libc.close(_descriptor);
                _descriptor = -1;
            }
        }
    }

    // The child is ours and not reaped, so that its number cannot be another's yet.
    private static ChildProcess? Watch(int id, out NativeError error)
    {
        int descriptor = (int)Libc.syscall(Libc.PidfdOpen, id, 0, 0, 0, 0, 0); // close-on-exec by itself
        error = descriptor < 0 ? Errno.Last : NativeError.None;
        if (descriptor >= 0)
        {
            return new ChildProcess(id, descriptor);
        }

        _ = Libc.kill(id, Kill);
        _ = Libc.syscall(Libc.WaitId, 1, id, 0, WhoHasExited, 0, 0); // P_PID
        return null;
    }

    // Each descriptor by way of a copy that is out of the way of the targets: a target may be another's source. What was not named is closed.
    private static bool TryPass(ChildStart start, void* actions, List<int> copies, out NativeError error)
    {
        int last = FirstPassed - 1;
        foreach ((int ours, int theirs) in start.Descriptors)
        {
            int copy = Libc.fcntl(ours, DuplicateCloseOnExec, Temporary + start.Descriptors.Count);
            if (copy < 0)
            {
                error = Errno.Last;
                return false;
            }

            copies.Add(copy);
            _ = Libc.posix_spawn_file_actions_adddup2(actions, copy, theirs);
            last = Math.Max(last, theirs);
        }

        CloseFrom(actions, last + 1);
        error = NativeError.None;
        return true;
    }

    // glibc has it since 2.34; before, those that are open now are closed one by one.
    private static void CloseFrom(void* actions, int first)
    {
        try
        {
            _ = Libc.posix_spawn_file_actions_addclosefrom_np(actions, first);
        }
        catch (EntryPointNotFoundException)
        {
            foreach (string path in Directory.GetFileSystemEntries("/proc/self/fd"))
            {
                if (int.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out int descriptor) && descriptor >= first)
                {
                    _ = Libc.posix_spawn_file_actions_addclose(actions, descriptor);
                }
            }
        }
    }

    private static byte[] Terminated(string text) => Encoding.UTF8.GetBytes(text + '\0');

    /// <summary>A char *const[] that ends with a null, as execve(2) takes it.</summary>
    private readonly ref struct TextArray
    {
        private readonly nint[] _texts;
        private readonly GCHandle _pin;

        public TextArray(IReadOnlyList<byte[]> texts)
        {
            _texts = new nint[texts.Count + 1];
            for (int i = 0; i < texts.Count; i++)
            {
                var text = (byte*)NativeMemory.Alloc((nuint)texts[i].Length + 1);
                texts[i].CopyTo(new Span<byte>(text, texts[i].Length));
                text[texts[i].Length] = 0;
                _texts[i] = (nint)text;
            }

            _pin = GCHandle.Alloc(_texts, GCHandleType.Pinned);
        }

        public byte** Start => (byte**)_pin.AddrOfPinnedObject();

        public void Dispose()
        {
            _pin.Free();
            foreach (nint text in _texts)
            {
                NativeMemory.Free((void*)text);
            }
        }
    }
}
