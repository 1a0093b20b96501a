using System.Net;
using System.Net.Sockets;

namespace Sluice.Samples.Tests;

/// <summary>Each sample, run as a program and asked by a raw client.</summary>
public sealed class SampleTests
{
    [Fact]
    public async Task EchoServer_sends_back_what_it_receives()
    {
        using RunningSample sample = await RunningSample.ListenAsync("EchoServer");
        using Socket client = await sample.ConnectAsync();
        await sample.SendAsync(client, "hello");
        await sample.ExpectAsync(client, "hello");
        client.Shutdown(SocketShutdown.Send);
        await sample.ExpectEndAsync(client);
    }

    [Theory]
    [InlineData("EchoServer", "hi\n", "hi\n")]
    [InlineData("ThreadPerConnection", "hi\n", "sluice-1: hi\n")]
    [InlineData("ChatRoom", "hi\n", "hi\n")]
    [InlineData("HostYourOwnProtocol", "\0\0\0\u0002hi", "\0\0\0\u0002ih")]
    public async Task Ctrl_C_drains_the_sample_although_a_client_is_connected(string name, string request, string reply)
    {
        using RunningSample sample = await RunningSample.ListenAsync(name);
        using Socket client = await sample.ConnectAsync();
        await sample.SendAsync(client, request);
        await sample.ExpectAsync(client, reply);
        sample.Interrupt();
        await sample.ExpectEndAsync(client);
        await sample.LineAsync("Stopped ");
        Assert.Equal(0, await sample.ExitCodeAsync());
    }

    [Fact]
    public async Task ThreadPerConnection_answers_each_client_from_a_thread_of_its_own()
    {
        using RunningSample sample = await RunningSample.ListenAsync("ThreadPerConnection");
        using Socket first = await sample.ConnectAsync();
        await sample.SendAsync(first, "one\n");
        await sample.ExpectAsync(first, "sluice-1: one\n");
        using Socket second = await sample.ConnectAsync();
        await sample.SendAsync(second, "two\n");
        await sample.ExpectAsync(second, "sluice-2: two\n");
        await sample.SendAsync(first, "three\n");
        await sample.ExpectAsync(first, "sluice-1: three\n");
    }

    [Fact]
    public async Task ChatRoom_gives_every_line_to_every_member()
    {
        using RunningSample sample = await RunningSample.ListenAsync("ChatRoom");
        using Socket anna = await sample.ConnectAsync();
        await sample.SendAsync(anna, "anna is here\n");
        await sample.ExpectAsync(anna, "anna is here\n");
        using Socket bert = await sample.ConnectAsync();
        await sample.SendAsync(bert, "hi an");
        await sample.SendAsync(bert, "na\nhow are you?\n");
        await sample.ExpectAsync(anna, "hi anna\nhow are you?\n");
        await sample.ExpectAsync(bert, "hi anna\nhow are you?\n");
        bert.Close();
        await sample.SendAsync(anna, "fine\n");
        await sample.ExpectAsync(anna, "fine\n");
    }

    [Fact]
    public async Task HostYourOwnProtocol_answers_every_message_however_it_is_cut()
    {
        using RunningSample sample = await RunningSample.ListenAsync("HostYourOwnProtocol");
        using Socket client = await sample.ConnectAsync();
        foreach (byte b in "\0\0\0\u0003abc"u8.ToArray())
        {
            await sample.SendAsync(client, [b]);
        }

        await sample.ExpectAsync(client, "\0\0\0\u0003cba");
        await sample.SendAsync(client, "\0\0\0\u0002xy\0\0\0\0\0\0\0\u0001z");
        await sample.ExpectAsync(client, "\0\0\0\u0002yx\0\0\0\0\0\0\0\u0001z");
    }

    [Fact]
    public async Task HostYourOwnProtocol_resets_a_client_that_announces_too_much_and_serves_the_next()
    {
        using RunningSample sample = await RunningSample.ListenAsync("HostYourOwnProtocol");
        using Socket liar = await sample.ConnectAsync();
        await sample.SendAsync(liar, [0x7f, 0xff, 0xff, 0xff]);
        await Assert.ThrowsAsync<SocketException>(() => sample.ExpectEndAsync(liar));
        using Socket next = await sample.ConnectAsync();
        await sample.SendAsync(next, "\0\0\0\u0002ok");
        await sample.ExpectAsync(next, "\0\0\0\u0002ko");
    }

    [Fact]
    public async Task DataRace_counts_every_byte_with_the_careful_counter()
    {
        using RunningSample sample = RunningSample.Start("DataRace");
        string[] words = (await sample.LineAsync("careless ")).Split(' ');
        Assert.Equal("8000000", words[3]);
        Assert.InRange(int.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture), 1, 8_000_000);
        Assert.Equal(0, await sample.ExitCodeAsync());
    }

    [Fact]
    public async Task OneHandlerEverywhere_answers_over_every_transport()
    {
        using RunningSample sample = RunningSample.Start("OneHandlerEverywhere", "."); // paths of its own folder
        string tcp = await sample.LineAsync("Listening tcp://127.0.0.1:");
        string udp = await sample.LineAsync("Listening udp://127.0.0.1:");
        await sample.LineAsync("Listening unixgram://");
        await AskAsync(SocketType.Stream, AddressOf(tcp), "tcp\n");
        await AskAsync(SocketType.Dgram, AddressOf(udp), "udp");
        await AskAsync(SocketType.Stream, new UnixDomainSocketEndPoint(Path.Combine(sample.Folder, "upper.sock")), "unix\n");
        await AskAsync(SocketType.Dgram, new UnixDomainSocketEndPoint(Path.Combine(sample.Folder, "upper.gram")), "unixgram");
        sample.Interrupt();
        Assert.Equal(0, await sample.ExitCodeAsync());

        async Task AskAsync(SocketType type, EndPoint server, string request)
        {
            using var socket = new Socket(server.AddressFamily, type, ProtocolType.Unspecified);
            if (server is UnixDomainSocketEndPoint && type == SocketType.Dgram)
            {
                socket.Bind(new UnixDomainSocketEndPoint(Path.Combine(sample.Folder, "client.gram")));
            }

            await socket.ConnectAsync(server);
            await sample.SendAsync(socket, request);
            await sample.ExpectAsync(socket, request.ToUpperInvariant());
        }

        static IPEndPoint AddressOf(string line) => IPEndPoint.Parse(line.Split(' ')[1].Split("://")[1]);
    }

    [Fact]
    public void Every_sample_is_tested()
    {
        string tests = Repository.Read("tests/Sluice.Samples.Tests/SampleTests.cs") + Repository.Read("tests/Sluice.Samples.Tests/TutorialTests.cs");
        Assert.All(Repository.SamplePrograms(), program => Assert.Contains($"\"{Path.GetFileName(Path.GetDirectoryName(program))}\"", tests, StringComparison.Ordinal));
    }
}
