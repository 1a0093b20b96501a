using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace Sluice.Looping;

/// <summary>A flush that waits: for the kernel, or for its handler's next share. One per connection that ever had to, used again and again.</summary>
internal sealed class LoopFlush(LoopConnection connection) : IValueTaskSource<FlushResult>
{
    private Action<object?>? _continuation;
    private object? _state;
    private CancellationTokenRegistration _registration;
    private Exception? _error;
    private short _version;
    private bool _isDone;
    private bool _isCanceled;

    /// <summary>What a WriteAsync has left to send: the caller's memory.</summary>
    public ReadOnlyMemory<byte> Source { get; set; }

    public CancellationToken Token { get; private set; }

    /// <summary>Whether it waits.</summary>
    public bool Waits => IsUnderWay && !_isDone;

    /// <summary>Whether nothing of an earlier flush is left.</summary>
    public bool IsFree => !IsUnderWay && Source.IsEmpty;

    /// <summary>Whether it waits, or its result was not taken yet.</summary>
    public bool IsUnderWay { get; private set; }

    public ValueTask<FlushResult> Start(CancellationToken cancellation)
    {
        IsUnderWay = true;
        _isDone = _isCanceled = false;
        _error = null;
        Token = cancellation;
        if (cancellation.CanBeCanceled)
        {
            _registration = cancellation.UnsafeRegister(static connection => ((LoopConnection)connection!).WakeFlush(), connection);
        }

        return new(this, ++_version);
    }

    public bool Suspends(Task running) => Waits && ReferenceEquals(_state, running);

    /// <summary>The flush is over; resumes the handler. Nothing of it may be touched after this.</summary>
    public void Complete(bool isCanceled, Exception? error)
    {
        _registration.Dispose();
        (_isDone, _isCanceled, _error) = (true, isCanceled, error);
        Resume();
    }

    public void ResumeLate()
    {
        if (IsUnderWay && _isDone)
        {
            Resume();
        }
    }

    /// <summary>Its handler has ended: it is cancelled, later.</summary>
    public void Leave()
    {
        if (Waits)
        {
            _registration.Dispose();
            (_isDone, _isCanceled) = (true, true);
            connection.LookAgain(resume: true);
        }
    }

    public FlushResult GetResult(short token)
    {
        if (token != _version || !_isDone || !IsUnderWay)
        {
            throw new InvalidOperationException("The result of this flush was taken, or is not there yet.");
        }

        IsUnderWay = false;
        Token = default;
        return _error is null ? new FlushResult(_isCanceled, isCompleted: false) : throw _error;
    }

    public ValueTaskSourceStatus GetStatus(short token) =>
        token != _version ? throw new InvalidOperationException("This flush is over.")
        : !_isDone ? ValueTaskSourceStatus.Pending
        : _error switch
        {
            null => ValueTaskSourceStatus.Succeeded,
            OperationCanceledException => ValueTaskSourceStatus.Canceled,
            _ => ValueTaskSourceStatus.Faulted,
        };

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        if ((flags & ValueTaskSourceOnCompletedFlags.FlowExecutionContext) != 0)
        {
            (continuation, state) = Continuation.Wrap(continuation, state);
        }

        if (!connection.Loop.IsCurrent)
        {
            AwaitFromElsewhere(continuation, state, token);
            return;
        }

        (_continuation, _state) = (continuation, state);
        if (_isDone)
        {
            connection.LookAgain(resume: true);
        }
    }

    // By itself, because a closure is made where its method begins.
    private void AwaitFromElsewhere(Action<object?> continuation, object? state, short token) =>
        connection.Loop.Post(_ => OnCompleted(continuation, state, token, ValueTaskSourceOnCompletedFlags.None), null);

    private void Resume()
    {
        if (_continuation is { } continuation)
        {
            object? state = _state;
            (_continuation, _state) = (null, null);
            continuation(state);
        }
    }
}
