using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Win32.SafeHandles;

namespace Sluice.Testing;

/// <summary>
/// Does what each line says, so that a test can steer a handler in another process. Every other line comes back as it is: an echo server, one line at a time.
/// </summary>
public sealed class CommandHandler : ConnectionHandler
{
    private static readonly List<byte[]> Kept = [];

    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        PipeReader input = connection.Transport.Input;
        while (true)
        {
            ReadResult read = await input.ReadAsync();
            ReadOnlySequence<byte> rest = read.Buffer;
            while (rest.PositionOf((byte)'\n') is { } newline)
            {
                string line = Encoding.UTF8.GetString(rest.Slice(0, newline));
                rest = rest.Slice(rest.GetPosition(1, newline));
                await DoAsync(line.Split(' '), connection);
            }

            input.AdvanceTo(rest.Start, rest.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    private static async Task DoAsync(string[] words, ConnectionContext connection)
    {
        switch (words)
        {
            case ["pid"]:
                await SayAsync(connection, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
                break;
            case ["peer"]:
                await SayAsync(connection, $"{connection.LocalEndPoint} {connection.RemoteEndPoint}");
                break;
            case ["user"]:
                UnixCredentials? credentials = connection.Features.Get<IUnixPeerFeature>()?.Credentials;
                await SayAsync(connection, credentials is { } peer ? $"{peer.UserId} {peer.GroupId} {peer.ProcessId}" : "nobody knows");
                break;
            case ["descriptor"]:
                IDescriptorPassing passing = connection.Features.GetRequiredFeature<IDescriptorPassing>();
                if (!passing.TryReceive(out SafeFileHandle descriptor))
                {
                    await SayAsync(connection, "none");
                    break;
                }

                // What came is written to, and goes back.
                await using (var pipe = new FileStream(descriptor, FileAccess.Write, bufferSize: 0))
                {
                    pipe.Write(Encoding.UTF8.GetBytes($"from {Environment.ProcessId}\n"));
                    await passing.SendAsync("back\n"u8.ToArray(), descriptor);
                }

                break;
            case ["environment", var name]:
                await SayAsync(connection, Environment.GetEnvironmentVariable(name) ?? "none");
                break;
            case ["directory"]:
                await SayAsync(connection, Environment.CurrentDirectory);
                break;
            case ["descriptors"]:
                await SayAsync(connection, string.Join(' ', Directory.GetFileSystemEntries("/proc/self/fd").Select(path => new FileInfo(path).LinkTarget).Order(StringComparer.Ordinal)));
                break;
            case ["send", var count]:
                await connection.Transport.Output.WriteAsync(new byte[int.Parse(count, CultureInfo.InvariantCulture)]);
                break;
            case ["wait", var milliseconds]:
                await Task.Delay(int.Parse(milliseconds, CultureInfo.InvariantCulture));
                await SayAsync(connection, "waited");
                break;
            case ["throw"]:
                throw new InvalidDataException("as it was told");
            case ["abort"]:
                connection.Abort();
                break;
            case ["exit"]:
                Environment.Exit(3);
                break;
            case ["failfast"]:
                Environment.FailFast("as it was told");
                break;
            case ["overflow"]:
                await SayAsync(connection, Overflow(1).ToString(CultureInfo.InvariantCulture));
                break;
            case ["allocate"]:
                while (true)
                {
                    byte[] more = new byte[1 << 20];
                    more.AsSpan().Fill(1);
                    Kept.Add(more);
                }

            case ["spin"]:
                while (true)
                {
                    Thread.SpinWait(1000);
                }

            default:
                await SayAsync(connection, string.Join(' ', words));
                break;
        }
    }

    private static async Task SayAsync(ConnectionContext connection, string line) => await connection.Transport.Output.WriteAsync(Encoding.UTF8.GetBytes(line + '\n'));

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    private static int Overflow(int depth) => depth == 0 ? 0 : 1 + Overflow(depth + 1) + depth;
}
