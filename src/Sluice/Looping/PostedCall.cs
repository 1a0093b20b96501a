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

    private PostedCall(Func<ValueTask<T>> call) => _call = call;

    /// <summary>Posts <paramref name="call"/> to <paramref name="loop"/>.</summary>
    public static ValueTask<T> Start(Loop loop, Func<ValueTask<T>> call)
    {
        var posted = new PostedCall<T>(call);
        loop.Post(static posted => _ = ((PostedCall<T>)posted!).RunAsync(), posted);
        return new(posted, posted._result.Version);
    }

    public T GetResult(short token) => _result.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _result.GetStatus(token);

    // The caller's SynchronizationContext is not wanted: the handler is to come home.
    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _result.OnCompleted(continuation, state, token, flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);

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
