using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace Sluice.Sessions;

/// <summary>A read that waits: Waiting, until somebody has something for it, then Done, until the handler takes its result.</summary>
internal sealed partial class DatagramPipeReader : IValueTaskSource<ReadResult>
{
    // The core only keeps the continuation: whether a read is done is _stage, and its result is made when it is taken.
    private ManualResetValueTaskSourceCore<bool> _core;
    private Stage _stage;
    private bool _isAwaited;
    private Exception? _error;
    private CancellationTokenRegistration _registration;

    private enum Stage
    {
        None,
        Waiting,
        Done,
    }

    /// <summary>Goes on with the handler that waited. Only for who was told to.</summary>
    public void Resume() => _core.SetResult(result: true);

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        ReadResult result;
        lock (_gate)
        {
            CheckToken(token);
            if (_stage != Stage.Done)
            {
                throw new InvalidOperationException("The result of this read was taken, or is not there yet.");
            }
        }

        _registration.Dispose(); // outside the gate, which a cancellation that runs now wants
        _registration = default;
        lock (_gate)
        {
            _stage = Stage.None;
            if (_error is { } error)
            {
                throw error;
            }

            if (TryLend(out result))
            {
                return result;
            }
        }

        return EndFull();
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token)
    {
        lock (_gate)
        {
            CheckToken(token);
            return _stage == Stage.Waiting ? ValueTaskSourceStatus.Pending
                : _error is null ? ValueTaskSourceStatus.Succeeded
                : ValueTaskSourceStatus.Canceled;
        }
    }

    void IValueTaskSource<ReadResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        bool isDone;
        lock (_gate)
        {
            // Where the handler goes on is the session's business.
            _core.OnCompleted(continuation, state, token, flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);
            _isAwaited = true;
            isDone = _stage == Stage.Done;
        }

        Resume(isDone);
    }

    private void BeginWait()
    {
        _core.Reset();
        (_isAwaited, _error, _stage) = (false, null, Stage.Waiting);
    }

    // The token of one read; it is let go of before the next can begin.
    private void Cancel(CancellationToken token)
    {
        bool resume;
        lock (_gate)
        {
            if (_stage != Stage.Waiting)
            {
                return;
            }

            _error = new OperationCanceledException(token);
            resume = Wake();
        }

        Resume(resume);
    }

    // Never inline: whoever has called is in the middle of something.
    private void Resume(bool resume)
    {
        if (resume)
        {
            session.GoOn(inline: false);
        }
    }

    private bool Wake()
    {
        if (_stage != Stage.Waiting)
        {
            return false;
        }

        _stage = Stage.Done;
        return _isAwaited; // who begins to await it later sees that it is done
    }

    private void CheckToken(short token)
    {
        if (token != _core.Version)
        {
            throw new InvalidOperationException("This read is over.");
        }
    }
}
