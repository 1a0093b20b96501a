using System.Runtime.InteropServices;
using Sluice.Datagrams;
using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Accepting;

/// <summary>
/// What an accepting thread waits in: poll(2) over its listeners, its datagram sockets and an eventfd(2), by which others wake it (stop, a free place, a connection
/// in memory). One thread waits; any may <see cref="Set"/>.
/// </summary>
internal sealed class AcceptSignal : IDisposable
{
    private readonly EventDescriptor _event = new();
    private readonly PollDescriptor[] _polled;
    private readonly IReadOnlyList<StreamListener> _listeners;
    private readonly IReadOnlyList<DatagramReceiver> _receivers;

    public AcceptSignal(IReadOnlyList<StreamListener> listeners, IReadOnlyList<DatagramReceiver> receivers)
    {
        _listeners = listeners;
        _receivers = receivers;
        _polled = new PollDescriptor[listeners.Count + receivers.Count + 1];
        foreach (StreamListener listener in listeners)
        {
            listener.NotifyPending(_event.Set);
        }
    }

    /// <summary>Wakes the waiting thread, or lets its next wait return at once.</summary>
    public void Set() => _event.Set();

    /// <summary>
    /// Waits for a connection on the listeners that <paramref name="wanted"/> names, for a datagram on the receivers that come behind them there (all others are not
    /// looked at), for the signal, or for <paramref name="timeout"/>; the infinite one is for ever.
    /// </summary>
    public void Wait(ReadOnlySpan<bool> wanted, TimeSpan timeout)
    {
        _polled[0] = new PollDescriptor { Descriptor = _event.Number, Events = PollDescriptor.In };
        bool pending = false;
        for (int i = 0; i < _listeners.Count; i++)
        {
            SafeHandle? handle = _listeners[i].Handle;
            bool watch = wanted[i] && handle is { IsClosed: false };
            _polled[i + 1] = new PollDescriptor { Descriptor = watch ? (int)handle!.DangerousGetHandle() : -1, Events = PollDescriptor.In };
            pending |= wanted[i] && _listeners[i].MayHavePending; // several may have come with one signal
        }

        for (int i = 0; i < _receivers.Count; i++)
        {
            int place = _listeners.Count + i;
            _polled[place + 1] = new PollDescriptor { Descriptor = wanted[place] ? _receivers[i].Descriptor : -1, Events = PollDescriptor.In };
        }

        int milliseconds = pending ? 0 : timeout == Timeout.InfiniteTimeSpan ? -1 : (int)Math.Clamp(Math.Ceiling(timeout.TotalMilliseconds), 0, int.MaxValue);
        int ready = DescriptorPoll.Wait(_polled, milliseconds);
        if (ready <= 0)
        {
            for (int i = 0; i < _polled.Length; i++)
            {
                _polled[i].Returned = 0;
            }
        }
        else if (_polled[0].Returned != 0)
        {
            _event.Reset();
        }
    }

    /// <summary>Whether the last wait found a connection, or something to learn by accepting, on listener <paramref name="index"/>.</summary>
    public bool IsReady(int index) => _polled[index + 1].Returned != 0 || _listeners[index].MayHavePending;

    /// <summary>Whether it found a datagram, or something to learn by receiving, on receiver <paramref name="index"/>.</summary>
    public bool HasDatagram(int index) => _polled[_listeners.Count + index + 1].Returned != 0;

    public void Dispose()
    {
        foreach (StreamListener listener in _listeners)
        {
            listener.NotifyPending(null);
        }

        _event.Dispose();
    }
}
