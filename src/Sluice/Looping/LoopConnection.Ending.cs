using Sluice.Accepting;
using Sluice.Native;

namespace Sluice.Looping;

/// <summary>The polite end, step by step as the kernel allows: flush, FIN, read and drop until the peer's FIN or the linger is over, close.</summary>
internal abstract partial class LoopConnection
{
    /// <summary>The handler's end closes the connection; until then this only says that nothing more will be written.</summary>
    public sealed override ValueTask DisposeAsync()
    {
        _writer.Complete();
        return ValueTask.CompletedTask;
    }

    private void HandlerEnded(Task running)
    {
        if (!running.IsCompletedSuccessfully)
        {
            SendKept(); // what it flushed before it failed goes before the reset
        }

        ConnectionRunner.Note(this, running);
        _reader.Leave();
        _writer.Leave();
        if (EndsHard || IsHandedOver)
        {
            CloseNow(reset: !IsHandedOver);
            return;
        }

        _phase = LoopPhase.Flushing;
        FinishFlush();
    }

    // A reset is due only for some reasons: the others were shut down when they ended.
    private bool EndsHard => CloseReason is not (CloseReason.None or CloseReason.Drained or CloseReason.Completed);

    private void FinishFlush()
    {
        NativeError error = _writer.HasUnsentOwn || HasOutbox ? Send(own: true) : NativeError.None;
        error = error == NativeError.None ? Settle() : error;
        if (error == NativeError.WouldBlock && !EndsHard)
        {
            WatchWrite();
            return;
        }

        if (error != NativeError.None || EndsHard)
        {
            End(CloseReason.PeerReset);
            CloseNow(reset: true);
            return;
        }

        if (PeerFinished)
        {
            CloseNow(reset: false); // close(2) sends the FIN
            return;
        }

        SendFin();
        _phase = LoopPhase.Lingering;
        Lingers = true;
        if (Settings.Linger <= TimeSpan.Zero || DropReceived())
        {
            CloseNow(reset: false);
            return;
        }

        Loop.Wheel.Schedule(Slot, Loop.Now + (long)Settings.Linger.TotalMilliseconds);
        ExpectReadable();
    }

    private void CloseNow(bool reset)
    {
        if (!TryBeginClose())
        {
            return;
        }

        _phase = LoopPhase.Closed;
        ulong source = Loop.Server.Gate.SourceOf(Socket);
        if (reset && CloseReason is CloseReason.Aborted or CloseReason.DrainCut or CloseReason.WriteTimeout or CloseReason.HandlerFailed)
        {
            Socket.Reset();
        }

        if (IsHandedOver)
        {
            EndHandedOver();
        }

        Loop.Wheel.Cancel(Slot);
        _reader.Release();
        _writer.Release();
        Outbox?.Clear();
        Forget();
        End(CloseReason.Completed);
        FireConnectionClosed();
        Loop.Server.Runner.Ended(this, source);
    }
}
