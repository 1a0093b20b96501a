using System.Globalization;
using Sluice.Native;
using Sluice.Transports;
using Sluice.Workers;

namespace Sluice.Restarting;

/// <summary>
/// What this process was started for, if it is to replace another: the listeners that it inherits, and the link to its predecessor. Taken once, from a variable
/// that is then gone.
/// </summary>
internal sealed class UpgradeRole
{
    /// <summary>The variable that names the predecessor's process.</summary>
    public const string Variable = "SLUICE_UPGRADE_OF";

    private static readonly Lazy<UpgradeRole?> Own = new(Take);

    private readonly WorkerLink _link;
    private readonly List<(string Server, string AskedFor, string Url, int Descriptor)> _left = [];
    private readonly TaskCompletionSource _handedOver = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _awaited;

    private UpgradeRole(int predecessor, WorkerLink link)
    {
        (Predecessor, _link) = (predecessor, link);
        while (_link.Receive(out WorkerMessage message, out int[] descriptors, wait: true) == LinkState.Open)
        {
            if (message.Kind == WorkerMessageKind.Inherited)
            {
                _awaited = (int)message.First;
                return;
            }

            if (message.Kind == WorkerMessageKind.Inherit && descriptors is [int descriptor] && message.Text.Split('\n') is [var server, var askedFor, var url])
            {
                _left.Add((server, askedFor, url, descriptor));
            }
            else
            {
                WorkerLink.Close(descriptors);
            }
        }
    }

    /// <summary>This process's; null when it replaces none.</summary>
    public static UpgradeRole? Current => Own.Value;

    /// <summary>The process that it replaces.</summary>
    public int Predecessor { get; }

    /// <summary>Ends when the predecessor accepts no more for this process's sake, or is gone: the listeners are this process's.</summary>
    public Task HandedOver => _handedOver.Task;

    /// <summary>What the predecessor listened on for a server of that name that was told that URL; none is left of it.</summary>
    public IReadOnlyList<(SocketAddressUrl Url, int Descriptor)> Inherit(string server, string askedFor)
    {
        lock (_left)
        {
            var found = _left.FindAll(one => one.Server == server && one.AskedFor == askedFor);
            _left.RemoveAll(found.Contains);
            return [.. found.Select(one => (SocketAddressUrl.Parse(one.Url), one.Descriptor))];
        }
    }

    /// <summary>A server of this process serves. The task ends when the hand-over is done, or at once while other servers are awaited.</summary>
    public Task ReadyAsync()
    {
        _link.TrySend(new WorkerMessage(WorkerMessageKind.Ready));
        return Interlocked.Decrement(ref _awaited) > 0 ? Task.CompletedTask : HandedOver;
    }

    /// <summary>A server of this process cannot serve.</summary>
    public void Fail(string why) => _link.TrySend(new WorkerMessage(WorkerMessageKind.Failed, Text: why));

    private static UpgradeRole? Take()
    {
        if (!int.TryParse(Environment.GetEnvironmentVariable(Variable), NumberStyles.None, CultureInfo.InvariantCulture, out int predecessor))
        {
            return null;
        }

        Environment.SetEnvironmentVariable(Variable, null);
        var role = new UpgradeRole(predecessor, WorkerLink.ToParent());
        new Thread(role.Hear, maxStackSize: 256 * 1024) { IsBackground = true, Name = "sluice-upgrade-link" }.UnsafeStart();
        return role;
    }

    // What nobody has wanted by the time that all serve is closed: a listener without a server would keep its clients waiting.
    private void Hear()
    {
        while (_link.Receive(out WorkerMessage message, out int[] descriptors, wait: true) == LinkState.Open && message.Kind != WorkerMessageKind.HandedOver)
        {
            WorkerLink.Close(descriptors);
        }

        lock (_left)
        {
            _left.ForEach(static one => DescriptorChannel.Close(one.Descriptor));
            _left.Clear();
        }

        _handedOver.TrySetResult();
        _link.Dispose();
    }
}
