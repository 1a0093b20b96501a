using System.Diagnostics;
using Sluice.Testing;
using Sluice.Transports;
using Sluice.Transports.InMemory;

namespace Sluice.ConformanceTests.Behaviours;

[Collection(nameof(Alone))]
public sealed class ScriptedAcceptErrors
{
    public static TheoryData<string, string, AcceptError> Errors
    {
        get
        {
            var all = new TheoryData<string, string, AcceptError>();
            foreach (TheoryDataRow<string, string> cell in Matrix.MemoryCells)
            {
                foreach (AcceptError error in Enum.GetValues<AcceptError>().Except([AcceptError.None, AcceptError.ListenerClosed, AcceptError.NotAListener]))
                {
                    all.Add(cell.Data.Item1, cell.Data.Item2, error);
                }
            }

            return all;
        }
    }

    [Theory, MemberData(nameof(Errors))]
    public Task Accepting_outlives_a_burst_of_errors_without_spinning_and_serves_again(string model, string transport, AcceptError error) => Cell.RunAsync(model, transport, async cell =>
    {
        using var loggers = new CollectingLoggers();
        await using RunningServer server = await cell.StartAsync(Handlers.Echo, loggers: loggers);
        await server.AssertServesAsync();
        using var process = Process.GetCurrentProcess();
        TimeSpan cpu = process.TotalProcessorTime;
        var clock = Stopwatch.StartNew();
        InMemoryTransport.Shared.ScriptAccepts(server.Url.Host, [.. Enumerable.Repeat(error, error == AcceptError.ProcessDescriptorLimit ? 9 : 4)]);
        // Whether it retries at once or backs off, the errors end, and the next client is served within a second of that.
        await Eventually.Until(() => InMemoryTransport.Shared.ScriptLeft(server.Url.Host) == 0, "the errors were seen", TimeSpan.FromSeconds(20));
        TimeSpan took = clock.Elapsed;
        process.Refresh();
        if (took > TimeSpan.FromSeconds(1))
        {
            Assert.True((process.TotalProcessorTime - cpu) / took < 0.2, $"{process.TotalProcessorTime - cpu} of CPU in {took}");
        }

        var again = Stopwatch.StartNew();
        await server.AssertServesAsync();
        Assert.True(again.Elapsed < TimeSpan.FromSeconds(1), $"it served again only after {again.Elapsed}");
        int lines = loggers.Lines.Count(line => line.Id.Id is 10 or 11);
        Assert.InRange(lines, 0, (int)took.TotalSeconds + 2);
    });
}
