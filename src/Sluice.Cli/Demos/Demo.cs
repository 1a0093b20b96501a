using Microsoft.AspNetCore.Connections;

namespace Sluice.Cli.Demos;

/// <summary>One of the tutorial's servers: where it listens, how it is served, and what it prints.</summary>
internal abstract class Demo : ConnectionHandler, IDisposable
{
    private DemoPrinter? _printer;

    /// <summary>Prints the tutorial's lines.</summary>
    protected DemoPrinter Printer => _printer!;

    /// <summary>Subscribes to what is printed besides the handler's own lines.</summary>
    public void Attach(DemoPrinter printer, SocketServer server)
    {
        _printer = printer;
        Watch(server);
    }

    /// <summary>The line printed once, after the listening line; null is none.</summary>
    public virtual (string English, string Chinese)? OpeningLine => null;

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives up what the demo holds, once its server has stopped.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>Subscribes to the server's events.</summary>
    protected virtual void Watch(SocketServer server)
    {
    }
}
