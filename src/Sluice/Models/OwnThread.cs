namespace Sluice.Models;

/// <summary>Starts the threads of models: named, in the background, with the stack that the options say.</summary>
internal static class OwnThread
{
    /// <summary>Runs <paramref name="body"/> on a thread of its own; the task ends with it, or with its exception.</summary>
    public static Task RunAsync(string name, SocketServerOptions options, Action body)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Start(name, options, () =>
        {
            try
            {
                body();
                ended.SetResult();
            }
            catch (Exception error)
            {
                ended.SetException(error);
            }
        });
        return ended.Task;
    }

    /// <summary>Starts <paramref name="body"/>, which must not throw. Throws OutOfMemoryException when the system has no thread to give.</summary>
    public static void Start(string name, SocketServerOptions options, Action body) =>
        new Thread(() => body(), options.ThreadStackSize) { IsBackground = true, Name = name }.UnsafeStart();
}
