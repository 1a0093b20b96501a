using System.Globalization;
using System.Net.Sockets;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>Ends of every kind at once, under load: no lost wake-up, no event of a closed connection in a new one's place, nothing left open.</summary>
[Collection(nameof(Alone))]
public sealed class SurvivesRaces
{
    private const int BlockSize = 100;
    private const int AtOnce = 16;
    private const int Background = 4;
    private const string SeedVariable = "SLUICE_RACES_SEED";

    // Cheap ones often; one that waits for a limit seldom.
    private static readonly Race[] Dice =
    [
        Race.Reset, Race.Reset, Race.HalfCloseAndReadTheRest, Race.HalfCloseAndReadTheRest, Race.CloseAtOnce, Race.CloseAtOnce, Race.CancelPendingRead,
        Race.CancelPendingRead, Race.Abort, Race.Abort, Race.CancelTheTokenOfARead, Race.CancelTheTokenOfARead, Race.TrySend, Race.TrySend, Race.IdleLimit,
    ];

    [Theory, MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task A_hundred_rounds_harm_no_other_connection_and_leave_nothing_behind(string model, string transport) => PlayAsync(model, transport, 1);

    [Theory, Trait("Tier", "long"), MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task A_thousand_rounds_harm_no_other_connection_and_leave_nothing_behind(string model, string transport) => PlayAsync(model, transport, 10);

    private static Task PlayAsync(string model, string transport, int blocks) => Cell.RunAsync(model, transport, async cell =>
    {
        int seed = int.TryParse(Environment.GetEnvironmentVariable(SeedVariable), CultureInfo.InvariantCulture, out int given) ? given : Random.Shared.Next();
        await BlockAsync(cell, new Random(seed), rounds: 10, null); // what is made once is made
        (int Sockets, int Watches) before = (ProcessCounters.Sockets(), ProcessCounters.Watches());
        for (int block = 0; block < blocks; block++)
        {
            try
            {
                await BlockAsync(cell, new Random(seed + block), BlockSize, before);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException(
                    $"{SeedVariable}={seed + block} plays it again. {error.Message} Open: {ProcessCounters.Sockets()} sockets, {ProcessCounters.Watches()} watches.", error);
            }
        }
    });

    // One server's life: rounds under load, and a drain that comes among the last of them.
    private static async Task BlockAsync(Cell cell, Random random, int rounds, (int Sockets, int Watches)? before)
    {
        var side = new RacedServer();
        await using RunningServer server = new(cell.Build(side.HandleAsync, options =>
        {
            options.Limits.IdleTimeout = TimeSpan.FromMilliseconds(300);
            options.Limits.IdleInsideUnitsOnly = true;
            options.Linger = TimeSpan.FromMilliseconds(100);
        }));
        side.Watch(server.Server);
        await server.Server.StartAsync();
        int[] turns = new int[Background];
        Task background = Task.WhenAll(Enumerable.Range(0, Background).Select(client => Task.Run(() => LoadAsync(server, side, client, turns))));

        (Race Race, int Seed)[] plan = [.. Enumerable.Range(0, rounds).Select(_ => (Dice[random.Next(Dice.Length)], random.Next()))];
        int next = -1;
        var drained = new TaskCompletionSource<Task<DrainReport>>();
        Task[] players = [.. Enumerable.Range(0, AtOnce).Select(_ => Task.Run(async () =>
        {
            while (Interlocked.Increment(ref next) is var number && number < rounds)
            {
                if (number == rounds * 9 / 10)
                {
                    await Eventually.Until(() => turns.All(count => Volatile.Read(ref count) > 0), "the load goes on under all this");
                    side.Drains();
                    drained.SetResult(server.Server.StopAsync(TimeSpan.FromSeconds(8)));
                }

                await new RaceClient(server, side, number, plan[number].Seed).RunAsync(plan[number].Race);
            }
        }))];
        try
        {
            await Task.WhenAll(players).Within("the rounds ended", TimeSpan.FromSeconds(40));
        }
        catch (Exception error)
        {
            // By then the connection that failed has ended, and its reason is among these.
            IEnumerable<string> reasons = server.Ended.GroupBy(ended => ended.Reason).Select(group => $"{group.Count()} {group.Key}");
            throw new InvalidOperationException(
                $"{error.Message} Ended: {string.Join(", ", reasons)}, of {plan.Count(one => one.Race == Race.Abort)} to abort."
                + $" A handler: {server.Ended.FirstOrDefault(ended => ended.Failure is not null).Failure}", error);
        }

        await background.Within("the load ended");
        DrainReport report = await (await drained.Task).Within("the drain ended");
        Assert.Equal(0, report.Cut);
        Assert.Equal(0, server.Server.Connections);
        await side.AssertAllEndedAsync();
        Assert.All(server.Ended, ended => Assert.True(ended.Failure is null, ended.Failure?.ToString()));
        if (before is var (sockets, watches))
        {
            // The queue of ends still holds every connection: what was not closed is not closed by a finalizer either.
            await Eventually.Until(
                () => ProcessCounters.Sockets() <= sockets && ProcessCounters.Watches() <= watches,
                $"{sockets} sockets and {watches} watches are open again");
            GC.KeepAlive(server.Ended);
        }
    }

    private static async Task LoadAsync(RunningServer server, RacedServer side, int client, int[] turns)
    {
        const int HeaderNumber = -1;
        try
        {
            await using RawClient raw = await server.ConnectAsync();
            byte[] header = [(byte)Race.HalfCloseAndReadTheRest, .. BitConverter.GetBytes(HeaderNumber - client)];
            await raw.SendAsync(header);
            while (true)
            {
                byte[] sent = Payload.Make(1 + (turns[client] * 977 % 20_000), (client * 100_000) + turns[client]);
                await raw.SendAsync(sent);
                Assert.True(Payload.Same(sent, await raw.ReceiveExactlyAsync(sent.Length)), "the load saw a wrong byte");
                turns[client]++;
            }
        }
        catch (Exception error) when (side.IsDraining && error is IOException or SocketException)
        {
            // The drain ended it.
        }
    }
}
