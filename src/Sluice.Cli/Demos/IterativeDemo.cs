using System.Text;
using Microsoft.AspNetCore.Connections;
using Sluice.Cli.Clients;

namespace Sluice.Cli.Demos;

/// <summary>The tutorial's loop server: one client after another, a fixed reply to every message.</summary>
internal sealed class IterativeDemo : Demo
{
    private static readonly byte[] Reply = Encoding.UTF8.GetBytes("这是一个循环版多连接服务测试");

    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        while (await connection.Transport.Input.ReceiveAsync(DemoProtocol.MessageLength) is { Length: > 0 } message)
        {
            string text = PythonText.Decode(message);
            Printer.Print($"received from the client: {text}", $"收到客户端数据: {text}");
            await connection.Transport.Output.WriteAsync(Reply);
        }

        // Nothing for a reset, or when it is the server that ends.
        if (connection.Features.Get<IConnectionCloseReason>()?.CloseReason is CloseReason.None)
        {
            Printer.Print("the client has disconnected", "断开客户端连接");
        }
    }

    protected override void Watch(SocketServer server)
    {
        server.Events.Accepting += () => Printer.Print("waiting for a connection...", "开始进入监听状态...");
        server.Events.ConnectionAccepted += accepted =>
            Printer.Print($"connection from: {PythonText.Address(accepted.RemoteEndPoint)}", $"接收到连接: {PythonText.Address(accepted.RemoteEndPoint)}");
    }
}
