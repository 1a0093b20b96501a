using System.Runtime.InteropServices;

namespace Sluice.Workers;

/// <summary>The numbers of some handles, which cannot be closed meanwhile.</summary>
internal readonly struct HeldHandles : IDisposable
{
    private readonly List<SafeHandle> _held = [];

    /// <summary>Holds them. Throws ObjectDisposedException when one is closed, and holds none then.</summary>
    public HeldHandles(IEnumerable<SafeHandle> handles)
    {
        try
        {
            foreach (SafeHandle handle in handles)
            {
                bool isHeld = false;
                handle.DangerousAddRef(ref isHeld);
                _held.Add(handle);
            }
        }
        catch (ObjectDisposedException)
        {
            Dispose();
            throw;
        }

        Numbers = [.. _held.Select(handle => (int)handle.DangerousGetHandle())];
    }

    public int[] Numbers { get; }

    public void Dispose() => _held.ForEach(static handle => handle.DangerousRelease());
}
