using System.Diagnostics;
using System.Globalization;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>The whole server process is stopped and continued, as job control and debuggers do: waiting calls return early, and clocks jump.</summary>
public sealed class StopsAndGoesOn
{
    [Theory, MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task After_a_second_every_client_gets_every_byte(string model, string transport) => PauseAsync(model, transport, TimeSpan.FromSeconds(1));

    [Theory, Trait("Tier", "long"), MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task After_five_seconds_every_client_gets_every_byte(string model, string transport) => PauseAsync(model, transport, TimeSpan.FromSeconds(5));

    private static Task PauseAsync(string model, string transport, TimeSpan pause) => Cell.RunAsync(model, transport, async cell =>
    {
        await using ChildServer server = await ChildServer.StartAsync("", model, cell.NewUrl());
        await using var load = new Load(server.Url, clients: 8);
        await load.TurnsAsync(20);
        await SignalAsync("STOP", server.ServerPid);
        try
        {
            await Eventually.Until(() => IsStopped(server.ServerPid), "the process is stopped");
            await Task.Delay(100); // what it had sent before arrives
            int turns = load.Turns;
            await Eventually.Never(() => load.Turns != turns, pause, "a stopped server answered");
        }
        finally
        {
            await SignalAsync("CONT", server.ServerPid);
        }

        await load.TurnsAsync(20);
        await using RawClient late = await RawClient.ConnectAsync(server.Url);
        Assert.Equal("late", await late.EchoAsync("late"));
    });

    private static bool IsStopped(int pid)
    {
        string stat = File.ReadAllText($"/proc/{pid}/stat");
        return stat[stat.LastIndexOf(')') + 2] == 'T';
    }

    private static async Task SignalAsync(string signal, int pid)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", pid.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync().Within("kill ended");
        Assert.Equal(0, kill.ExitCode);
    }
}
