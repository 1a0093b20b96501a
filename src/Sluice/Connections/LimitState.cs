namespace Sluice.Connections;

/// <summary>What the sweep remembers of one connection from look to look. Only the sweep's thread touches it, but for what was reported.</summary>
internal struct LimitState
{
    public int ReadTicket;
    public long ReadSince;
    public int FlushTicket;
    public long FlushSince; // 0: not looked at yet
    public long FlushBytes;
    public long OwedSince;
    public long OwedBytes;
    public bool Owes;
}
