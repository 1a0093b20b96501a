using Sluice.Cli.Clients;
using Sluice.Cli.Terminal;
using Sluice.Files;

namespace Sluice.Cli.Demos;

/// <summary>The tutorial's table of servers, as data.</summary>
internal sealed record DemoKind
{
    public required string Name { get; init; }

    public required string Description { get; init; }

    /// <summary>The model that the tutorial serves it with.</summary>
    public required string Model { get; init; }

    public required int Port { get; init; }

    /// <summary>The backlog that the tutorial gives listen(2).</summary>
    public int Backlog { get; init; } = 5;

    /// <summary>The longest that a read may wait; null is for ever: a person types at the other end.</summary>
    public TimeSpan? IdleTimeout { get; init; }

    /// <summary>The longest turn of the loop of a demo that prints every turn; null for one that prints none.</summary>
    public TimeSpan? LongestTurn { get; init; }

    /// <summary>Whether it receives files into a directory, from this machine only unless told otherwise.</summary>
    public bool ReceivesFiles { get; init; }

    /// <summary>Makes the server, with the directory of <c>--dir</c> for one that receives files.</summary>
    public required Func<string?, Demo> Server { get; init; }

    /// <summary>Runs the client against a URL.</summary>
    public required Func<string, Language, Task<int>> Client { get; init; }

    public static readonly DemoKind[] All =
    [
        new()
        {
            Name = "iterative", Description = "One client after another; a fixed reply to every message.", Model = "iterative", Port = 50008,
            Server = _ => new IterativeDemo(), Client = (url, language) => PromptClient.RunAsync(url, 3, language),
        },
        new()
        {
            Name = "files", Description = "Receives files, a thread per sender, senders side by side.", Model = "thread", Port = 12307, Backlog = 1,
            IdleTimeout = TimeSpan.FromSeconds(600), ReceivesFiles = true,
            Server = directory => new FilesDemo(directory), Client = (url, language) => FilesClient.RunAsync(url, new FileSenderOptions(), language),
        },
        new()
        {
            Name = "process", Description = "A process per client: one line, a second of work, one reply.", Model = "process", Port = 18001,
            Server = _ => RequestDemo.OfProcesses(), Client = (url, _) => RequestClient.RunAsync(url),
        },
        new()
        {
            Name = "thread", Description = "A thread per client: one line, a second of work, one reply.", Model = "thread", Port = 18001,
            Server = _ => RequestDemo.OfThreads(), Client = (url, _) => RequestClient.RunAsync(url),
        },
        new()
        {
            Name = "threadpool", Description = "A pool of 16 threads (--threads): every message back in upper case.", Model = "threadpool", Port = 18001,
            Server = _ => new ThreadPoolDemo(), Client = (url, _) => RequestClient.RunAsync(url),
        },
        new()
        {
            Name = "select", Description = "One thread that watches all clients: every message back as Python prints it, in upper case.", Model = "select", Port = 8888,
            LongestTurn = TimeSpan.FromSeconds(10),
            Server = _ => new SelectDemo(), Client = (url, language) => PromptClient.RunAsync(url, 4, language),
        },
    ];
}
