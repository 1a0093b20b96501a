namespace Sluice.Sessions;

/// <summary>Sessions in the order of a time, linked through themselves: nothing is allocated, and every step is one. Its owner locks.</summary>
internal struct SessionList
{
    public DatagramSession? Oldest { get; private set; }

    private DatagramSession? _newest;

    /// <summary>Puts one that is in no list at the newest end.</summary>
    public void Add(DatagramSession session)
    {
        session.Older = _newest;
        if (_newest is null)
        {
            Oldest = session;
        }
        else
        {
            _newest.Newer = session;
        }

        _newest = session;
    }

    /// <summary>Takes one of this list out.</summary>
    public void Remove(DatagramSession session)
    {
        if (session.Older is { } older)
        {
            older.Newer = session.Newer;
        }
        else
        {
            Oldest = session.Newer;
        }

        if (session.Newer is { } newer)
        {
            newer.Older = session.Older;
        }
        else
        {
            _newest = session.Older;
        }

        (session.Older, session.Newer) = (null, null);
    }

    /// <summary>Makes one of this list the newest.</summary>
    public void Renew(DatagramSession session)
    {
        if (!ReferenceEquals(_newest, session))
        {
            Remove(session);
            Add(session);
        }
    }
}
