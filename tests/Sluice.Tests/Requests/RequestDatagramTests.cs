using Sluice.Framing;
using Sluice.Tests.Support;

namespace Sluice.Tests.Requests;

public sealed class RequestDatagramTests
{
    [Theory]
    [InlineData("ask", 1, 3)]
    [InlineData("", 1, 0)]
    [InlineData("empty", 1, 0)]
    [InlineData("none", 0, -1)]
    [InlineData("bye", 1, 7)]
    [InlineData("long", 1, 10_000)]
    public async Task A_datagram_is_answered_by_one_or_by_none(string request, int replies, int length)
    {
        SentDatagram datagram = new SentDatagram().With(System.Text.Encoding.Latin1.GetBytes(request));
        await new ObedientRequests().AsDatagramHandler().OnDatagramAsync(datagram);
        Assert.Equal((replies, length), (datagram.Replies, datagram.ReplyLength));
    }

    [Fact]
    public async Task A_sender_without_an_address_is_not_answered_unless_the_handler_insists()
    {
        SentDatagram datagram = new SentDatagram { IsUnnamed = true }.With([1]);
        await new EchoRequests().AsDatagramHandler().OnDatagramAsync(datagram);
        Assert.Equal(0, datagram.Replies);
    }

    [Fact]
    public async Task A_datagram_that_was_cut_is_no_request()
    {
        SentDatagram datagram = new SentDatagram { IsCut = true }.With("ask"u8.ToArray());
        await new EchoRequests().AsDatagramHandler().OnDatagramAsync(datagram);
        Assert.Equal(0, datagram.Replies);

        var handler = new ObedientRequests { LastWord = "too long" };
        await handler.AsDatagramHandler().OnDatagramAsync(datagram);
        Assert.Equal((0, FramingError.TooLong, 8), (handler.Handled, Assert.Single(handler.Wrong), datagram.ReplyLength));
    }

    [Fact]
    public async Task What_the_handler_throws_goes_up_and_nothing_is_sent()
    {
        SentDatagram datagram = new SentDatagram().With("throw"u8.ToArray());
        await Assert.ThrowsAsync<InvalidDataException>(async () => await new ObedientRequests().AsDatagramHandler().OnDatagramAsync(datagram));
        Assert.Equal(0, datagram.Replies);
    }

    [Fact]
    public async Task A_request_knows_where_it_comes_from()
    {
        using var stop = new CancellationTokenSource();
        var handler = new NotingRequests();
        SentDatagram datagram = new SentDatagram { Stop = stop.Token }.With([1, 2]);
        await handler.AsDatagramHandler().OnDatagramAsync(datagram);
        Assert.Equal((datagram.RemoteEndPoint, datagram.LocalEndPoint, stop.Token, true, 2), (handler.Remote, handler.Local, handler.Aborted, handler.WasDatagram, handler.Length));
        Assert.Same(datagram, handler.Datagram);
    }

    [Fact]
    public void A_datagram_allocates_nothing()
    {
        DatagramHandler echo = new EchoRequests().AsDatagramHandler();
        var datagram = new SentDatagram();
        byte[] small = [1, 2, 3];
        byte[] large = new byte[20_000];
        int answered = 0;
        Assert.Equal(0, Allocated.By(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                foreach (byte[] payload in (ReadOnlySpan<byte[]>)[small, large])
                {
                    ValueTask served = echo.OnDatagramAsync(datagram.With(payload));
                    answered += served.IsCompletedSuccessfully && payload.Length == datagram.ReplyLength ? 1 : 0;
                }
            }
        }));
        Assert.Equal(1600, answered);
    }

    [Fact]
    public async Task Many_at_once_never_see_each_others_bytes()
    {
        DatagramHandler slow = new YieldingEcho().AsDatagramHandler();
        await Parallel.ForAsync(0, 64, async (lane, _) =>
        {
            var datagram = new SentDatagram { Slow = async () => await Task.Yield() };
            for (int i = 0; i < 200; i++)
            {
                byte[] payload = new byte[1 + (((lane * 131) + (i * 37)) % 5000)];
                payload.AsSpan().Fill((byte)(lane + i));
                await slow.OnDatagramAsync(datagram.With(payload));
                Assert.True(payload.AsSpan().SequenceEqual(datagram.Reply.AsSpan(0, datagram.ReplyLength)));
            }
        }).Within("all replies", TimeSpan.FromSeconds(60));
    }

    /// <summary>Answers half, waits, and answers the rest.</summary>
    private sealed class YieldingEcho : RequestHandler
    {
        public override async ValueTask HandleAsync(RequestContext context)
        {
            int half = context.Request.Length / 2;
            Write(context, context.Request[..half]);
            await Task.Yield();
            Write(context, context.Request[half..]);
        }

        private static void Write(RequestContext context, ReadOnlyMemory<byte> bytes)
        {
            bytes.CopyTo(context.Response.GetMemory(bytes.Length));
            context.Response.Advance(bytes.Length);
        }
    }
}
