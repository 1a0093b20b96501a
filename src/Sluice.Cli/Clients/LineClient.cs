using System.Text;
using Microsoft.AspNetCore.Connections;
using Sluice.Cli.Demos;
using Sluice.Cli.Terminal;

namespace Sluice.Cli.Clients;

/// <summary><c>sluice connect</c>: type a line, see the answer.</summary>
internal static class LineClient
{
    /// <param name="url">Whom to talk to.</param>
    /// <param name="times">How many lines; null is until nobody types any more.</param>
    /// <param name="wholeLines">Send the line end too, and read the answer up to its line end; else one receive, as the tutorial's clients.</param>
    /// <param name="language">The language of what is printed besides the answers.</param>
    public static async Task<int> RunAsync(string url, int? times, bool wholeLines, Language language)
    {
        await using ConnectionContext connection = await SocketClient.ConnectAsync(url);
        if (Stdin.IsTerminal)
        {
            Lines.Notice(language.Say($"connected to {url}; type a line, Ctrl-D ends", $"已连接 {url}; 输入一行并回车, Ctrl-D 结束"));
        }

        for (int sent = 0; sent < (times ?? int.MaxValue) && await Stdin.ReadLineAsync() is { } typed;)
        {
            if (typed.Length == 0 && !wholeLines)
            {
                continue; // there is no empty message on a stream, so nothing would answer it
            }

            sent++;
            await connection.Transport.Output.WriteAsync(Encoding.UTF8.GetBytes(wholeLines ? typed + "\n" : typed));
            byte[] answer = wholeLines
                ? await connection.Transport.Input.ReadLineAsync()
                : await connection.Transport.Input.ReceiveAsync(DemoProtocol.MessageLength);
            if (answer.Length == 0)
            {
                throw new SluiceException(CliErrorIds.PeerLeft, $"{url} closed the connection without an answer; look at what the server says");
            }

            string text = PythonText.Decode(answer);
            Lines.Out(text.EndsWith('\n') ? text[..^1] : text);
        }

        return ExitCodes.Ok;
    }
}
