using System.CommandLine;
using Sluice.Cli.Handlers;
using Sluice.Cli.Serving;
using Sluice.Cli.Settings;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice exec [options] -- COMMAND [ARGUMENT]...</c></summary>
internal static class ExecCommand
{
    /// <summary>The word of the command line.</summary>
    public const string Name = "exec";

    private const string Example = "sluice exec --listen tcp://127.0.0.1:9000 -- cat";
    private const string NotKept = "off; refused here: the program has the socket";

    // What counts bytes, which are not seen here.
    private static readonly string[] Uncountable = ["idle-timeout", "first-byte-timeout", "min-rate", "write-timeout"];

    /// <summary>
    /// Parts the command line at its first <c>--</c>. What stands before is parsed as ever, so that a slip is told and not taken for a word of the program;
    /// what follows is the program's, word by word. Null: there is none.
    /// </summary>
    public static (string[] Own, string[]? Program) Split(string[] arguments)
    {
        int end = arguments is [Name, ..] ? Array.IndexOf(arguments, "--") : -1;
        return end < 0 ? (arguments, null) : (arguments[..end], arguments[(end + 1)..]);
    }

    /// <param name="program">The program and its arguments, if the command line has them.</param>
    public static Command Make(string[]? program)
    {
        var command = new Command(Name, $"""
            Run a program for each connection, with the socket as its stdin and stdout: sluice exec [options] -- COMMAND [ARGUMENT]...

            As tcpserver and inetd do: no byte is copied, stderr stays this one's, and the environment says who is there: PROTO=TCP with TCPREMOTEIP, TCPREMOTEPORT, TCPLOCALIP and TCPLOCALPORT, or PROTO=UNIX with UNIXLOCALPATH, UNIXREMOTEEUID, UNIXREMOTEEGID and UNIXREMOTEPID. Whoever can connect can use the program, with this user's rights. Stopping waits for the programs (--drain); then they get SIGTERM, and SIGKILL a second later. The lifetime ends them likewise. Models: all but io_uring.

            Example: {Example}
            """);
        var sources = new SettingSources(command, ServerSettings.WithListen,
            [("model", "thread"), ("inner", "thread"), ("max-connections", "40"), .. Uncountable.Select(name => (name, NotKept))]);
        command.SetAction((parsed, _) =>
        {
            ServerPlan plan = Defaults();
            sources.Apply(plan, parsed);
            Addresses.Check(plan.Options);
            Refuse(plan);
            return program is [_, ..]
                ? ServerRun.ToTheEndAsync(new ServedHandlers(Name, new ExecHandler(program, new StderrLog(plan.LogLevel))), plan)
                : throw new UsageException($"the program is missing; give it after --, as in: {Example}");
        });
        return command;
    }

    // tcpserver's maximum, and the kernel's TCP_NODELAY: programs for inetd write small pieces and leave it to Nagle's algorithm to join them.
    private static ServerPlan Defaults()
    {
        var plan = new ServerPlan { Auto = "thread" };
        plan.Options.Model = "thread";
        plan.Options.Workers.Inner = "thread";
        plan.Options.Limits.MaxConnections = 40;
        plan.Options.Limits.WriteTimeout = null;
        plan.Options.Sockets.NoDelay = false;
        return plan;
    }

    private static void Refuse(ServerPlan plan)
    {
        // The library lets its default write timeout pass; whoever writes it down expects it to be kept.
        if (plan.Options.Limits.WriteTimeout is not null)
        {
            throw new UsageException(ErrorIds.OptionNotHonoured, "--write-timeout cannot be kept: the program has the socket, and its bytes are not seen here; leave it out");
        }
    }
}
