using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

/// <summary>What CPython's test_socketserver does with its servers, done with the command: the four kinds under the three ways to serve, and a client of Python.</summary>
public sealed class SocketServerKindsTests
{
    // The examiners of test_socketserver.py, three of each one after the other, and then several at once.
    private const string Client = """
        import os, socket, sys, threading
        kind, address, directory = sys.argv[1:4]
        family = socket.AF_UNIX if kind.startswith("unix") else socket.AF_INET
        address = address if family == socket.AF_UNIX else ("127.0.0.1", int(address))
        failures, names = [], iter(range(1000))

        def stream_examine(message):
            with socket.socket(family, socket.SOCK_STREAM) as client:
                client.settimeout(20)
                client.connect(address)
                for time in range(3):
                    client.sendall(message)
                    answer = b""
                    while len(answer) < len(message):
                        piece = client.recv(100)
                        assert piece, "the end instead of an answer"
                        answer += piece
                    assert answer == message, answer
                client.shutdown(socket.SHUT_WR)
                assert client.recv(100) == b""

        def dgram_examine(message):
            with socket.socket(family, socket.SOCK_DGRAM) as client:
                client.settimeout(20)
                if family == socket.AF_UNIX: client.bind(os.path.join(directory, "client%d" % next(names)))
                for time in range(3):
                    client.sendto(message, address)
                    answer, sender = client.recvfrom(100)
                    assert answer == message, answer
                    assert sender == address, sender

        def examine(message):
            try:
                (dgram_examine if kind in ("udp", "unixgram") else stream_examine)(message)
            except Exception as error:
                failures.append("%r: %r" % (message, error))

        for time in range(3): examine(b"hello world\n")
        examine(b"hello world")
        if kind in ("udp", "unixgram"): examine(b"")
        clients = [threading.Thread(target=examine, args=(b"hello from %d\n" % number,)) for number in range(8)]
        for client in clients: client.start()
        for client in clients: client.join()
        print(" | ".join(failures) or "all well")
        """;

    public static TheoryData<string, string> Cells
    {
        get
        {
            var all = new TheoryData<string, string>();
            foreach (string model in new[] { "iterative", "thread", "process" })
            {
                foreach (string kind in new[] { "tcp", "udp", "unix", "unixgram" })
                {
                    all.Add(model, kind);
                }
            }

            return all;
        }
    }

    [Theory, MemberData(nameof(Cells))]
    public async Task Clients_of_every_kind_are_served_as_by_Pythons_own_servers(string model, string kind)
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Of("server");
        bool isUnix = kind.StartsWith("unix", StringComparison.Ordinal);
        string[] arguments = ["serve", "echo", "--model", model, "--listen", isUnix ? $"{kind}://{path}" : $"{kind}://127.0.0.1:0"];
        await using SluiceProcess sluice = SluiceProcess.Start(arguments);
        string line = await sluice.LineAsync();
        Assert.StartsWith($"listening {kind}://", line, StringComparison.Ordinal);
        string address = isUnix ? path : line.Split(' ')[1].Split(':')[^1];

        Assert.Equal("all well\n", await Python.RunAsync(Client, [kind, address, directory.Of("")]));

        Assert.Equal(0, await sluice.StopAsync());
        Assert.False(isUnix && File.Exists(path), "the server's file outlived it");
        if (kind == "udp")
        {
            // shutdown() and server_close(): the port is somebody else's to have.
            await using SluiceProcess heir = SluiceProcess.Start(["serve", "echo", "--model", model, "--listen", $"udp://127.0.0.1:{address}"]);
            Assert.StartsWith($"listening udp://127.0.0.1:{address} ", await heir.LineAsync(), StringComparison.Ordinal);
            Assert.Equal(0, await heir.StopAsync());
        }
    }
}
