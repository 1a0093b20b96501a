using System.Net;
using System.Net.Sockets;
using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

public sealed class BadInputTests
{
    private const string Any = "--listen tcp://127.0.0.1:0";

    [Theory]
    [InlineData("", "SLU0601", "serve, exec, demo, connect")]
    [InlineData("sevre echo", "SLU0601", "there is no command 'sevre'")]
    [InlineData("serve", "SLU0601", "'serve'")]
    [InlineData("serve eco " + Any, "SLU0601", "echo, upper, discard, chargen, daytime")]
    [InlineData("serve @echo " + Any, "SLU0601", "there is no handler '@echo'")]
    [InlineData("serve echo", "SLU0009", "--listen tcp://127.0.0.1:9000")]
    [InlineData("serve echo more " + Any, "SLU0601", "'more'")]
    [InlineData("serve echo --lisen tcp://127.0.0.1:0", "SLU0601", "'--lisen'")]
    [InlineData("serve echo --model", "SLU0601", "'--model'")]
    [InlineData("serve echo --model a --model b " + Any, "SLU0601", "'--model'")]
    [InlineData("serve echo --listen 127.0.0.1:9000", "SLU0001", "it has no scheme")]
    [InlineData("serve echo --listen tcp://127.0.0.1", "SLU0001", "it has no port")]
    [InlineData("serve echo --listen tcp://127.0.0.1:99999", "SLU0001", "'99999' is not a port")]
    [InlineData("serve echo --listen unix://relative", "SLU0001", "absolute path")]
    [InlineData("serve echo --listen tcp://no-such-host.invalid:0", "SLU0001", "is not known")]
    [InlineData("serve echo --listen gopher://127.0.0.1:70", "SLU0002", "no transport 'gopher'")]
    [InlineData("serve echo --listen tls://127.0.0.1:0", "SLU0002", "no transport 'tls'")]
    [InlineData("serve echo --listen udp://127.0.0.1?model=epoll", "SLU0001", "it has no port")]
    [InlineData("serve echo --listen udp://127.0.0.1:0?model=fibers", "SLU0003", "no model 'fibers'")]
    [InlineData("serve echo --listen memory://x?model=thread", "SLU0002", "one process only")]
    [InlineData("serve chargen --listen udp://127.0.0.1:0", "SLU0014", "chargen serves connections only, and datagrams come to udp://127.0.0.1:0; listen on tcp:// or unix://, or serve one of: echo, upper, discard, daytime")]
    [InlineData("serve chargen --listen tcp://127.0.0.1:0 --listen unixgram://@sluice-never-made?model=thread", "SLU0014", "datagrams come to unixgram://@sluice-never-made;")]
    [InlineData("exec --listen udp://127.0.0.1:0 -- cat", "SLU0014", "exec serves connections only, and datagrams come to udp://127.0.0.1:0; listen on tcp:// or unix://")]
    [InlineData("receive /tmp --v1 --listen udp://127.0.0.1:0", "SLU0014", "receive serves connections only, and datagrams come to udp://127.0.0.1:0; listen on tcp:// or unix://")]
    [InlineData("serve echo --listen memory://x", "SLU0002", "one process only")]
    [InlineData("serve echo --model fibers " + Any, "SLU0003", "iterative, thread, threadpool")]
    [InlineData("serve echo --model prefork --inner process " + Any, "SLU0105", "cannot serve with process themselves")]
    [InlineData("serve echo --model prefork --inner fibers " + Any, "SLU0003", "no model 'fibers'")]
    [InlineData("serve echo --model prefork --inner thread --loops 2 " + Any, "SLU0105", "--loops is for the models select, poll, epoll, io_uring")]
    [InlineData("serve echo --model prefork --max-connections-per-source 2 " + Any, "SLU0105", "per source")]
    [InlineData("serve echo --model prefork --workers 3 --max-connections 2 " + Any, "SLU0105", "cannot be divided")]
    [InlineData("serve echo --model prefork --workers 0 " + Any, "SLU0008", "--workers")]
    [InlineData("serve echo --model process --max-workers 0 " + Any, "SLU0008", "--max-workers")]
    [InlineData("serve echo --model process --standby 0 " + Any, "SLU0008", "--standby")]
    [InlineData("serve echo --model process --workers 2 " + Any, "SLU0105", "--workers is for the model prefork")]
    [InlineData("serve echo --model prefork --standby 2 " + Any, "SLU0105", "--standby is for the model process")]
    [InlineData("serve echo --model process --worker-heap 1KiB " + Any, "SLU0008", "heap limit")]
    [InlineData("serve echo --model prefork --worker-memory much " + Any, "SLU0008", "200MiB")]
    [InlineData("serve echo --loops 2 --model thread " + Any, "SLU0105", "--loops is for the models select, poll, epoll, io_uring")]
    [InlineData("demo thread --loops 2 --port 0", "SLU0105", "--loops is for the models select, poll, epoll, io_uring")]
    [InlineData("serve echo --loops 0 --model epoll " + Any, "SLU0008", "--loops cannot be '0'; give a whole number from 1 to 1024")]
    [InlineData("serve echo --loops -1 --model epoll " + Any, "SLU0008", "--loops cannot be '-1'")]
    [InlineData("serve echo --loops 1025 --model epoll " + Any, "SLU0008", "from 1 to 1024")]
    [InlineData("serve echo --loops two --model epoll " + Any, "SLU0008", "--loops cannot be 'two'")]
    [InlineData("serve echo --workers 2 --model thread " + Any, "SLU0105", "--workers is for the model prefork")]
    [InlineData("serve echo --inner thread " + Any, "SLU0105", "--inner is for the model prefork")]
    [InlineData("serve echo --threads 2 --model thread " + Any, "SLU0105", "--threads is for the model threadpool")]
    [InlineData("serve echo --queue 2 --model async " + Any, "SLU0105", "--queue is for the model threadpool")]
    [InlineData("serve echo --model thread --loops 2 --listen udp://127.0.0.1:0?model=async", "SLU0105", "the model here is async")]
    [InlineData("serve echo --model thread --loops 2 --listen udp://127.0.0.1:0?model=async " + Any, "SLU0105", "the models here are async, thread")]
    [InlineData("serve echo --model epoll --loops 2 --listen udp://127.0.0.1:0?model=thread", "SLU0105", "the model here is thread")]
    [InlineData("serve echo --reuse-port --listen unix:///tmp/never-made.sock", "SLU0105", "--reuse-port is for tcp:// and udp:// addresses, and there is none here; leave it out")]
    [InlineData("serve echo --max-datagrams 5 " + Any, "SLU0105", "--max-datagrams is for addresses of datagrams (udp://, unixgram://), and there is none here; leave it out")]
    [InlineData("serve echo --max-datagram-size 1KiB " + Any, "SLU0105", "--max-datagram-size is for addresses of datagrams")]
    [InlineData("serve echo --receive-buffer 1MiB " + Any, "SLU0105", "--receive-buffer is for addresses of datagrams")]
    [InlineData("serve echo --send-buffer 1MiB --listen unix:///tmp/never-made.sock", "SLU0105", "--send-buffer is for addresses of datagrams")]
    [InlineData("demo thread --max-datagrams 5 --port 0", "SLU0105", "--max-datagrams is for addresses of datagrams")]
    [InlineData("serve echo --socket-mode 660 " + Any, "SLU0105", "--socket-mode is for the files of unix:// and unixgram:// addresses")]
    [InlineData("serve echo --socket-mode 660 --listen udp://127.0.0.1:0?model=epoll", "SLU0105", "--socket-mode is for the files")]
    [InlineData("serve echo --socket-mode 660 --listen unix://@sluice-never-made", "SLU0105", "an abstract name has no file")]
    [InlineData("serve echo --socket-mode 680 --listen unix:///tmp/never-made.sock", "SLU0008", "--socket-mode cannot be '680'; give a mode in octal from 000 to 777")]
    [InlineData("serve echo --socket-mode rw --listen unix:///tmp/never-made.sock", "SLU0008", "such as 0660")]
    [InlineData("serve echo --socket-mode 1777 --listen unix:///tmp/never-made.sock", "SLU0008", "from 000 to 777")]
    [InlineData("serve echo --allow-user 0 " + Any, "SLU0105", "--allow-user is for Unix sockets")]
    [InlineData("serve echo --allow-user 0,no-such-user --listen unix:///tmp/never-made.sock", "SLU0008", "'no-such-user' is neither a number nor a name of /etc/passwd")]
    [InlineData("serve echo --allow-user 0, --listen unix:///tmp/never-made.sock", "SLU0008", "'' is neither")]
    [InlineData("serve echo --allow-user 4294967295 --listen unix:///tmp/never-made.sock", "SLU0008", "--allow-user")]
    [InlineData("demo thread --port 0 --allow-user 0", "SLU0601", "'--allow-user'")]
    [InlineData("serve echo --max-connections -1 " + Any, "SLU0008", "--max-connections cannot be '-1'")]
    [InlineData("serve echo --max-connections 0 " + Any, "SLU0008", "from 1")]
    [InlineData("serve echo --max-connections many " + Any, "SLU0008", "'many'")]
    [InlineData("serve echo --max-connections-per-source 0 " + Any, "SLU0008", "or off")]
    [InlineData("serve echo --on-limit drop " + Any, "SLU0008", "wait, refuse")]
    [InlineData("serve echo --backlog 0 " + Any, "SLU0008", "--backlog")]
    [InlineData("serve echo --model threadpool --threads 0 " + Any, "SLU0008", "--threads")]
    [InlineData("serve echo --idle-timeout 30 " + Any, "SLU0008", "500ms, 30s, 2m or 1h")]
    [InlineData("serve echo --idle-timeout -1s " + Any, "SLU0008", "--idle-timeout")]
    [InlineData("serve echo --first-byte-timeout 0s " + Any, "SLU0008", "more than 0")]
    [InlineData("serve echo --lifetime 99999999999h " + Any, "SLU0008", "365 days")]
    [InlineData("serve echo --write-timeout soon " + Any, "SLU0008", "--write-timeout")]
    [InlineData("serve echo --drain off " + Any, "SLU0008", "--drain")]
    [InlineData("serve echo --min-rate fast " + Any, "SLU0008", "1KiB/s")]
    [InlineData("serve echo --lang fr " + Any, "SLU0008", "en, zh")]
    [InlineData("serve echo --log-level loud " + Any, "SLU0008", "warning")]
    [InlineData("exec " + Any, "SLU0601", "the program is missing; give it after --")]
    [InlineData("exec " + Any + " --", "SLU0601", "the program is missing")]
    [InlineData("exec -- cat", "SLU0009", "--listen")]
    [InlineData("exec " + Any + " cat", "SLU0601", "'cat'; the program and its arguments come after --")]
    [InlineData("exec " + Any + " cat -- cat", "SLU0601", "'cat'; the program")]
    [InlineData("exec --lisen tcp://127.0.0.1:0 -- cat", "SLU0601", "'--lisen'")]
    [InlineData("exec " + Any + " --model -- cat", "SLU0601", "'--model'")]
    [InlineData("exec " + Any + " -- no-such-program-anywhere x", "SLU0322", "no directory of PATH has it")]
    [InlineData("exec " + Any + " -- /no/such/program", "SLU0322", "there is no such file")]
    [InlineData("exec " + Any + " -- /etc/passwd", "SLU0322", "may not be executed")]
    [InlineData("exec " + Any + " -- /etc", "SLU0322", "may not be executed")]
    [InlineData("exec " + Any + " --model io_uring -- cat", "SLU0320", "io_uring receives before")]
    [InlineData("exec " + Any + " --model prefork --inner io_uring -- cat", "SLU0320", "--inner thread")]
    [InlineData("exec " + Any + " --model auto --loops 2 -- cat", "SLU0105", "the model here is thread")]
    [InlineData("exec " + Any + " --idle-timeout 1s -- cat", "SLU0105", "idle timeout")]
    [InlineData("exec " + Any + " --first-byte-timeout 1s -- cat", "SLU0105", "first-byte timeout")]
    [InlineData("exec " + Any + " --min-rate 1KiB/s -- cat", "SLU0105", "min rate")]
    [InlineData("exec " + Any + " --write-timeout 60s -- cat", "SLU0105", "--write-timeout")]
    [InlineData("exec --listen memory://x -- cat", "SLU0002", "one process only")]
    [InlineData("connect", "SLU0601", "'connect'")]
    [InlineData("connect 127.0.0.1", "SLU0001", "no scheme")]
    [InlineData("connect tcp://127.0.0.1:1 --times 0", "SLU0008", "--times")]
    [InlineData("demo", "SLU0601", "iterative, files, process, thread, threadpool, select")]
    [InlineData("demo fork", "SLU0601", "there is no command 'fork'")]
    [InlineData("demo select --client --loops 2", "SLU0105", "--loops is for the demo's server")]
    [InlineData("demo thread --port 99999", "SLU0001", "'99999' is not a port")]
    [InlineData("demo thread --port x", "SLU0001", "'x' is not a port")]
    [InlineData("demo thread --client --port 0", "SLU0008", "--port")]
    [InlineData("demo thread --client --model thread", "SLU0105", "--model is for the demo's server")]
    [InlineData("demo files --client --dir /tmp", "SLU0105", "--dir is for the demo's server")]
    [InlineData("demo files --host 0.0.0.0 --port 0 --dir /tmp", "SLU0409", "--insecure")]
    [InlineData("receive /tmp --listen tcp://127.0.0.1:0", "SLU0603", "v2")]
    [InlineData("receive --v1 " + Any, "SLU0601", "'receive'")]
    [InlineData("receive /tmp --v1", "SLU0009", "--listen")]
    [InlineData("receive /tmp --v1 --listen tcp://0.0.0.0:0", "SLU0409", "--insecure")]
    [InlineData("receive /tmp --v1 --listen tcp://0.0.0.0:0?model=epoll", "SLU0409", "--insecure")]
    [InlineData("receive /tmp --v1 --layout 44 " + Any, "SLU0008", "auto, 40 or 48")]
    [InlineData("receive /tmp --v1 --max-file-size big " + Any, "SLU0008", "64KiB")]
    [InlineData("send tcp://127.0.0.1:1 x", "SLU0603", "v2")]
    [InlineData("send --v1 tcp://192.0.2.1:1 x", "SLU0409", "--insecure")]
    [InlineData("send --v1 tcp://127.0.0.1:1 --fast x", "SLU0601", "'--fast'")]
    [InlineData("send --v1", "SLU0601", "'send'")]
    [InlineData("models --jsn", "SLU0601", "'--jsn'")]
    [InlineData("doctor now", "SLU0601", "'now'")]
    public async Task A_wrong_command_line_is_one_line_and_exit_2(string line, string id, string says)
    {
        (int code, string printed, string errors) = await SluiceProcess.RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(2, code);
        Assert.Empty(printed);
        AssertOneLine(errors, id, says);
    }

    [Fact]
    public async Task A_port_in_use_is_one_line_and_exit_1()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();

        await AssertFailsAsync($"serve echo --listen tcp://{taken.LocalEndPoint}", "SLU0005", "another process listens there");
    }

    [Fact]
    public Task A_path_too_long_for_a_Unix_socket_is_one_line_and_exit_1() =>
        AssertFailsAsync($"serve echo --listen unix:///tmp/{new string('x', 120)}", "SLU0004", "at most 107");

    [Fact]
    public Task An_address_of_another_machine_is_one_line_and_exit_1() =>
        AssertFailsAsync("serve echo --listen tcp://192.0.2.1:0", "SLU0007", "this machine has no address 192.0.2.1");

    [Fact]
    public Task A_privileged_port_is_one_line_and_exit_1() => AssertFailsAsync(
        "serve echo --listen tcp://127.0.0.1:80", "SLU0006", "choose a higher port", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all");

    [Fact]
    public Task A_missing_directory_is_one_line_and_exit_1() =>
        AssertFailsAsync("receive /no/such/directory --v1 --listen tcp://127.0.0.1:0", "SLU0408", "/no/such/directory");

    [Fact]
    public Task A_missing_file_to_send_is_one_line_and_exit_1() => AssertFailsAsync("send --v1 tcp://127.0.0.1:1 /no/such/file", "SLU0411", "/no/such/file");

    [Fact]
    public Task A_server_that_is_not_there_is_one_line_and_exit_1() => AssertFailsAsync("connect unix:///tmp/no-such-server.sock", "SLU0501", "start the server first");

    [Fact]
    public Task A_missing_configuration_is_one_line_and_exit_1() =>
        AssertFailsAsync("serve echo --listen tcp://127.0.0.1:0 --config /no/such.json", "SLU0602", "/no/such.json");

    [Theory]
    [InlineData("--help", "serve <HANDLER>")]
    [InlineData("serve --help", "--max-connections-per-source")]
    [InlineData("serve --help", "Event loops of select, poll, epoll and io_uring, each a thread. [default: one per core]")]
    [InlineData("demo threadpool --help", "[default: threadpool]")]
    [InlineData("demo select --help", "Event loops of select, poll, epoll and io_uring, each a thread. [default: 1]")]
    [InlineData("exec --help", "sluice exec --listen tcp://127.0.0.1:9000 -- cat")]
    [InlineData("exec --help -- cat", "[default: 40]")]
    [InlineData("--version", "0.1.0")]
    public async Task Help_and_version_are_on_stdout_and_exit_0(string line, string says)
    {
        (int code, string printed, string errors) = await SluiceProcess.RunAsync(line.Split(' '));

        Assert.Equal(0, code);
        Assert.Contains(says, printed, StringComparison.Ordinal);
        Assert.Empty(errors);
    }

    private static async Task AssertFailsAsync(string line, string id, string says, params string[] wrapper)
    {
        (int code, string printed, string errors) = await SluiceProcess.RunAsync(line.Split(' '), wrapper: wrapper);

        Assert.Equal(1, code);
        Assert.Empty(printed);
        AssertOneLine(errors, id, says);
    }

    private static void AssertOneLine(string errors, string id, string says)
    {
        Assert.StartsWith($"sluice: {id} ", errors, StringComparison.Ordinal);
        Assert.Equal(errors.Length - 1, errors.IndexOf('\n', StringComparison.Ordinal));
        Assert.Contains(says, errors, StringComparison.Ordinal);
    }
}
