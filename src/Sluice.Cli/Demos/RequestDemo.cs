using System.Text;
using Microsoft.AspNetCore.Connections;
using Sluice.Cli.Clients;
using Sluice.Cli.Handlers;

namespace Sluice.Cli.Demos;

/// <summary>The tutorial's server with a process or a thread per request: one line, a second of work, one reply, close.</summary>
/// <param name="reply">What it answers.</param>
/// <param name="who">Says who serves.</param>
internal sealed class RequestDemo(string reply, Func<string> who) : Demo
{
    private static readonly TimeSpan Work = TimeSpan.FromSeconds(1);

    private readonly byte[] _reply = Encoding.UTF8.GetBytes(reply);

    public static RequestDemo OfProcesses() => new("这是从服务端进程中发出的消息", static () => $"pid {Environment.ProcessId}");

    public static RequestDemo OfThreads() => new("这是从服务端线程中发出的消息", static () => $"thread {Thread.CurrentThread.Name}");

    public override (string English, string Chinese)? OpeningLine => ("listening...", "开始监听状态...");

    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        byte[] line = await connection.Transport.Input.ReadLineAsync();
        string request = PythonText.Decode(AsciiBytes.Strip(line));
        Printer.Print($"request from the client: {request}", $"从客户端接收到的请求: {request}");
        Printer.Notice(who());
        await Task.Delay(Work);
        if (request.Length > 0)
        {
            await connection.Transport.Output.WriteAsync(_reply);
        }
    }

    protected override void Watch(SocketServer server) => server.Events.ConnectionAccepted += accepted =>
        Printer.Print($"connection from: {PythonText.Address(accepted.RemoteEndPoint)}", $"接收到连接: {PythonText.Address(accepted.RemoteEndPoint)}");
}
