using Microsoft.AspNetCore.Connections;
using Sluice.Cli.Clients;
using Sluice.Cli.Handlers;

namespace Sluice.Cli.Demos;

/// <summary>The tutorial's thread pool server: every message back in upper case, until the client leaves or sends only white space.</summary>
internal sealed class ThreadPoolDemo : Demo
{
    public override (string English, string Chinese)? OpeningLine => ("listening...", "开始监听状态...");

    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        string address = PythonText.Address(connection.RemoteEndPoint);
        string host = PythonText.Host(connection.RemoteEndPoint);
        while (true)
        {
            Printer.Print($"connection from:  {address}", $"接收到连接:  {address}");
            byte[] received = await connection.Transport.Input.ReceiveAsync(DemoProtocol.MessageLength);
            ReadOnlyMemory<byte> message = AsciiBytes.Strip(received).ToArray();
            string thread = $"<Thread({Thread.CurrentThread.Name}, started {Environment.CurrentManagedThreadId})>";
            Printer.Print($"current thread:  {thread}", $"当前线程:  {thread}");
            if (message.IsEmpty)
            {
                Printer.Print($"client[{host}] has left!", $"客户端[{host}]退出!");
                return;
            }

            string text = PythonText.Decode(message.Span);
            Printer.Print($"client[{host}] asks: {text}", $"客户端[{host}]请求数据: {text}");
            byte[] reply = new byte[message.Length];
            AsciiBytes.ToUpper(message.Span, reply);
            await connection.Transport.Output.WriteAsync(reply);
        }
    }
}
