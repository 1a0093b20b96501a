using Microsoft.AspNetCore.Connections;
using Sluice.Cli.Terminal;
using Sluice.Files;
using Spectre.Console;

namespace Sluice.Cli.Files;

/// <summary><c>sluice send</c>: files over one connection, with a progress bar when a person watches.</summary>
internal static class FileSending
{
    public static async Task<int> RunAsync(string url, IReadOnlyList<string> paths, FileSenderOptions options, Language language)
    {
        var sender = new FileSender(options);
        foreach (string path in paths)
        {
            sender.Check(path); // before anybody is bothered
        }

        await using ConnectionContext connection = await SocketClient.ConnectAsync(url);
        if (Console.IsErrorRedirected)
        {
            await sender.SendAsync(connection, paths);
        }
        else
        {
            await SendWithBarsAsync(sender, connection, paths);
        }

        bool closed = await sender.FinishAsync(connection);
        foreach (string path in paths)
        {
            Lines.OutNotice(language.Say($"sent {path}", $"已发送 {path}"));
        }

        if (!closed)
        {
            Lines.Notice(language.Say(
                "the receiver did not close its side, as the tutorial's own does not; v1 has no reply, so whether it stored the files is for it to say",
                "接收方没有关闭连接 (教程中的服务器也不关闭); v1 没有应答, 文件是否已保存请查看接收方"));
        }

        return ExitCodes.Ok;
    }

    private static Task SendWithBarsAsync(FileSender sender, ConnectionContext connection, IReadOnlyList<string> paths)
    {
        // On stderr: stdout is for those who read what was sent.
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new TransferSpeedColumn(), new RemainingTimeColumn())
            .StartAsync(async bars =>
            {
                foreach (string path in paths)
                {
                    var bar = new Bar(bars.AddTask(Markup.Escape(Path.GetFileName(path)), autoStart: true, maxValue: 1));
                    await sender.SendAsync(connection, path, bar);
                }
            });
    }

    /// <summary>One file's bar. A file of no bytes is done when it is announced.</summary>
    private sealed class Bar(ProgressTask task) : IProgress<FileSendProgress>
    {
        public void Report(FileSendProgress value)
        {
            task.MaxValue = Math.Max(1, value.Size);
            task.Value = value.Size == 0 ? 1 : value.Sent;
        }
    }
}
