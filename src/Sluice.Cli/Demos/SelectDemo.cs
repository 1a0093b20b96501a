using System.Text;
using Microsoft.AspNetCore.Connections;
using Sluice.Cli.Clients;
using Sluice.Cli.Handlers;
using Sluice.Diagnostics;

namespace Sluice.Cli.Demos;

/// <summary>The tutorial's select server: one thread that watches all clients, and prints each turn of its loop.</summary>
internal sealed class SelectDemo : Demo
{
    private const int MessageLength = 200;

    // Several loops (--loops) do not print into each other's turns.
    private readonly Lock _printing = new();
    private readonly HashSet<int> _waiting = [];

    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        string which = "first";
        while (await connection.Transport.Input.ReceiveAsync(MessageLength) is { Length: > 0 } message)
        {
            byte[] upper = new byte[message.Length];
            AsciiBytes.ToUpper(message, upper);
            PrintReply(which, PythonText.Decode(upper));
            await connection.Transport.Output.WriteAsync(Encoding.ASCII.GetBytes($"{which} received data: {PythonText.Repr(upper)}"));
            which = "else";
        }
    }

    protected override void Watch(SocketServer server)
    {
        server.Events.LoopWaiting += waiting => PrintWaiting(waiting.Loop);
        server.Events.LoopTick += PrintTurn;
    }

    private void PrintReply(string which, string text)
    {
        lock (_printing)
        {
            Printer.Print($"returned to the client: {which} responsed data: {text}", $"给客户端返回数据: {which} responsed data: {text}");
        }
    }

    // A wake-up of the loop's own is no turn: it waits on, and says nothing again.
    private void PrintWaiting(int loop)
    {
        lock (_printing)
        {
            if (_waiting.Add(loop))
            {
                Printer.Print("listening...", "监听中...");
            }
        }
    }

    private void PrintTurn(LoopTick tick)
    {
        string ready = string.Join(", ", tick.Ready.Select(one => PythonText.Socket(one.Descriptor, one.LocalEndPoint, one.RemoteEndPoint)));
        lock (_printing)
        {
            _waiting.Remove(tick.Loop);
            Printer.Print($"turns:{tick.Iteration}", $"执行次数:{tick.Iteration}");
            PrintBoth($"rl's length is: {tick.Ready.Count}");
            PrintBoth($"r_list's length: {tick.Watched}");
            Printer.Print($"objects in r1: [{ready}]", $"r1中的对象: [{ready}]");
        }
    }

    private void PrintBoth(string line) => Printer.Print(line, line);
}
