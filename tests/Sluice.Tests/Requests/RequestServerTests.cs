using System.Text;
using Microsoft.AspNetCore.Connections;
using Sluice.Framing;
using Sluice.Models;
using Sluice.Requests;

namespace Sluice.Tests.Requests;

public sealed class RequestServerTests
{
    public static TheoryData<string> Models => [.. ConcurrencyModels.All.Where(model => model.Capabilities.SharesMemory).Select(model => model.Name)];

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Every_model_answers_requests_and_ends_behind_a_bad_frame_without_a_failure(string model)
    {
        var handler = new ObedientRequests { LastWord = "sorry" };
        var ended = new TaskCompletionSource<(CloseReason Reason, Exception? Failure)>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServer server = SocketServer.CreateBuilder().UseModel(model).Listen("tcp://127.0.0.1:0").Handle(handler.AsConnectionHandler(new NetstringFraming())).Build();
        server.Events.ConnectionEnded += end => ended.TrySetResult((end.Reason, end.Failure));
        await server.StartAsync();
        await using ConnectionContext client = await SocketClient.ConnectAsync(server.LocalUrls[0].ToString());
        var requests = new FrameWriter(client.Transport.Output, new NetstringFraming());
        var replies = new FrameReader(client.Transport.Input, new NetstringFraming());

        requests.Write("one"u8);
        await requests.WriteAsync("two"u8.ToArray());
        Assert.Equal("one", await NextAsync(replies));
        Assert.Equal("two", await NextAsync(replies));
        requests.Write("three"u8);
        await client.Transport.Output.WriteAsync("nonsense"u8.ToArray());
        Assert.Equal("three", await NextAsync(replies));
        Assert.Equal("sorry", await NextAsync(replies));
        Assert.Null(await NextAsync(replies));
        await client.Transport.Output.CompleteAsync();
        Assert.Equal((CloseReason.Completed, null), await ended.Task.Within("the end"));
        await server.StopAsync().Within("the stop");
    }

    [Fact]
    public void A_handler_that_shares_state_is_known_behind_its_adapters()
    {
        Assert.True(OptionsCheck.SharesState(new SharingRequests().AsConnectionHandler(new LineFraming())));
        Assert.True(OptionsCheck.SharesState(new SharingRequests().AsDatagramHandler()));
        Assert.False(OptionsCheck.SharesState(new EchoRequests().AsConnectionHandler(new LineFraming())));
        Assert.False(OptionsCheck.SharesState(new EchoRequests().AsDatagramHandler()));
        SluiceException refused = Assert.Throws<SluiceException>(() =>
            SocketServer.CreateBuilder().UseModel("prefork").Listen("tcp://127.0.0.1:0").Handle(new SharingRequests().AsConnectionHandler(new LineFraming())).Build());
        Assert.Equal(ErrorIds.StateNotShared, refused.Id);
    }

    [Fact]
    public void A_reply_may_be_written_in_any_way_a_buffer_writer_allows()
    {
        var reply = new ReplyBuffer();
        Assert.True(reply.Written.IsEmpty);
        Assert.Throws<ArgumentOutOfRangeException>(() => reply.Advance(1));
        Assert.NotEqual(0, reply.GetMemory().Length);
        reply.GetSpan(5_000)[..5_000].Fill(7);
        reply.Advance(5_000);
        Assert.True(reply.GetSpan(100_000).Length >= 100_000);
        Assert.Equal(5_000, reply.Written.Length);
        Assert.Equal(-1, reply.Written.Span.IndexOfAnyExcept((byte)7));
        Assert.Throws<ArgumentOutOfRangeException>(() => reply.GetMemory(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => reply.Advance(-1));
        reply.Release();
        Assert.True(reply.Written.IsEmpty);
        Assert.Throws<ArgumentOutOfRangeException>(() => reply.Advance(1)); // it holds no buffer
    }

    private static async Task<string?> NextAsync(FrameReader replies) =>
        await replies.ReadAsync().AsTask().Within("a reply") ? Encoding.Latin1.GetString(replies.Frame) : null;
}
