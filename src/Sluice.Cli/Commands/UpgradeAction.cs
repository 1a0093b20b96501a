using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Sluice.Cli.Serving;
using Sluice.Cli.Settings;
using Sluice.Cli.Terminal;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice --upgrade --pid-file FILE</c></summary>
internal static class UpgradeAction
{
    private const int UpgradeSignal = 12; // SIGUSR2
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(15); // longer than a new process may take by default

    /// <summary>Adds the options, which stand before any command.</summary>
    public static void AddTo(Command root)
    {
        var upgrade = new Option<bool>("--upgrade") { Description = "Have the server that --pid-file names replaced by a new process of its program, without a connection being refused; it drains and ends." };
        var pidFile = new Option<string?>("--pid-file") { HelpName = "FILE", Description = "With --upgrade: the pid file that the server was started with." };
        var within = new Option<string?>("--upgrade-within") { HelpName = "TIME", Description = "With --upgrade: how long to wait for the new process. [default: 15s]" };
        root.Add(upgrade);
        root.Add(pidFile);
        root.Add(within);
        root.SetAction(async (parsed, cancellation) =>
        {
            if (!parsed.GetValue(upgrade))
            {
                throw new UsageException("--pid-file and --upgrade-within need --upgrade here, or a command that serves before them ('sluice --help' tells more)");
            }

            string file = parsed.GetValue(pidFile) ?? throw new UsageException("--upgrade needs --pid-file FILE, the file that the server was started with");
            return await RunAsync(file, parsed.GetValue(within) is { } text ? Patience(text) : DefaultPatience, cancellation);
        });
    }

    private static TimeSpan Patience(string text)
    {
        try
        {
            return SettingValues.Duration(text);
        }
        catch (FormatException expected)
        {
            throw new UsageException(ErrorIds.OptionOutOfRange, $"--upgrade-within cannot be '{text}'; give {expected.Message}");
        }
    }

    private static async Task<int> RunAsync(string file, TimeSpan patience, CancellationToken cancellation)
    {
        int old = PidFile.Read(file) ?? throw Failed($"{file} names no process; was the server started with --pid-file {file}?");
        if (!PidFile.IsAlive(old))
        {
            throw Failed($"the process {old} that {file} names is gone; start the server anew");
        }

        if (!Catches(old))
        {
            throw Failed($"the process {old} that {file} names does not wait for SIGUSR2 and would be ended by it; is it a sluice that serves?");
        }

        if (!SocketServer.RequestUpgrade(old, out string? why))
        {
            throw Failed($"the process {old} cannot be told: {why}");
        }

        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            if (PidFile.Read(file) is { } now && now != old && PidFile.IsAlive(now))
            {
                Lines.Out(string.Create(CultureInfo.InvariantCulture, $"upgraded {old} to {now} in {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s"));
                return ExitCodes.Ok;
            }

            // A file that still names the old process, though that has ended, is about to be written by the new one.
            if (!File.Exists(file) && !PidFile.IsAlive(old))
            {
                throw Failed($"the process {old} has ended, and removed {file}");
            }

            if (Stopwatch.GetElapsedTime(began) >= patience)
            {
                throw Failed($"no new process has taken over within {patience.TotalSeconds:0.###} s, and {old} {(PidFile.IsAlive(old) ? "goes on" : "has ended")}; its log says why");
            }

            await Task.Delay(Look, cancellation);
        }
    }

    // The default of SIGUSR2 is the end of the process. proc_pid_status(5).
    private static bool Catches(int process) =>
        ProcFile.Text($"/proc/{process}/status")?.Split('\n').FirstOrDefault(line => line.StartsWith("SigCgt:", StringComparison.Ordinal)) is { } caught
        && ulong.TryParse(caught["SigCgt:".Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong mask)
        && (mask & (1UL << (UpgradeSignal - 1))) != 0;

    private static SluiceException Failed(string what) => new(CliErrorIds.NotUpgraded, $"not upgraded: {what}");
}
