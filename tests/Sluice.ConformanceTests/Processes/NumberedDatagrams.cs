using System.Globalization;
using System.Text;
using Sluice.Testing;
using Sluice.Transports;

namespace Sluice.ConformanceTests.Processes;

/// <summary>Clients that send numbers, one after the other, and wait for answers when some are open: so many as no queue on the way has no room for.</summary>
public sealed class NumberedDatagrams : IAsyncDisposable
{
    private const int MostOpen = 6;

    private readonly CancellationTokenSource _stop = new();
    private readonly Task<Counts>[] _clients;
    private long _answered;

    public NumberedDatagrams(SocketAddressUrl url, int clients) => _clients = [.. Enumerable.Range(0, clients).Select(_ => Task.Run(() => AskAsync(url)))];

    /// <summary>Answers so far.</summary>
    public long Answered => Interlocked.Read(ref _answered);

    /// <summary>Sends no more, and waits for what is open.</summary>
    public async Task AssertEachAnsweredOnceAsync()
    {
        await _stop.CancelAsync();
        foreach (Counts counts in await Task.WhenAll(_clients).Within("the clients ended", TimeSpan.FromSeconds(20)))
        {
            Assert.True(counts.Sent > 0);
            Assert.Equal("", counts.Wrong);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_clients).ContinueWith(static _ => { }, TaskScheduler.Default);
        _stop.Dispose();
    }

    private async Task<Counts> AskAsync(SocketAddressUrl url)
    {
        using var client = new DatagramAsker(url);
        var open = new HashSet<int>();
        int sent = 0;
        while (!_stop.IsCancellationRequested || open.Count > 0)
        {
            while (!_stop.IsCancellationRequested && open.Count < MostOpen)
            {
                open.Add(sent);
                client.Send(sent++.ToString(CultureInfo.InvariantCulture));
            }

            try
            {
                string answer = await client.HearAsync(seconds: 8);
                if (!open.Remove(int.Parse(answer, CultureInfo.InvariantCulture)))
                {
                    return new(sent, $"{answer} was answered twice");
                }

                Interlocked.Increment(ref _answered);
            }
            catch (OperationCanceledException)
            {
                return new(sent, $"of {sent} these were not answered: {string.Join(' ', open)}");
            }
        }

        // One more would have come by now.
        try
        {
            return new(sent, $"{Encoding.UTF8.GetString(await client.ReceiveAsync(seconds: 0.2))} was answered twice");
        }
        catch (OperationCanceledException)
        {
            return new(sent, "");
        }
    }

    private readonly record struct Counts(int Sent, string Wrong);
}
