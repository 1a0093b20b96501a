using System.Globalization;
using System.Text;

namespace Sluice.Testing;

/// <summary>
/// Does what each datagram says, so that a test can steer a handler in another process. Every other one comes back as it is.
/// </summary>
public sealed class DatagramCommands : DatagramHandler
{
    private const int LongestCommand = 40;

    public override async ValueTask OnDatagramAsync(DatagramContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        string command = context.Payload.Length <= LongestCommand ? Encoding.UTF8.GetString(context.Payload.Span) : "";
        if (context.Payload.Span.StartsWith("measure"u8))
        {
            await SayAsync(context, $"{context.Payload.Length} {context.IsTruncated}");
            return;
        }

        switch (command.Split(' '))
        {
            case ["pid"]:
                await SayAsync(context, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
                break;
            case ["about"]:
                bool isNow = Math.Abs((DateTimeOffset.UtcNow - context.ReceivedAt).TotalSeconds) < 60;
                await SayAsync(context, $"{context.LocalEndPoint} {context.RemoteEndPoint} {context.Credentials?.ProcessId} {isNow}");
                break;
            case ["descriptors"]:
                await SayAsync(context, string.Join(' ', Directory.GetFileSystemEntries("/proc/self/fd").Select(path => new FileInfo(path).LinkTarget).Order(StringComparer.Ordinal)));
                break;
            case ["send", var count]:
                await context.ReplyAsync(new byte[int.Parse(count, CultureInfo.InvariantCulture)]);
                break;
            case ["times", var count]:
                for (int i = 0; i < int.Parse(count, CultureInfo.InvariantCulture); i++)
                {
                    await SayAsync(context, i.ToString(CultureInfo.InvariantCulture));
                }

                break;
            case ["wait", var milliseconds]:
                await Task.Delay(int.Parse(milliseconds, CultureInfo.InvariantCulture));
                await SayAsync(context, "waited");
                break;
            case ["sleep", var milliseconds]:
                Thread.Sleep(int.Parse(milliseconds, CultureInfo.InvariantCulture));
                await SayAsync(context, "slept");
                break;
            case ["throw"]:
                throw new InvalidDataException("as it was told");
            case ["exit"]:
                Environment.Exit(3);
                break;
            case ["failfast"]:
                Environment.FailFast("as it was told");
                break;
            default:
                await context.ReplyAsync(context.Payload);
                break;
        }
    }

    private static ValueTask SayAsync(DatagramContext context, string text) => context.ReplyAsync(Encoding.UTF8.GetBytes(text));
}
