using System.Text;
using Microsoft.AspNetCore.Connections;
using Sluice.Cli.Demos;
using Sluice.Cli.Terminal;

namespace Sluice.Cli.Clients;

/// <summary>The client of <c>process</c>, <c>thread</c> and <c>threadpool</c>: waits, asks, prints the answer bare, closes.</summary>
internal static class RequestClient
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(2);

    public static async Task<int> RunAsync(string url)
    {
        await using ConnectionContext connection = await SocketClient.ConnectAsync(url);
        await Task.Delay(Wait);
        await connection.Transport.Output.WriteAsync(Encoding.UTF8.GetBytes(DemoProtocol.Request));
        Lines.Out(PythonText.Decode(await connection.Transport.Input.ReceiveAsync(DemoProtocol.MessageLength)));
        return ExitCodes.Ok;
    }
}
