using Sluice.Diagnostics;
using Sluice.Models;
using Sluice.Transports;
using Sluice.Workers;

namespace Sluice;

/// <summary>The server in a worker process: it binds nothing, serves what its master gives it, and ends the process.</summary>
public sealed partial class SocketServer
{
    private static readonly TimeSpan LongestBeat = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Forever = TimeSpan.FromDays(365);

    private readonly TaskCompletionSource<TimeSpan> _leaving = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _accepted;

    /// <summary>
    /// Whether this process is a worker that a server with the model <c>process</c> or <c>prefork</c> has started. Programs need not ask: the server's
    /// <see cref="StartAsync"/> or <see cref="RunAsync"/> serves and ends the process. What Main does before that, it does in every worker.
    /// </summary>
    public static bool IsWorker => WorkerRole.Current is not null;

    /// <summary>
    /// Replaces every worker of <c>prefork</c> by a new one, one after the other: each goes on until its successor accepts, and then drains. Nobody is refused
    /// meanwhile. The task ends when all are replaced.
    /// </summary>
    /// <exception cref="SluiceException">The server does not serve, or its model has no workers that live on.</exception>
    public async Task RestartWorkersAsync()
    {
        if (_models?.Restart is not { } restart)
        {
            throw new SluiceException(ErrorIds.WrongState, $"the model {_model.Name} has no workers that could be replaced, or the server does not serve; use prefork");
        }

        var end = RestartPhase.WorkersFailed;
        Events.RaiseRestart(new RestartStep(RestartPhase.WorkersBegun, ProcessId: null));
        try
        {
            await restart();
            end = RestartPhase.WorkersReplaced;
        }
        finally
        {
            Events.RaiseRestart(new RestartStep(end, ProcessId: null));
        }
    }

    // Whether this process was started for this server. Then the task never ends, or there is no return at all: the process ends with the connections that it
    // was started for. Another server of the program does nothing here; it looks as if it listened, so that Main comes to the one that is meant.
    private async Task<bool> ServeAsWorkerAsync(WorkerRole role)
    {
        if (role.Server != _options.NameOrAddresses)
        {
            if (_listeners.Count == 0)
            {
                _listeners.AddRange(_addresses.Select(address => new DistantListener(address.Url) { Model = address.Model.Name }));
            }

            return false;
        }

        await ServeForRoleAsync(role);
        return true;
    }

    private Task ServeForRoleAsync(WorkerRole role)
    {
        var never = new TaskCompletionSource();

        try
        {
            ConcurrencyModel model = Master.InWorker(_options, role)
                ?? throw new SluiceException(ErrorIds.WorkerNotReady, $"the program serves with {Master.Name} when it is started again, and had workers before: the model must not change by itself");
            role.OnDrain = (within, othersAccept) => _ = LeaveAsync(role, within, othersAccept);
            if (model.Capabilities.SharesMemory)
            {
                _ = ServeOnAsync(role, model);
                return never.Task;
            }

            Prepare(maximum: 1);
            RunAsWorker(model);
            Environment.Exit(0);
        }
        catch (Exception error)
        {
            Fail(role, error);
        }

        return never.Task;
    }

    // The worker of prefork.
    private async Task ServeOnAsync(WorkerRole role, ConcurrencyModel model)
    {
        try
        {
            int index = Adopt(role, model);
            Prepare(Master.ShareOf(_options, index) ?? DescriptorRoom.Maximum(_options, [model], new ServerEvents(), _handlers.HandsOver));
            Events.Accepting += TellReady;
            Events.ConnectionAccepted += _ => CountAccepted(role);
            Enter(ServerState.Listening);
            RunAsWorker(model);
            role.HearOn();
            new Thread(() => Beat(role), maxStackSize: 256 * 1024) { IsBackground = true, Name = "sluice-worker-beat" }.UnsafeStart();
            await Task.WhenAny(_serving!, _leaving.Task);
            if (_serving!.IsCompleted)
            {
                await _serving;
            }

            DrainReport report = await StopAsync(_leaving.Task.IsCompleted ? _leaving.Task.Result : null);
            role.Link.TrySend(WorkerMessage.Drained(report.Ended, report.Cut, Interlocked.Read(ref _accepted)));
            Environment.Exit(0);
        }
        catch (Exception error)
        {
            Fail(role, error);
        }

        void TellReady()
        {
            Events.Accepting -= TellReady;
            role.Link.TrySend(new WorkerMessage(WorkerMessageKind.Ready));
        }
    }

    // The model that has workers, of which a server has one at most.
    private ConcurrencyModel Master => Models.FirstOrDefault(model => !model.Capabilities.SharesMemory, _model);

    private void RunAsWorker(ConcurrencyModel model)
    {
        _models = new RunningModels([(model, Context(model, budget: null, Timeout.InfiniteTimeSpan))]);
        _serving = _models.RunAsync(_stop);
    }

    private int Adopt(WorkerRole role, ConcurrencyModel model)
    {
        if (role.Next(out int[] descriptors) is not { Kind: WorkerMessageKind.Listen } message)
        {
            Environment.Exit(0); // the master has gone meanwhile, or needs nobody any more
            return 0;
        }

        foreach ((string text, int descriptor) in message.Text.Split('\n').Zip(descriptors))
        {
            SocketAddressUrl url = SocketAddressUrl.Parse(text);
            Listener listener = BuiltInTransports.For(url).Adopt(url, descriptor);
            Settle(listener, model, _listeners.LastOrDefault());
            _listeners.Add(listener);
        }

        return (int)message.First;
    }

    private void CountAccepted(WorkerRole role)
    {
        if (Interlocked.Increment(ref _accepted) == _options.Workers.MaxConnections)
        {
            TellBeat(role); // its successor is due
        }
    }

    private void Beat(WorkerRole role)
    {
        TimeSpan interval = _options.Workers.HangsAfter / 4 is { } quarter && quarter < LongestBeat ? quarter : LongestBeat;
        while (true)
        {
            if (_models!.ShowsLife())
            {
                TellBeat(role);
            }

            Thread.Sleep(interval);
        }
    }

    private void TellBeat(WorkerRole role) => role.Link.TrySend(WorkerMessage.Beat(Connections, Interlocked.Read(ref _accepted), Environment.WorkingSet));

    // Within no time given, the master is gone: as if the server itself were stopped. A negative one is for ever.
    private async Task LeaveAsync(WorkerRole role, TimeSpan? within, bool othersAccept)
    {
        _models!.OthersAccept |= othersAccept;
        TimeSpan patience = within is { } given ? (given < TimeSpan.Zero ? Forever : given) : _options.Drain;
        TellBeat(role); // what it serves now is what there is to drain
        _leaving.TrySetResult(patience);
        await StopAsync(patience);
        await Task.Delay(LongestBeat); // who serves ends the process, unless a handler does not let it
        Environment.Exit(0);
    }

    private static void Fail(WorkerRole role, Exception error)
    {
        role.Link.TrySend(new WorkerMessage(WorkerMessageKind.Failed, Text: error.Message));
        Environment.Exit(1);
    }
}
