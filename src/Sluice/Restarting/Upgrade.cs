using System.Globalization;
using Sluice.Native;
using Sluice.Transports;
using Sluice.Workers;

namespace Sluice.Restarting;

/// <summary>
/// The old process's side of an upgrade: starts the new one, passes it the listeners, and waits until it serves, ends, or has taken too long. On the calling
/// thread, which waits in poll(2).
/// </summary>
internal sealed class Upgrade : IDisposable
{
    private readonly EventDescriptor _canceled = new();
    private readonly UpgradeOptions _options;
    private readonly int _servers;
    private WorkerLink? _link;
    private ChildProcess? _child;
    private string? _complaint;

    public Upgrade(UpgradeOptions options, int servers) => (_options, _servers) = (options, servers);

    /// <summary>The new process.</summary>
    public int ProcessId => _child!.Id;

    /// <summary>Starts the new process and passes it the listeners, each with its server's name. SLU0310 when the system does not let us.</summary>
    public void Start(IEnumerable<(string Server, Listener Listener)> listeners)
    {
        var marks = new Dictionary<string, string>(StringComparer.Ordinal) { [UpgradeRole.Variable] = Environment.ProcessId.ToString(CultureInfo.InvariantCulture) };
        _child = WorkerProgram.ByName(_options.Program).TryStart(marks, out _link, out NativeError error);
        if (_child is null)
        {
            throw new SluiceException(ErrorIds.UpgradeNotStarted, $"the new process could not be started ({error}), and this one goes on; is the program still where it was, and may this user run it?");
        }

        foreach ((string server, Listener listener) in listeners)
        {
            if (listener.Handle is { } handle)
            {
                using var held = new HeldHandles([handle]);
                Send(WorkerMessage.Inherit(server, listener.AskedFor!, listener.Url.ToString()), held.Numbers);
            }
        }

        Send(new WorkerMessage(WorkerMessageKind.Inherited, _servers));
    }

    /// <summary>Waits until the new process serves. When it does not, it is killed, and SLU0309 says why.</summary>
    public void AwaitReady(CancellationToken cancellation)
    {
        using CancellationTokenRegistration registration = cancellation.UnsafeRegister(static canceled => ((EventDescriptor)canceled!).Set(), _canceled);
        long until = Environment.TickCount64 + (long)_options.ReadyWithin.TotalMilliseconds;
        int ready = 0;
        Span<PollDescriptor> polled =
        [
            new() { Descriptor = _link!.Descriptor, Events = PollDescriptor.In },
            new() { Descriptor = _child!.Descriptor, Events = PollDescriptor.In },
            new() { Descriptor = _canceled.Number, Events = PollDescriptor.In },
        ];
        while (true)
        {
            long left = until - Environment.TickCount64;
            if (cancellation.IsCancellationRequested || left <= 0)
            {
                GiveUp(cancellation.IsCancellationRequested ? "this one was told to stop" : $"it was not ready within {_options.ReadyWithin.TotalSeconds:0.###} s");
            }

            DescriptorPoll.Wait(polled, (int)Math.Min(left, int.MaxValue));
            while (_link.Receive(out WorkerMessage message, out int[] descriptors, wait: false) is var state && state != LinkState.Empty)
            {
                WorkerLink.Close(descriptors);
                if (state == LinkState.Closed)
                {
                    polled[0].Descriptor = -1; // its end follows, or its time is over
                    break;
                }

                ready += message.Kind == WorkerMessageKind.Ready ? 1 : 0;
                _complaint ??= message.Kind == WorkerMessageKind.Failed ? message.Text : null;
            }

            if (ready >= _servers)
            {
                return;
            }

            if (_child.TryReap(out ChildExit exit))
            {
                throw Failed(_complaint ?? $"it {exit} before it served");
            }
        }
    }

    /// <summary>Tells the new process that the listeners are its own.</summary>
    public void HandOver() => _link!.TrySend(new WorkerMessage(WorkerMessageKind.HandedOver));

    public void Dispose()
    {
        _link?.Dispose();
        _child?.Dispose();
        _canceled.Dispose();
    }

    // What does not fit into the link waits until the new process has come to read it; when it does not, or is gone, AwaitReady says so.
    private void Send(in WorkerMessage message, ReadOnlySpan<int> descriptors = default)
    {
        Span<PollDescriptor> polled = [new() { Descriptor = _link!.Descriptor, Events = PollDescriptor.Out }, new() { Descriptor = _child!.Descriptor, Events = PollDescriptor.In }];
        long until = Environment.TickCount64 + (long)_options.ReadyWithin.TotalMilliseconds;
        bool mayRead = true;
        while (!_link.TrySend(message, descriptors) && mayRead && until > Environment.TickCount64)
        {
            DescriptorPoll.Wait(polled, (int)Math.Clamp(until - Environment.TickCount64, 0, int.MaxValue));
            mayRead = polled[1].Returned == 0 && (polled[0].Returned & ~PollDescriptor.Out) == 0;
        }
    }

    private void GiveUp(string why)
    {
        _child!.Signal(ChildProcess.Kill);
        _child.TryReap(-1, out _);
        throw Failed(_complaint ?? why);
    }

    private SluiceException Failed(string why) => new(ErrorIds.UpgradeFailed, $"the new process {ProcessId} does not take over, and this one goes on: {why}");
}
