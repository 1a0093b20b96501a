using System.Collections.Concurrent;
using System.Globalization;
using Sluice.Diagnostics;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>When a datagram came, and from which user.</summary>
public sealed class DatagramsTellTheirOrigin
{
    private const uint Nobody = 65_534;

    private const string SendAs = """
        import os, socket, sys
        path, user, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
        if user != os.getuid(): os.setuid(user)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
            for number in range(count): stranger.sendto(b"let me in", path)
        print(os.getpid(), os.getuid(), os.getgid())
        """;

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task It_came_before_its_handler_began_and_after_it_was_sent(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        foreach (bool byKernel in new[] { true, false })
        {
            var seen = new ConcurrentQueue<(DateTimeOffset At, DateTimeOffset Began, DateTimeOffset Again)>();
            await using DatagramServer server = await cell.StartAsync(context =>
            {
                DateTimeOffset began = DateTimeOffset.UtcNow;
                while (DateTimeOffset.UtcNow - began < TimeSpan.FromMilliseconds(1))
                {
                }

                DateTimeOffset at = context.ReceivedAt;
                seen.Enqueue((at, began, context.ReceivedAt));
                return context.ReplyAsync(context.Payload);
            }, options => options.Datagrams.Timestamps = byKernel);
            using RawDatagramClient client = server.Connect();
            for (int i = 0; i < 3; i++)
            {
                DateTimeOffset before = DateTimeOffset.UtcNow;
                await client.AskAsync("when?");
                Assert.True(seen.TryDequeue(out (DateTimeOffset At, DateTimeOffset Began, DateTimeOffset Again) call));
                Assert.InRange(call.At, before - TimeSpan.FromMilliseconds(1), call.Began);
                Assert.Equal(call.At, call.Again);
            }
        }
    });

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task A_Unix_peer_is_known_by_the_word_of_the_kernel_and_one_of_the_network_is_not(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var seen = new ConcurrentQueue<UnixCredentials?>();
        await using DatagramServer server = await cell.StartAsync(context =>
        {
            seen.Enqueue(context.Credentials);
            return context.ReplyAsync(context.Payload);
        });
        using RawDatagramClient client = server.Connect();
        await client.AskAsync("who?");
        Assert.Equal(cell.IsUnix ? new UnixCredentials(Environment.ProcessId, Own("Uid:"), Own("Gid:")) : null, Assert.Single(seen));
    });

    [Theory, MemberData(nameof(Matrix.DatagramFileCells), MemberType = typeof(Matrix))]
    public Task Datagrams_of_users_that_are_not_allowed_are_dropped_and_counted(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        // Root can be somebody else; whoever cannot is the stranger himself.
        bool isRoot = Own("Uid:") == 0;
        uint stranger = isRoot ? Nobody : Own("Uid:");
        var seen = new ConcurrentQueue<UnixCredentials?>();
        await using DatagramServer server = await cell.StartAsync(context =>
        {
            seen.Enqueue(context.Credentials);
            return context.ReplyAsync(context.Payload);
        }, options =>
        {
            options.Sockets.AllowedUsers = new HashSet<uint> { isRoot ? 0 : stranger + 1 };
            options.Sockets.FileMode = (UnixFileMode)0b110_110_110;
        });
        string[] printed = (await PythonScript.RunAsync(SendAs, server.Url.Path, $"{stranger}", "3")).Split(' ');
        Assert.Equal(stranger, uint.Parse(printed[1], CultureInfo.InvariantCulture));
        if (isRoot)
        {
            await server.AssertServesAsync();
            Assert.Single(seen);
        }

        await Eventually.Until(() => server.Dropped.Sum(dropped => dropped.Count) == 3, "three were dropped");
        Assert.All(server.Dropped, dropped => Assert.Equal(DropReason.UserNotAllowed, dropped.Reason));
        Assert.DoesNotContain(seen, credentials => credentials?.UserId == stranger);
        await Eventually.Until(() => server.Server.Datagrams is { Dropped: 3, Received: var received } && received == 3 + seen.Count, "they are in the totals");
    });

    [Theory, MemberData(nameof(Matrix.DatagramFileCells), MemberType = typeof(Matrix))]
    public Task The_file_of_the_socket_has_the_mode_that_was_asked_for(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        foreach (UnixFileMode mode in new[] { (UnixFileMode)0b110_110_110, (UnixFileMode)0b110_000_000 })
        {
            await using DatagramServer server = await cell.StartEchoAsync(options => options.Sockets.FileMode = mode);
            Assert.Equal(mode, new FileInfo(server.Url.Path).UnixFileMode);
            await server.AssertServesAsync();
        }
    });

    private static uint Own(string field) =>
        uint.Parse(File.ReadLines("/proc/self/status").First(line => line.StartsWith(field, StringComparison.Ordinal)).Split('\t')[1], CultureInfo.InvariantCulture);
}

/// <summary>What a peer sends beside the bytes.</summary>
[Collection(nameof(Alone))]
public sealed class DatagramsBringNoDescriptors
{
    private const string SendDescriptors = """
        import socket, sys
        name = sys.argv[1]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
            peer.bind("\0" + sys.argv[2])
            peer.connect("\0" + name[1:] if name.startswith("@") else name)
            for number in range(40):
                socket.send_fds(peer, [b"take these"], [0] * 10)
                assert peer.recv(100) == b"take these"
        """;

    [Theory, MemberData(nameof(Matrix.DatagramFileCells), MemberType = typeof(Matrix))]
    public Task Descriptors_that_a_peer_sends_do_not_stay(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        foreach (bool timestamps in new[] { true, false })
        {
            await using DatagramServer server = await cell.StartEchoAsync(options => options.Datagrams.Timestamps = timestamps);
            await server.AssertServesAsync();
            int before = ProcessCounters.Descriptors();
            await PythonScript.RunAsync(SendDescriptors, server.Url.Path, $"descriptors-{Environment.ProcessId}");
            Assert.InRange(ProcessCounters.Descriptors(), 0, before + 40);
        }
    });
}
