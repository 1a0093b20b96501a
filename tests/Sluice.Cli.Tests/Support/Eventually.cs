namespace Sluice.Cli.Tests.Support;

/// <summary>For states that no line announces.</summary>
internal static class Eventually
{
    public static async Task ThrowsAsync<T>(Action attempt)
        where T : Exception
    {
        long began = Environment.TickCount64;
        while (true)
        {
            try
            {
                attempt();
            }
            catch (T)
            {
                return;
            }

            Assert.True(Environment.TickCount64 - began < SluiceProcess.Patience.TotalMilliseconds, $"no {typeof(T).Name} came");
            await Task.Delay(10);
        }
    }

    public static async Task TrueAsync(Func<bool> state)
    {
        long began = Environment.TickCount64;
        while (!state())
        {
            Assert.True(Environment.TickCount64 - began < SluiceProcess.Patience.TotalMilliseconds, "it never became so");
            await Task.Delay(10);
        }
    }
}
