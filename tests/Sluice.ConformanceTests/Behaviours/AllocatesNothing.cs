using System.IO.Pipelines;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

[Collection(nameof(Alone))]
public sealed class AllocatesNothing
{
    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_request_allocates_nothing_on_the_thread_that_serves_it(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        const int WarmUp = 2000;
        const int Requests = 10_000;
        long allocated = -1;
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            PipeReader input = connection.Transport.Input;
            PipeWriter output = connection.Transport.Output;
            long before = 0;
            for (int request = 0; request < WarmUp + Requests; request++)
            {
                if (request == WarmUp)
                {
                    before = GC.GetAllocatedBytesForCurrentThread();
                }

                ReadResult result = await input.ReadAsync();
                result.Buffer.First.Span.CopyTo(output.GetSpan((int)result.Buffer.Length));
                output.Advance((int)result.Buffer.Length);
                input.AdvanceTo(result.Buffer.End);
                await output.FlushAsync();
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        });
        await using RawClient client = await server.ConnectAsync();
        byte[] message = new byte[64];
        byte[] reply = new byte[64];
        for (int request = 0; request < WarmUp + Requests; request++)
        {
            await client.SendAsync(message);
            Assert.Equal(64, await client.ReceiveAsync(reply));
        }

        await server.EndedAsync();
        if (cell.Model.Capabilities.Blocking || cell.Model.Capabilities.NeedsDescriptor) // its own thread, or its loop's
        {
            Assert.Equal(0, allocated);
        }
        else
        {
            Assert.NotEqual(-1, allocated); // it hops between threads: the benchmark counts there
        }
    });
}
