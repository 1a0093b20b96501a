using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Sluice.Samples.Tests;

/// <summary>The tutorial's six servers on Sluice: the replies of the originals, and none of their failures.</summary>
public sealed class TutorialTests
{
    [Fact]
    public async Task IterativeServer_answers_every_message_and_serves_the_next_client_after_the_first()
    {
        using RunningSample sample = await RunningSample.ListenAsync("IterativeServer");
        using Socket first = await sample.ConnectAsync();
        using Socket second = await sample.ConnectAsync();
        await sample.SendAsync(second, "two");
        await sample.SendAsync(first, "one");
        await sample.ExpectAsync(first, "这是一个循环版多连接服务测试");
        Assert.Equal("收到客户端数据: one", await sample.LineAsync("收到"));
        first.Close();
        await sample.ExpectAsync(second, "这是一个循环版多连接服务测试");
        Assert.Equal("收到客户端数据: two", await sample.LineAsync("收到"));
    }

    [Fact]
    public async Task IterativeServer_survives_bytes_that_are_no_UTF8()
    {
        using RunningSample sample = await RunningSample.ListenAsync("IterativeServer");
        using Socket client = await sample.ConnectAsync();
        await sample.SendAsync(client, [0xff, 0xfe]);
        await sample.ExpectAsync(client, "这是一个循环版多连接服务测试");
    }

    [Fact]
    public async Task FileServer_receives_files_of_two_senders_side_by_side()
    {
        using RunningSample sample = await RunningSample.ListenAsync("FileServer");
        using Socket slow = await sample.ConnectAsync();
        byte[] large = Enumerable.Range(0, 200_000).Select(i => (byte)i).ToArray();
        await sample.SendAsync(slow, [.. Header("/home/x/large.bin", large.Length), .. large[..1000]]);
        using Socket quick = await sample.ConnectAsync();
        await sample.SendAsync(quick, [.. Header("a.txt", 5), .. "hello"u8, .. Header("empty", 0)]);
        quick.Shutdown(SocketShutdown.Send);
        await sample.ExpectEndAsync(quick);
        await sample.SendAsync(slow, large[1000..]);
        slow.Shutdown(SocketShutdown.Send);
        await sample.ExpectEndAsync(slow);
        Assert.Equal("hello", await File.ReadAllTextAsync(Path.Combine(sample.Folder, "received", "a.txt")));
        Assert.Empty(await File.ReadAllBytesAsync(Path.Combine(sample.Folder, "received", "empty")));
        Assert.Equal(large, await File.ReadAllBytesAsync(Path.Combine(sample.Folder, "received", "large.bin")));
    }

    [Fact]
    public async Task FileServer_writes_no_file_outside_its_folder()
    {
        using RunningSample sample = await RunningSample.ListenAsync("FileServer");
        using Socket client = await sample.ConnectAsync();
        await sample.SendAsync(client, [.. Header("../../escape.txt", 3), .. "out"u8]);
        client.Shutdown(SocketShutdown.Send);
        await sample.ExpectEndAsync(client);
        string written = Assert.Single(Directory.EnumerateFiles(sample.Folder, "*", SearchOption.AllDirectories));
        Assert.Equal(Path.Combine(sample.Folder, "received", "escape.txt"), written);
    }

    [Theory]
    [InlineData("ProcessServer", "这是从服务端进程中发出的消息")]
    [InlineData("ThreadServer", "这是从服务端线程中发出的消息")]
    public async Task ProcessServer_and_ThreadServer_answer_one_line_and_close(string name, string reply)
    {
        using RunningSample sample = await RunningSample.ListenAsync(name);
        using Socket client = await sample.ConnectAsync();
        await sample.SendAsync(client, "  ls -al /home/wxh\r\n");
        await sample.ExpectAsync(client, reply);
        await sample.ExpectEndAsync(client);
        if (name == "ProcessServer")
        {
            string line = await sample.LineAsync("pid ");
            Assert.EndsWith(": ls -al /home/wxh", line, StringComparison.Ordinal);
            Assert.DoesNotContain($"pid {sample.ProcessId}:", line, StringComparison.Ordinal); // a worker's
        }
        else
        {
            Assert.Equal("sluice-1: ls -al /home/wxh", await sample.LineAsync("sluice-1: "));
        }
    }

    [Theory]
    [InlineData("ProcessServer")]
    [InlineData("ThreadServer")]
    public async Task An_empty_line_gets_no_reply(string name)
    {
        using RunningSample sample = await RunningSample.ListenAsync(name);
        using Socket client = await sample.ConnectAsync();
        await sample.SendAsync(client, " \n");
        await sample.ExpectEndAsync(client);
    }

    [Fact]
    public async Task ThreadPoolServer_answers_in_upper_case_and_lets_the_17th_client_wait_its_turn()
    {
        using RunningSample sample = await RunningSample.ListenAsync("ThreadPoolServer");
        List<Socket> clients = [];
        for (int i = 0; i < 16; i++)
        {
            clients.Add(await sample.ConnectAsync());
            await sample.SendAsync(clients[i], $"ls {i}\n");
            await sample.ExpectAsync(clients[i], $"LS {i}");
        }

        using Socket last = await sample.ConnectAsync();
        await sample.SendAsync(last, "late");
        await sample.SendAsync(clients[0], "again");
        await sample.ExpectAsync(clients[0], "AGAIN");
        Assert.Equal(0, last.Available);
        clients[0].Close();
        await sample.ExpectAsync(last, "LATE");
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task SelectServer_tells_the_first_message_from_the_later_ones_and_serves_others_beside_a_silent_client()
    {
        using RunningSample sample = await RunningSample.ListenAsync("SelectServer");
        using Socket silent = await sample.ConnectAsync();
        using Socket client = await sample.ConnectAsync();
        await sample.SendAsync(client, "hello 1");
        await sample.ExpectAsync(client, "first received data: b'HELLO 1'");
        await sample.SendAsync(client, "hello 2");
        await sample.ExpectAsync(client, "else received data: b'HELLO 2'");
        await sample.SendAsync(silent, "hello 3");
        await sample.ExpectAsync(silent, "first received data: b'HELLO 3'");
        await sample.LineAsync("turn 1: 1 of 1 ready");
    }

    [Fact]
    public async Task SelectServer_goes_on_when_a_client_leaves_in_any_way()
    {
        using RunningSample sample = await RunningSample.ListenAsync("SelectServer");
        using Socket polite = await sample.ConnectAsync();
        polite.Shutdown(SocketShutdown.Send);
        await sample.ExpectEndAsync(polite); // the original answers b'' and dies of a broken pipe
        using Socket rude = await sample.ConnectAsync();
        await sample.SendAsync(rude, "hello 1");
        rude.LingerState = new LingerOption(enable: true, seconds: 0); // a reset; the original closes another client's socket
        rude.Close();
        using Socket next = await sample.ConnectAsync();
        await sample.SendAsync(next, "hello 2");
        await sample.ExpectAsync(next, "first received data: b'HELLO 2'");
    }

    private static byte[] Header(string name, long size)
    {
        var header = new byte[48];
        Encoding.UTF8.GetBytes(name, header);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(40), size);
        return header;
    }
}
