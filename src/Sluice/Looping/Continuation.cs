namespace Sluice.Looping;

/// <summary>
/// What await hands to our sources needs nothing: it brings its own ExecutionContext, and we always resume on the loop. Who calls
/// <c>GetAwaiter().OnCompleted</c> himself asks for his context to flow, which costs this object.
/// </summary>
internal sealed class Continuation(Action<object?> continuation, object? state, ExecutionContext context)
{
    /// <summary>A continuation that runs in the ExecutionContext of now.</summary>
    public static (Action<object?> Continuation, object? State) Wrap(Action<object?> continuation, object? state) => ExecutionContext.Capture() is { } context
        ? (static wrapped => ((Continuation)wrapped!).Run(), new Continuation(continuation, state, context))
        : (continuation, state);

    private void Run() => ExecutionContext.Run(context, static wrapped => ((Continuation)wrapped!).RunHere(), this);

    private void RunHere() => continuation(state);
}
