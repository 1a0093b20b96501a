using System.Runtime.InteropServices;

namespace Sluice.Workers;

/// <summary>The numbers of some handles, which cannot be closed meanwhile.</summary>
internal readonly struct HeldHandles : IDisposable
{
    private readonly List<SafeHandle> _held = [];

    public HeldHandles(IEnumerable<SafeHandle> handles)
    {
        foreach (SafeHandle handle in handles)
        {
            bool isHeld = false;
            handle.DangerousAddRef(ref isHeld);
            _held.Add(handle);
        }

        Numbers = [.. _held.Select(handle => (int)handle.DangerousGetHandle())];
    }

    public int[] Numbers { get; }

    public void Dispose() => _held.ForEach(static handle => handle.DangerousRelease());
}
