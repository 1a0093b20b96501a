using System.Text;
using CsCheck;
using Microsoft.AspNetCore.Connections;
using Sluice.Framing;
using Sluice.Tests.Framing;
using Sluice.Tests.Support;

namespace Sluice.Tests.Requests;

public sealed class RequestConnectionTests
{
    public static TheoryData<string> Formats => FormatCase.Names;

    [Theory]
    [MemberData(nameof(Formats))]
    public void Every_frame_is_answered_in_its_order_however_they_come(string name)
    {
        FormatCase format = FormatCase.Of(name);
        ConnectionHandler echo = new EchoRequests().AsConnectionHandler(format.Format);
        Gen.Select(format.Frame.Array[0, 6], Gen.Int[0, 900].Array[0, 12]).Sample((frames, arrivals) =>
        {
            byte[] bytes = format.Encoded(frames);
            var connection = new PipedConnection();
            Task serving = echo.OnConnectedAsync(connection);
            int at = 0;
            foreach (int arrived in arrivals.Where(point => point < bytes.Length).Order().Append(bytes.Length))
            {
                connection.Send(bytes.AsMemory(at..arrived));
                at = arrived;
            }

            connection.Finish();
            Assert.True(serving.IsCompletedSuccessfully);
            Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(connection.Received()));
        }, iter: 200);
    }

    [Fact]
    public void A_reply_does_not_wait_for_more_input()
    {
        (PipedConnection connection, Task serving) = Serve(new ObedientRequests());
        connection.Send("a\nb"u8.ToArray());
        Assert.Equal("a\n", Text(connection));
        connection.Send("\n"u8.ToArray());
        Assert.Equal("b\n", Text(connection));
        Assert.False(serving.IsCompleted);
    }

    [Fact]
    public async Task A_reply_that_is_ready_does_not_wait_for_the_next_request()
    {
        var handler = new ObedientRequests();
        (PipedConnection connection, Task serving) = Serve(handler);
        connection.Send("a\nwait\nb\n"u8.ToArray());
        Assert.Equal("a\n", Text(connection));
        handler.Gate.SetResult();
        connection.Finish();
        await serving.Within("the end");
        Assert.Equal("waited\nb\n", Text(connection));
    }

    [Fact]
    public void Replies_to_one_read_go_out_in_pieces_of_which_none_grows_without_end()
    {
        var handler = new ObedientRequests();
        var connection = new PipedConnection(pauseAt: 1); // a flush waits until its bytes are taken
        Task serving = handler.AsConnectionHandler(new LineFraming()).OnConnectedAsync(connection);
        connection.Send(Encoding.Latin1.GetBytes(string.Concat(Enumerable.Repeat("long\n", 20))));
        Assert.Equal(7, handler.Handled); // 70,007 bytes
        while (connection.Drop() > 0)
        {
        }

        Assert.Equal(20, handler.Handled);
        Assert.False(serving.IsCompleted);
    }

    [Fact]
    public void A_one_way_request_has_no_reply_and_an_empty_one_is_sent()
    {
        (PipedConnection connection, _) = Serve(new ObedientRequests());
        connection.Send("none\na\nnone\nempty\n"u8.ToArray());
        Assert.Equal("a\n\n", Text(connection));
    }

    [Fact]
    public void A_request_in_several_segments_is_in_one_piece()
    {
        var handler = new NotingRequests();
        var connection = new PipedConnection();
        _ = handler.AsConnectionHandler(new LineFraming(maxFrame: 10_000)).OnConnectedAsync(connection);
        byte[] half = new byte[4096];
        half.AsSpan().Fill((byte)'x');
        connection.SendTogether(half, [.. half[1..], (byte)'\n']);
        Assert.Equal(8192, connection.Received().Length);
        Assert.Equal((8191, 1), (handler.Length, handler.Calls));
    }

    [Fact]
    public void The_last_request_ends_the_connection_behind_its_reply()
    {
        var handler = new ObedientRequests();
        (PipedConnection connection, Task serving) = Serve(handler);
        connection.Send("a\nbye\nb\n"u8.ToArray());
        Assert.True(serving.IsCompletedSuccessfully);
        Assert.Equal("a\ngoodbye\n", Text(connection));
        Assert.Equal(2, handler.Handled);
    }

    [Fact]
    public void A_client_that_has_left_is_served_no_more()
    {
        var handler = new ObedientRequests();
        (PipedConnection connection, Task serving) = Serve(handler);
        connection.Leave();
        connection.Send("a\n"u8.ToArray());
        Assert.True(serving.IsCompletedSuccessfully);
    }

    [Theory]
    [InlineData("a\n0123456789\nb\n", FramingError.TooLong)]
    [InlineData("a\n01234567890", FramingError.TooLong)]
    [InlineData("a\nb", FramingError.Truncated)]
    public void Bytes_that_are_no_frame_end_the_connection_behind_the_replies_and_are_no_failure(string stream, FramingError reason)
    {
        foreach (string? lastWord in (string?[])[null, "sorry"])
        {
            var handler = new ObedientRequests { LastWord = lastWord };
            (PipedConnection connection, Task serving) = Serve(handler);
            connection.Send(Encoding.Latin1.GetBytes(stream));
            connection.Finish();
            Assert.True(serving.IsCompletedSuccessfully);
            Assert.Equal(lastWord is null ? "a\n" : "a\nsorry\n", Text(connection));
            Assert.Equal((1, reason), (handler.Handled, Assert.Single(handler.Wrong)));
        }
    }

    [Fact]
    public void A_handler_that_does_not_care_for_bad_frames_answers_none()
    {
        var connection = new PipedConnection();
        Task serving = new EchoRequests().AsConnectionHandler(new NetstringFraming()).OnConnectedAsync(connection);
        connection.Send("1:a,nonsense"u8.ToArray());
        Assert.True(serving.IsCompletedSuccessfully);
        Assert.Equal("1:a,", Text(connection));
    }

    [Fact]
    public async Task What_the_handler_throws_and_what_it_cannot_send_are_failures()
    {
        (PipedConnection connection, Task serving) = Serve(new ObedientRequests());
        connection.Send("throw\n"u8.ToArray());
        await Assert.ThrowsAsync<InvalidDataException>(() => serving);

        (connection, serving) = Serve(new ObedientRequests());
        connection.Send("two lines\n"u8.ToArray());
        Assert.Equal(FramingError.CannotEncode, (await Assert.ThrowsAsync<FramingException>(() => serving)).Reason);
    }

    [Fact]
    public void A_request_knows_where_it_comes_from()
    {
        var handler = new NotingRequests();
        var connection = new PipedConnection();
        _ = handler.AsConnectionHandler(new LineFraming()).OnConnectedAsync(connection);
        connection.Send("a\n"u8.ToArray());
        Assert.Equal((connection.RemoteEndPoint, connection.LocalEndPoint, connection.ConnectionClosed, false), (handler.Remote, handler.Local, handler.Aborted, handler.WasDatagram));
        Assert.Same(connection, handler.Connection);
    }

    [Fact]
    public void A_request_allocates_nothing_whether_it_comes_alone_or_with_others_or_in_pieces()
    {
        var connection = new PipedConnection();
        _ = new EchoRequests().AsConnectionHandler(new LineFraming()).OnConnectedAsync(connection);
        byte[] one = "a request\n"u8.ToArray();
        byte[] many = Encoding.Latin1.GetBytes(string.Concat(Enumerable.Repeat("a request\n", 50)));
        byte[] half = new byte[4090];
        byte[] end = [.. half, (byte)'\n'];
        long received = 0;
        Assert.Equal(0, Allocated.By(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                connection.Send(one);
                received += connection.Drop();
                connection.Send(many);
                received += connection.Drop();
                connection.Send(half);
                connection.Send(end);
                received += connection.Drop();
            }
        }));
        Assert.Equal(800 * (51 * 10 + 8181), received);
    }

    private static (PipedConnection Connection, Task Serving) Serve(RequestHandler handler)
    {
        var connection = new PipedConnection();
        return (connection, handler.AsConnectionHandler(new LineFraming(maxFrame: 9)).OnConnectedAsync(connection));
    }

    private static string Text(PipedConnection connection) => Encoding.Latin1.GetString(connection.Received());
}
