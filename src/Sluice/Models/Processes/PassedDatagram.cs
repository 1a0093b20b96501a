using Sluice.Datagrams;
using Sluice.Diagnostics;
using Sluice.Native;
using Sluice.Workers;

namespace Sluice.Models.Processes;

/// <summary>
/// A datagram that a worker serves, as its master sees it: what was received stays here until its worker has ended, and a file with a copy goes along, with the
/// socket to answer by.
/// </summary>
internal sealed class PassedDatagram(ReceivedDatagram datagram, OpenFile file, ServerEvents events) : IPassed, IDisposable
{
    private WorkerProcess? _worker;
    private bool _hasEnded;
    private volatile bool _isCut;

    public WorkerProcess? Worker
    {
        get => Volatile.Read(ref _worker);
        set => Volatile.Write(ref _worker, value);
    }

    /// <summary>Fills the file. Null: the system has no memory or no descriptor for one.</summary>
    public static PassedDatagram? TryMake(ReceivedDatagram datagram, ServerEvents events)
    {
        OpenFile? file = DatagramFile.TryWrite(datagram.Buffer, datagram.Payload.Span, datagram.IsTruncated);
        return file is null ? null : new PassedDatagram(datagram, file, events);
    }

    public bool TryPass(WorkerProcess worker)
    {
        if (_isCut)
        {
            return false;
        }

        using var held = new HeldHandles([file]);
        return worker.TrySend(WorkerMessage.ServeDatagram(datagram.Receiver.Listener.Url.ToString(), datagram.Length), [datagram.Receiver.Descriptor, held.Numbers[0]]);
    }

    public bool Hear(in WorkerMessage message)
    {
        if (message.Kind != WorkerMessageKind.DatagramEnded || _hasEnded)
        {
            return false;
        }

        _hasEnded = true;
        datagram.Receiver.Listener.Traffic.CountSent((int)Math.Clamp(message.First, 0, int.MaxValue), Math.Max(message.Second, 0));
        for (long lost = message.Third; lost > 0; lost--)
        {
            datagram.Receiver.Listener.Traffic.CountNotSent();
        }

        if (message.Text.Length > 0)
        {
            events.RaiseDatagramFailed(new DatagramFailed(datagram.Receiver.Listener, datagram.RemoteEndPoint, new SluiceException(ErrorIds.HandlerFailed, message.Text)));
        }

        return true;
    }

    public void WorkerEnded(WorkerProcess worker, ChildExit exit, Supervisor supervisor)
    {
        if (!_hasEnded && !_isCut)
        {
            supervisor.Tell($"{ErrorIds.WorkerDied}: the worker {worker.Id} {exit} while it served a datagram of {datagram.RemoteEndPoint?.ToString() ?? "an unnamed peer"}; only this datagram is lost");
        }

        datagram.Receiver.Return(datagram);
    }

    /// <summary>The drain's deadline has passed. From any thread.</summary>
    public void Cut()
    {
        _isCut = true;
        Worker?.LeaveNow();
    }

    /// <summary>The file is passed, or need not be.</summary>
    public void Dispose() => file.Dispose();
}
