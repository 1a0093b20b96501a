using Sluice.Connections;
using Sluice.Diagnostics;
using Sluice.Models;
using Sluice.Native;
using Sluice.Restarting;
using Sluice.Transports;

namespace Sluice;

/// <summary>Zero-downtime restart: another process takes the listening sockets over, and nobody is refused.</summary>
public sealed partial class SocketServer
{
    // Whoever was accepted just before the hand-over has this long for its first byte: it could not know better than to come.
    private static readonly TimeSpan FirstByteAfterHandOver = TimeSpan.FromSeconds(2);

    private bool _isUpgrading;
    private bool _isHandedOver;

    /// <summary>The process that this one was started to replace, by <see cref="UpgradeAsync(UpgradeOptions?, CancellationToken)"/> there; null when it replaces none.</summary>
    public static int? UpgradedFrom => UpgradeRole.Current?.Predecessor;

    /// <summary>Whether another process serves on the listening sockets now: stopping this server only ends what it has accepted itself.</summary>
    public bool IsHandedOver
    {
        get
        {
            lock (_changing)
            {
                return _isHandedOver;
            }
        }
    }

    /// <summary>
    /// Starts this program again, hands the listening sockets over to the new process's server of the same name and URLs, and waits until that one accepts. Both
    /// accept then, until this one is stopped, which the caller does next: <see cref="StopAsync"/> neither ends the sockets nor removes their files. Main does
    /// there what it always does; its server binds nothing that it inherits.
    /// </summary>
    /// <param name="options">Null is the defaults.</param>
    /// <param name="cancellation">Gives it up: the new process is killed.</param>
    /// <returns>The number of the new process.</returns>
    /// <exception cref="SluiceException">The new process could not be started (SLU0310) or does not serve (SLU0309); this server goes on as before. Or this server does not serve.</exception>
    public Task<int> UpgradeAsync(UpgradeOptions? options = null, CancellationToken cancellation = default) => UpgradeAsync([this], options, cancellation);

    /// <summary>The same for a process with several servers: all are handed over to one new process, once as many serve there.</summary>
    /// <inheritdoc cref="UpgradeAsync(UpgradeOptions?, CancellationToken)"/>
    public static async Task<int> UpgradeAsync(IReadOnlyList<SocketServer> servers, UpgradeOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(servers);
        options ??= new UpgradeOptions();
        if (servers.Count == 0 || options.ReadyWithin <= TimeSpan.Zero)
        {
            throw new SluiceException(ErrorIds.OptionOutOfRange, "an upgrade needs a server, and a time in which the new process may become ready");
        }

        int begun = 0;
        try
        {
            foreach (SocketServer server in servers)
            {
                server.BeginUpgrade();
                begun++;
            }

            Tell(servers, RestartPhase.UpgradeBegun, processId: null);
            return await Task.Factory.StartNew(() => HandOver(servers, options, cancellation), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        catch when (begun == servers.Count)
        {
            Tell(servers, RestartPhase.UpgradeFailed, processId: null);
            throw;
        }
        finally
        {
            foreach (SocketServer server in servers.Take(begun))
            {
                server.EndUpgrade();
            }
        }
    }

    /// <summary>Sends SIGUSR2 to a process, which a server that wants to be upgraded that way has to wait for: the command <c>sluice</c> does.</summary>
    /// <returns>False, and why, when the system does not send it.</returns>
    public static bool RequestUpgrade(int processId, out string? error)
    {
        NativeError failure = ProcessSignals.Send(processId, ProcessSignals.UserDefined2);
        error = failure == NativeError.None ? null : failure.ToString();
        return failure == NativeError.None;
    }

    /// <summary>Whether those who serve have moved since the last call, where that can be told.</summary>
    internal bool ShowsLife() => _models?.ShowsLife() ?? true;

    private static int HandOver(IReadOnlyList<SocketServer> servers, UpgradeOptions options, CancellationToken cancellation)
    {
        using var upgrade = new Upgrade(options, servers.Count);
        upgrade.Start(servers.SelectMany(server => server._listeners.Select(listener => (server._options.Name ?? "", listener))));
        upgrade.AwaitReady(cancellation);
        foreach (SocketServer server in servers)
        {
            lock (server._changing)
            {
                server._isHandedOver = true;
                server._models!.OthersAccept = true;
                server._listeners.ForEach(static listener => listener.Share());
            }
        }

        Tell(servers, RestartPhase.HandedOver, upgrade.ProcessId); // before the new process says anything itself
        upgrade.HandOver();
        return upgrade.ProcessId;
    }

    private static void Tell(IReadOnlyList<SocketServer> servers, RestartPhase phase, int? processId)
    {
        foreach (SocketServer server in servers)
        {
            server.Events.RaiseRestart(new RestartStep(phase, processId));
        }
    }

    private void BeginUpgrade()
    {
        lock (_changing)
        {
            if (_models is null || _state != ServerState.Listening || _stopping is not null || _isHandedOver || IsWorker)
            {
                throw new SluiceException(ErrorIds.WrongState, "the server has nothing to hand over: it does not serve, or was stopped or handed over already");
            }

            if (_isUpgrading)
            {
                throw new SluiceException(ErrorIds.WrongState, "an upgrade of this server is under way; wait for its end");
            }

            _isUpgrading = true;
        }
    }

    private void EndUpgrade()
    {
        lock (_changing)
        {
            _isUpgrading = false;
        }
    }

    // Under _changing: what the predecessor hands over instead of binding it again, and the rest.
    private IReadOnlyList<Listener> InheritOrBind(ServedAddress address)
    {
        (SocketAddressUrl url, Transport transport, ConcurrencyModel model) = address;
        string askedFor = url.ToString();
        IReadOnlyList<(SocketAddressUrl Url, int Descriptor)> inherited = UpgradeRole.Current?.Inherit(_options.Name ?? "", askedFor) ?? [];
        IReadOnlyList<Listener> listeners = inherited.Count == 0
            ? transport.BindAll(url, _options.Sockets, model.DatagramSockets(_options))
            : [.. inherited.Select(one => BuiltInTransports.For(one.Url).Adopt(one.Url, one.Descriptor))];
        for (int i = 0; i < listeners.Count; i++)
        {
            Settle(listeners[i], model, i > 0 ? listeners[i - 1] : null);
            listeners[i].AskedFor = askedFor;
        }

        if (listeners.FirstOrDefault(listener => !_handlers.Serve(listener.Kind)) is { } unserved)
        {
            Array.ForEach([.. listeners], static listener => listener.Close());
            throw OptionsCheck.NoHandlerFor(unserved.Url, unserved.Kind);
        }

        if (inherited.Count > 0 && !transport.IsForeign)
        {
            UnixSockets.SetMode(url, _options.Sockets); // which may be another one than the predecessor's
            _ = OwnAsync(UpgradeRole.Current!.HandedOver, listeners);
        }

        return listeners;
    }

    // What every listener needs before it is served. Several sockets of one address come one after the other, from another process too.
    private void Settle(Listener listener, ConcurrencyModel model, Listener? before)
    {
        listener.Model = model.Name;
        listener.Apply(_options.Sockets);
        if (listener is DatagramListener datagrams)
        {
            datagrams.Configure(_options.Datagrams, model.ReceivesTogether);
            datagrams.IsTwin |= before is DatagramListener && before.Url == listener.Url;
        }
    }

    private static async Task OwnAsync(Task handedOver, IReadOnlyList<Listener> listeners)
    {
        await handedOver;
        foreach (Listener listener in listeners)
        {
            listener.Own();
        }
    }

    // A step of the drain. Whoever has just come is left alone for a while, if others go on accepting.
    private void AskToEnd(StreamConnection connection)
    {
        bool mayBeAboutToAsk = _models is { OthersAccept: true }
            && connection is { BytesReceived: 0, IsElsewhere: false } && Environment.TickCount64 - connection.AcceptedAt < FirstByteAfterHandOver.TotalMilliseconds;
        if (!mayBeAboutToAsk)
        {
            connection.RequestDrain();
        }
    }
}
