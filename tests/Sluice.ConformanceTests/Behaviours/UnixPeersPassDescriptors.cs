using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Win32.SafeHandles;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>Descriptors beside the bytes of a Unix socket: the client is Python, which passes them by code that is not ours.</summary>
public sealed class UnixPeersPassDescriptors
{
    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public Task They_go_both_ways_in_the_order_of_the_bytes(string model) => RunAsync(model, async cell =>
    {
        await using RunningServer server = await StartAsync(cell, async connection =>
        {
            IDescriptorPassing passing = Passing(connection);
            await Task.Delay(50); // until everything is here: a receive ends behind each message with descriptors, and nobody tells of the rest
            Assert.Equal("abcdefgh", Encoding.ASCII.GetString(await Handlers.ReadExactlyAsync(connection.Transport.Input, 8)));
            for (int i = 1; i <= 3; i++)
            {
                Assert.True(passing.TryReceive(out SafeFileHandle descriptor));
                await using var pipe = new FileStream(descriptor, FileAccess.Write, bufferSize: 0);
                pipe.Write(Encoding.ASCII.GetBytes($"{i}"));
                connection.Transport.Output.Write("before "u8); // and not flushed
                await passing.SendAsync(Encoding.ASCII.GetBytes($"here {i}\n"), descriptor);
            }

            Assert.False(passing.TryReceive(out _));
        });
        string said = await ClientAsync(server, """
            s = connect()
            r, w = os.pipe()
            w2 = os.dup(w)
            s.sendall(b'a')
            socket.send_fds(s, [b'bc'], [w])
            s.sendall(b'd')
            socket.send_fds(s, [b'e'], [w, w2])
            s.sendall(b'fgh')
            os.close(w); os.close(w2)
            got = []
            for i in range(3):
                data, fds = b'', []
                while not data.endswith(b'\n'):
                    more, some, flags, address = socket.recv_fds(s, 1, 4)
                    data += more or exit('the server ended')
                    fds += some
                got.append(data.decode().strip() + ' ' + str(len(fds)))
                for fd in fds: os.write(fd, b'c'); os.close(fd)
            s.close()
            say('; '.join(got) + ' ' + ''.join(sorted(os.fdopen(r).read())))
            """);
        Assert.Equal("before here 1 1; before here 2 1; before here 3 1 123ccc", said);
        await AssertNoFailureAsync(server);
    });

    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public Task One_that_is_sent_goes_behind_what_waits_to_be_sent_and_waits_for_a_slow_peer(string model) => RunAsync(model, async cell =>
    {
        await using RunningServer server = await StartAsync(cell, async connection =>
        {
            IDescriptorPassing passing = Passing(connection);
            byte[] bytes = new byte[1_000_000];
            bytes.AsSpan().Fill((byte)'a');
            await connection.Transport.Output.WriteAsync(bytes);
            bytes.AsSpan().Fill((byte)'b');
            using SafeFileHandle file = File.OpenHandle("/proc/self/status");
            await passing.SendAsync(bytes, file);
            await passing.SendAsync("c"u8.ToArray(), file);
            await connection.Transport.Output.WriteAsync("d"u8.ToArray());
        });
        string said = await ClientAsync(server, """
            import time
            s = connect()
            data, fds = b'', []
            time.sleep(0.1)
            while True:
                before = len(data)
                more, some, flags, address = socket.recv_fds(s, 65536, 4)
                if not more: break
                data += more
                if some: fds.append((before, before + len(more), os.readlink('/proc/self/fd/%d' % some[0]).split('/')[-1]))
            say(data == b'a' * 1000000 + b'b' * 1000000 + b'cd')
            say('%d %s %s %s' % (len(fds), fds[0][0] <= 1000000 < fds[0][1], fds[1][0] <= 2000000 < fds[1][1], fds[0][2]))
            """);
        Assert.Equal("True\n2 True True status", said);
        await AssertNoFailureAsync(server);
    });

    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public Task What_nobody_takes_is_closed_with_the_connection(string model) => RunAsync(model, async cell =>
    {
        int count = model == "epoll" ? 1000 : 100;
        using var passed = new PassedFile();
        await using RunningServer server = await StartAsync(cell, async connection =>
        {
            await Handlers.ReadExactlyAsync(connection.Transport.Input, 1);
            Assert.True(Passing(connection).TryReceive(out SafeFileHandle taken));
            taken.Dispose(); // one of the three
        });
        await ClientAsync(server, """
            fd = os.open(sys.argv[2], os.O_RDONLY)
            for i in range(int(sys.argv[3])):
                s = connect()
                socket.send_fds(s, [b'x'], [fd, fd, fd])
                s.close()
            """, passed.Path, $"{count}");
        await Eventually.Until(() => server.Ended.Count == count, "all have ended", within: TimeSpan.FromSeconds(60));
        await passed.AssertClosedAsync();
        await AssertNoFailureAsync(server);
    });

    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public Task A_peer_that_floods_a_handler_with_them_is_ended_and_nobody_else(string model) => RunAsync(model, async cell =>
    {
        using var passed = new PassedFile();
        await using RunningServer server = await StartAsync(cell, connection => Handlers.DrainAsync(connection.Transport.Input));
        string said = await ClientAsync(server, """
            fd = os.open(sys.argv[2], os.O_RDONLY)
            for messages, each in ((1, 253), (1, 65), (1000, 1), (1000, 10), (64, 1)):
                s = connect()
                try:
                    for i in range(messages):
                        socket.send_fds(s, [b'x'], [fd] * each)
                    s.shutdown(socket.SHUT_WR)
                    s.recv(1)
                except OSError: # it ends while it is flooded, or has bytes unread
                    pass
                s.close()
            say('still here')
            """, passed.Path);
        Assert.Equal("still here", said);
        await server.EndedAsync(5);
        Assert.Equal([CloseReason.Completed, .. Enumerable.Repeat(CloseReason.DescriptorLimit, 4)], server.Ended.Select(ended => ended.Reason).Order());
        await passed.AssertClosedAsync();
    });

    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public Task A_handler_that_does_not_read_gets_none_of_them(string model) => RunAsync(model, async cell =>
    {
        using var passed = new PassedFile();
        var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using RunningServer server = await StartAsync(cell, _ => left.Task);
        string said = await ClientAsync(server, """
            import errno
            s = connect()
            s.setblocking(False)
            fd = os.open(sys.argv[2], os.O_RDONLY)
            sent = 0
            try:
                while True:
                    socket.send_fds(s, [b'x'], [fd] * 100)
                    sent += 1
            except OSError as error:
                say('full' if sent and error.errno in (errno.EAGAIN, errno.ETOOMANYREFS) else str(error))
            """, passed.Path);
        Assert.Equal("full", said);
        Assert.Equal(0, passed.OpenHere);
        left.SetResult();
        await server.EndedAsync();
        await passed.AssertClosedAsync();
    });

    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public Task Without_the_option_they_are_dropped_and_the_bytes_are_served(string model) => Cell.RunAsync(model, "unix", async cell =>
    {
        using var passed = new PassedFile();
        await using RunningServer server = await cell.StartAsync(connection =>
        {
            Assert.Null(connection.Features.Get<IDescriptorPassing>());
            return Handlers.Echo(connection);
        });
        string said = await ClientAsync(server, """
            s = connect()
            r, w = os.pipe()
            socket.send_fds(s, [b'hello\n'], [w, os.open(sys.argv[2], os.O_RDONLY)]); os.close(w)
            say(line(s) + str(os.read(r, 1))) # an end: nobody has the other one
            """, passed.Path);
        Assert.Equal("hellob''", said);
        Assert.Equal(0, passed.OpenHere);
        await AssertNoFailureAsync(server);
    });

    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public Task What_cannot_be_sent_is_refused_and_harms_nothing(string model) => RunAsync(model, async cell =>
    {
        await using RunningServer server = await StartAsync(cell, async connection =>
        {
            IDescriptorPassing passing = Passing(connection);
            SafeFileHandle closed = File.OpenHandle("/dev/null");
            using SafeFileHandle open = File.OpenHandle("/dev/null");
            closed.Dispose();
            await Assert.ThrowsAsync<ArgumentException>(async () => await passing.SendAsync("x"u8.ToArray(), closed));
            await Assert.ThrowsAsync<ArgumentException>(async () => await passing.SendAsync("x"u8.ToArray(), new SafeFileHandle(1_000_000, ownsHandle: false)));
            await Assert.ThrowsAsync<ArgumentException>(async () => await passing.SendAsync(default, open));
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await passing.SendAsync("x"u8.ToArray(), open, new CancellationToken(canceled: true)));
            await Handlers.Echo(connection);
        });
        await server.AssertServesAsync();
        await AssertNoFailureAsync(server);
    });

    [Fact]
    public async Task Auto_takes_epoll_and_says_why()
    {
        var noticed = new List<string>();
        await using SocketServer server = SocketServer.CreateBuilder().Listen("tcp://127.0.0.1:0").Handle(Handlers.Echo)
            .Configure(options => options.Sockets.PassDescriptors = true).Build();
        server.Events.Noticed += noticed.Add;
        Assert.Equal("epoll", server.Model.Name);
        await server.StartAsync();
        Assert.Contains(noticed, line => line.StartsWith("serving with epoll: descriptors are passed", StringComparison.Ordinal));
    }

    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public Task Tcp_connections_have_none_to_pass(string model) => Cell.RunAsync(model, "tcp", async cell =>
    {
        if (Refuses(cell))
        {
            return;
        }

        await using RunningServer server = await StartAsync(cell, connection =>
        {
            Assert.Null(connection.Features.Get<IDescriptorPassing>());
            return Handlers.Echo(connection);
        });
        await server.AssertServesAsync();
        await AssertNoFailureAsync(server);
    });

    // io_uring says that it cannot, when the server is built.
    private static Task RunAsync(string model, Func<Cell, Task> behaviour) => Cell.RunAsync(model, "unix", cell => Refuses(cell) ? Task.CompletedTask : behaviour(cell));

    private static bool Refuses(Cell cell)
    {
        if (cell.Model.Name != "io_uring")
        {
            return false;
        }

        SluiceException refusal = Assert.Throws<SluiceException>(() => cell.Build(Handlers.Echo, Pass));
        Assert.Equal(ErrorIds.DescriptorsNotPassed, refusal.Id);
        Assert.Contains("use epoll", refusal.Message, StringComparison.Ordinal);
        return true;
    }

    private static Task<RunningServer> StartAsync(Cell cell, Func<ConnectionContext, Task> handler) => cell.StartAsync(handler, Pass);

    private static void Pass(SocketServerOptions options) => options.Sockets.PassDescriptors = true;

    private static IDescriptorPassing Passing(ConnectionContext connection) => connection.Features.GetRequiredFeature<IDescriptorPassing>();

    // A client that fails does so because of what the handler threw, mostly.
    private static async Task<string> ClientAsync(RunningServer server, string script, params string[] arguments)
    {
        try
        {
            return await PythonClient.RunAsync(script, [server.Url.Path, .. arguments]);
        }
        catch (InvalidOperationException)
        {
            await AssertNoFailureAsync(server);
            throw;
        }
    }

    private static async Task AssertNoFailureAsync(RunningServer server)
    {
        await Eventually.Until(() => server.Server.Connections == 0, "all have ended");
        Assert.All(server.Ended, ended => Assert.Null(ended.Failure));
    }

    /// <summary>A file that a client passes, and how many descriptors of it this process has, whatever other tests have open.</summary>
    private sealed class PassedFile : IDisposable
    {
        public string Path { get; } = System.IO.Path.GetTempFileName();

        public int OpenHere => Directory.GetFileSystemEntries("/proc/self/fd").Count(entry => Target(entry) == Path);

        public Task AssertClosedAsync() => Eventually.Until(() => OpenHere == 0, $"{OpenHere} of {Path} are open, not 0");

        public void Dispose() => File.Delete(Path);

        private static string? Target(string entry)
        {
            try
            {
                return new FileInfo(entry).LinkTarget;
            }
            catch (IOException)
            {
                return null; // closed meanwhile
            }
        }
    }
}
