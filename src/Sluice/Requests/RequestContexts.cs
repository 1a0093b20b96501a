using System.Collections.Concurrent;

namespace Sluice.Requests;

/// <summary>
/// Contexts that nobody uses, for any handler. They hold no buffer, so a connection that waits costs neither. One is kept by each thread, which is all that a handler needs
/// that never waits; the others are shared.
/// </summary>
internal static class RequestContexts
{
    private const int MostShared = 1024;

    private static readonly ConcurrentQueue<RequestContext> Shared = new();

    [ThreadStatic]
    private static RequestContext? _own;

    private static int _shared;

    public static RequestContext Rent()
    {
        if (_own is { } own)
        {
            _own = null;
            return own;
        }

        if (Shared.TryDequeue(out RequestContext? shared))
        {
            Interlocked.Decrement(ref _shared);
            return shared;
        }

        return new RequestContext();
    }

    public static void Return(RequestContext context)
    {
        context.Release();
        if (_own is null)
        {
            _own = context;
        }
        else if (Interlocked.Increment(ref _shared) <= MostShared)
        {
            Shared.Enqueue(context);
        }
        else
        {
            Interlocked.Decrement(ref _shared);
        }
    }
}
