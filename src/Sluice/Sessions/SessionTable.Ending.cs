namespace Sluice.Sessions;

/// <summary>What the stop of a server asks of the table. Servers are told apart by the token that fires when their drain is over.</summary>
internal sealed partial class SessionTable
{
    private readonly List<Server> _servers = []; // nearly always one
    private volatile bool _anyEnds;

    /// <summary>Whether a server lets no peer begin any more.</summary>
    public bool IsEnding(CancellationToken stopping)
    {
        if (!_anyEnds)
        {
            return false;
        }

        lock (_changing)
        {
            return Find(stopping) is { IsEnding: true };
        }
    }

    /// <summary>Lets no peer of a server begin any more. Returns its sessions that live.</summary>
    public List<DatagramSession> BeginEnd(CancellationToken stopping)
    {
        var live = new List<DatagramSession>();
        lock (_changing)
        {
            FindOrAdd(stopping).IsEnding = true;
            _anyEnds = true;
            for (DatagramSession? session = _live.Oldest; session is not null; session = session.Newer)
            {
                if (session.Stopping == stopping)
                {
                    live.Add(session);
                }
            }
        }

        return live;
    }

    /// <summary>Ends when no handler of a server's sessions runs.</summary>
    public Task EndedAsync(CancellationToken stopping)
    {
        lock (_changing)
        {
            return Find(stopping) is { Running: > 0 } server
                ? (server.Ended ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task
                : Task.CompletedTask;
        }
    }

    private Server? Find(CancellationToken stopping)
    {
        foreach (Server server in _servers)
        {
            if (server.Stopping == stopping)
            {
                return server;
            }
        }

        return null;
    }

    private Server FindOrAdd(CancellationToken stopping)
    {
        if (Find(stopping) is { } known)
        {
            return known;
        }

        _servers.RemoveAll(static server => server is { Running: 0, Stopping.IsCancellationRequested: true }); // over: nothing asks for them any more
        var added = new Server(stopping);
        _servers.Add(added);
        return added;
    }

    private void HandlerEnded(DatagramSession session)
    {
        if (Find(session.Stopping) is { } server && --server.Running == 0)
        {
            server.Ended?.SetResult();
            server.Ended = null;
        }
    }

    private sealed class Server(CancellationToken stopping)
    {
        public CancellationToken Stopping => stopping;

        public int Running { get; set; }

        public bool IsEnding { get; set; }

        public TaskCompletionSource? Ended { get; set; }
    }
}
