namespace Sluice.Diagnostics;

/// <summary>What peers can cause is written once a second, with how much was left out.</summary>
internal sealed class OncePerSecond
{
    private readonly Lock _changing = new();
    private long _last = long.MinValue / 2;
    private long _leftOut;

    public bool MayWrite(out long leftOut)
    {
        lock (_changing)
        {
            long now = Environment.TickCount64;
            leftOut = _leftOut;
            if (now - _last < 1000)
            {
                _leftOut++;
                return false;
            }

            (_last, _leftOut) = (now, 0);
            return true;
        }
    }
}
