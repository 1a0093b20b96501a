using System.Net;

namespace Sluice.Sessions;

/// <summary>Where a session is in the table.</summary>
internal enum SessionPlace
{
    /// <summary>Not in it yet: it holds a place, and nobody can find it.</summary>
    Outside,

    /// <summary>Found by its peer's address.</summary>
    Live,

    /// <summary>It has ended and its handler has not. It holds its place, for the grace.</summary>
    Ending,

    /// <summary>The grace is over and its handler still runs. It holds no place.</summary>
    Lingering,

    /// <summary>Forgotten.</summary>
    Gone,
}

/// <summary>Who is there: sessions by peer, and in the order in which they were last heard of. One lock, held for a few steps and never around a handler; from any thread.</summary>
internal sealed partial class SessionTable(DatagramSessionOptions options)
{
    // A datagram pays for few others; the timer for the rest.
    private const int MostPerDatagram = 4;

    private readonly Lock _changing = new();
    private readonly Dictionary<SessionKey, DatagramSession> _byPeer = [];
    private readonly long _idle = Ticks(options, options.IdleTimeout);
    private readonly long _grace = Ticks(options, options.EndGrace);
    private readonly long _lifetime = Ticks(options, options.Lifetime ?? TimeSpan.MaxValue);
    private SessionList _live;   // by the last datagram
    private SessionList _ending; // by the end
    private int _places;
    private int _lingering;
    private bool _closed;

    /// <summary>Sessions that hold a place.</summary>
    public int Places => Volatile.Read(ref _places);

    public int Lingering => Volatile.Read(ref _lingering);

    /// <summary>The session of a peer, which is not idle any more; null when there is none. <paramref name="over"/> are a few that were idle too long, to be ended by the caller.</summary>
    public DatagramSession? Find(IDatagramSender sender, SocketAddress peer, long now, out DatagramSession? over)
    {
        lock (_changing)
        {
            over = TakeIdle(now, MostPerDatagram);
            if (!_byPeer.TryGetValue(new SessionKey(sender, peer), out DatagramSession? session))
            {
                return null;
            }

            if (now - session.Since >= _idle || now - session.BeganAt >= _lifetime)
            {
                Retire(session, now);
                session.NextOver = over;
                over = session;
                return null;
            }

            Renew(session, now);
            return session;
        }
    }

    /// <summary>A datagram was sent to its peer.</summary>
    public void Touch(DatagramSession session, long now)
    {
        lock (_changing)
        {
            if (session.Place == SessionPlace.Live)
            {
                Renew(session, now);
            }
        }
    }

    public bool TryTakePlace()
    {
        lock (_changing)
        {
            if (_closed || _places >= options.MaxSessions)
            {
                return false;
            }

            _places++;
            return true;
        }
    }

    /// <summary>Takes the session that was idle longest out, to be ended by the caller.</summary>
    public DatagramSession? TakeIdlest(long now)
    {
        lock (_changing)
        {
            if (_live.Oldest is { } idlest)
            {
                Retire(idlest, now);
                return idlest;
            }

            return null;
        }
    }

    /// <summary>Lets a session that holds a place be found. False: its peer has one already, or it has ended.</summary>
    public bool TryAdd(DatagramSession session)
    {
        lock (_changing)
        {
            Server server = FindOrAdd(session.Stopping);
            if (_closed || server.IsEnding || session.CloseReason != CloseReason.None || !_byPeer.TryAdd(session.Key, session))
            {
                return false;
            }

            server.Running++;
            session.Place = SessionPlace.Live;
            _live.Add(session);
            return true;
        }
    }

    /// <summary>It has ended: its peer's next datagram begins another. It holds its place until it is forgotten.</summary>
    public void Retired(DatagramSession session, long now)
    {
        lock (_changing)
        {
            if (session.Place == SessionPlace.Live)
            {
                Retire(session, now);
            }
        }
    }

    /// <summary>Its handler has ended, or it was never found: its place is free.</summary>
    public void Forget(DatagramSession session)
    {
        lock (_changing)
        {
            switch (session.Place)
            {
                case SessionPlace.Live:
                    Retire(session, now: 0);
                    goto case SessionPlace.Ending;
                case SessionPlace.Ending:
                    _ending.Remove(session);
                    _places--;
                    break;
                case SessionPlace.Outside:
                    _places--;
                    break;
                case SessionPlace.Lingering:
                    _lingering--;
                    break;
                default:
                    return;
            }

            if (session.Place != SessionPlace.Outside)
            {
                HandlerEnded(session);
            }

            session.Place = SessionPlace.Gone;
        }
    }

    /// <summary>Gives the places of those back whose handler has not ended within the grace; returns those that were idle too long, to be ended by the caller.</summary>
    public DatagramSession? Sweep(long now)
    {
        lock (_changing)
        {
            while (_ending.Oldest is { } ending && now - ending.Since >= _grace)
            {
                _ending.Remove(ending);
                ending.Place = SessionPlace.Lingering;
                _places--;
                _lingering++;
            }

            return TakeIdle(now, int.MaxValue);
        }
    }

    /// <summary>Takes out those that have reached their lifetime, to be ended by the caller.</summary>
    public DatagramSession? TakeOld(long now)
    {
        DatagramSession? old = null;
        lock (_changing)
        {
            foreach (DatagramSession session in _byPeer.Values)
            {
                if (now - session.BeganAt >= _lifetime)
                {
                    Retire(session, now);
                    (session.NextOver, old) = (old, session);
                }
            }
        }

        return old;
    }

    /// <summary>Takes all out, to be ended by the caller, and lets nobody in any more.</summary>
    public DatagramSession? Close(long now)
    {
        DatagramSession? all = null;
        lock (_changing)
        {
            _closed = true;
            while (_live.Oldest is { } session)
            {
                Retire(session, now);
                (session.NextOver, all) = (all, session);
            }
        }

        return all;
    }

    private DatagramSession? TakeIdle(long now, int most)
    {
        DatagramSession? over = null;
        for (; most > 0 && _live.Oldest is { } session && now - session.Since >= _idle; most--)
        {
            Retire(session, now);
            (session.NextOver, over) = (over, session);
        }

        return over;
    }

    private void Renew(DatagramSession session, long now)
    {
        session.Since = Math.Max(session.Since, now); // another thread may have looked at the clock later and been here before
        _live.Renew(session);
    }

    private void Retire(DatagramSession session, long now)
    {
        _byPeer.Remove(session.Key);
        _live.Remove(session);
        session.Place = SessionPlace.Ending;
        session.Since = now;
        _ending.Add(session);
    }

    private static long Ticks(DatagramSessionOptions options, TimeSpan time) =>
        time == TimeSpan.MaxValue ? long.MaxValue : (long)(time.TotalSeconds * options.Time.TimestampFrequency);
}
