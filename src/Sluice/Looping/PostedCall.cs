using System.Threading.Tasks.Sources;

namespace Sluice.Looping;

/// <summary>
/// A pipe call from another thread than the loop's: it is made on the loop, and what awaits it is resumed there. It costs an object, a
/// closure and a queue; a handler that stays on its loop never pays them.
/// </summary>
internal sealed class PostedCall<T> : IValueTaskSource<T>
{
    private readonly Func<ValueTask<T>> _call;
    private ManualResetValueTaskSourceCore<T> _result;

    private readonly Loop _loop;

    private PostedCall(Loop loop, Func<ValueTask<T>> call) => (_loop, _call) = (loop, call);

    /// <summary>Posts <paramref name="call"/> to <paramref name="loop"/>.</summary>
    public static ValueTask<T> Start(Loop loop, Func<ValueTask<T>> call)
    {
        var posted = new PostedCall<T>(loop, call);
        loop.Post(static posted => _ = ((PostedCall<T>)posted!).RunAsync(), posted);
        return new(posted, posted._result.Version);
    }

    public T GetResult(short token) => _result.GetResult(token);

    // Elsewhere it is never complete: who finds it complete goes on where he is, and the handler is to come home.
    public ValueTaskSourceStatus GetStatus(short token) => _loop.IsCurrent ? _result.GetStatus(token) : ValueTaskSourceStatus.Pending;

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        if ((flags & ValueTaskSourceOnCompletedFlags.FlowExecutionContext) != 0)
        {
            (continuation, state) = Continuation.Wrap(continuation, state);
        }

        _loop.Post(_ => OnCompletedHere(continuation, state, token), null);
    }

    private void OnCompletedHere(Action<object?> continuation, object? state, short token)
    {
        if (_result.GetStatus(token) == ValueTaskSourceStatus.Pending)
        {
            _result.OnCompleted(continuation, state, token, ValueTaskSourceOnCompletedFlags.None);
        }
        else
        {
            continuation(state);
        }
    }

    private async Task RunAsync()
    {
        T result;
        try
        {
            result = await _call();
        }
        catch (Exception error)
        {
            _result.SetException(error);
            return;
        }

        _result.SetResult(result);
    }
}
