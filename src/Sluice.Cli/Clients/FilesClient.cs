using Microsoft.AspNetCore.Connections;
using Sluice.Cli.Terminal;
using Sluice.Files;

namespace Sluice.Cli.Clients;

/// <summary>The client of <c>files</c>: asks for a path, sends the file, asks for the next, all over one connection.</summary>
internal static class FilesClient
{
    public static async Task<int> RunAsync(string url, FileSenderOptions options, Language language)
    {
        var sender = new FileSender(options);
        await using ConnectionContext connection = await SocketClient.ConnectAsync(url);
        while (await AskAsync(language) is { } path)
        {
            if (!File.Exists(path) || !CanSend(sender, path))
            {
                continue;
            }

            Lines.Out(language.Say($"file path: {path}", $"文件路径: {path}"));
            await sender.SendAsync(connection, path);
            Lines.Out(language.Say("sent", "传输成功"));
        }

        await sender.FinishAsync(connection);
        return ExitCodes.Ok;
    }

    private static ValueTask<string?> AskAsync(Language language)
    {
        Lines.Prompt(language.Say("absolute path of the file to send:", "请输入要传输的文件绝对路径:"));
        return Stdin.ReadLineAsync();
    }

    // The original cuts a long name; here the person is told and asked again.
    private static bool CanSend(FileSender sender, string path)
    {
        try
        {
            sender.Check(path);
            return true;
        }
        catch (SluiceException refused)
        {
            Lines.Notice($"{refused.Id} {refused.Message}");
            return false;
        }
    }
}
