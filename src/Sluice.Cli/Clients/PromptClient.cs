using System.Text;
using Microsoft.AspNetCore.Connections;
using Sluice.Cli.Demos;
using Sluice.Cli.Terminal;

namespace Sluice.Cli.Clients;

/// <summary>The clients of <c>iterative</c> and <c>select</c>: prompt, send what was typed, print the answer, so many times.</summary>
internal static class PromptClient
{
    public static async Task<int> RunAsync(string url, int times, Language language)
    {
        await using ConnectionContext connection = await SocketClient.ConnectAsync(url);
        for (int i = 0; i < times; i++)
        {
            if (await AskAsync(language) is not { } typed)
            {
                return ExitCodes.Ok; // nobody types any more
            }

            await connection.Transport.Output.WriteAsync(Encoding.UTF8.GetBytes(typed));
            byte[] answer = await connection.Transport.Input.ReceiveAsync(DemoProtocol.MessageLength);
            if (answer.Length == 0)
            {
                throw new SluiceException(CliErrorIds.PeerLeft, $"{url} closed the connection without an answer; look at what the server says");
            }

            string text = PythonText.Decode(answer);
            Lines.Out(language.Say($"received from the server: {text}", $"接收到服务器端的数据: {text}"));
        }

        return ExitCodes.Ok;
    }

    // An empty message cannot be sent over a stream: the original sends nothing and waits for ever.
    private static async ValueTask<string?> AskAsync(Language language)
    {
        string? typed;
        do
        {
            Lines.Prompt(language.Say("send to the server:", "向服务器发送数据:"));
            typed = await Stdin.ReadLineAsync();
        }
        while (typed is "");
        return typed;
    }
}
