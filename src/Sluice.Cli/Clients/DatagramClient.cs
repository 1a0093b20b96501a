using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Sluice.Cli.Demos;
using Sluice.Cli.Terminal;
using Sluice.Transports;

namespace Sluice.Cli.Clients;

/// <summary><c>sluice connect udp://…</c> and <c>unixgram://…</c>: a datagram for each line, and the datagram that answers it.</summary>
internal static class DatagramClient
{
    private const int LargestAnswer = 256 * 1024;

    /// <param name="url">Whom to talk to.</param>
    /// <param name="times">How many lines; null is until nobody types any more.</param>
    /// <param name="wholeLines">Send the line end too.</param>
    /// <param name="patience">How long to wait for each answer.</param>
    /// <param name="language">The language of what is printed besides the answers.</param>
    /// <returns>0; 1 when an answer did not come.</returns>
    public static async Task<int> RunAsync(SocketAddressUrl url, int? times, bool wholeLines, TimeSpan patience, Language language)
    {
        using Socket socket = Connect(url);
        if (Stdin.IsTerminal)
        {
            Lines.Notice(language.Say($"each line is a datagram to {url}; Ctrl-D ends", $"每一行作为一个数据报发送到 {url}; Ctrl-D 结束"));
        }

        byte[] answer = new byte[LargestAnswer];
        bool all = true;
        for (int sent = 0; sent < (times ?? int.MaxValue) && await Stdin.ReadLineAsync() is { } typed; sent++)
        {
            try
            {
                DropLateAnswers(socket, answer);
                using var late = new CancellationTokenSource(patience);
                await socket.SendAsync(Encoding.UTF8.GetBytes(wholeLines ? typed + "\n" : typed), SocketFlags.None, late.Token); // a Unix server may be full
                int length = await socket.ReceiveAsync(answer, SocketFlags.None, late.Token);
                string text = PythonText.Decode(answer.AsSpan(0, length));
                Lines.Out(text.EndsWith('\n') ? text[..^1] : text);
            }
            catch (OperationCanceledException)
            {
                all = false;
                Lines.Notice(language.Say(
                    string.Create(CultureInfo.InvariantCulture, $"{CliErrorIds.NoAnswer}: no answer from {url} within {patience.TotalSeconds:0.###} s; a datagram may be lost, or nobody answers there"),
                    string.Create(CultureInfo.InvariantCulture, $"{CliErrorIds.NoAnswer}: {url} 在 {patience.TotalSeconds:0.###} 秒内没有应答; 数据报可能丢失, 或无人应答")));
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionRefused)
            {
                throw new SluiceException(ErrorIds.CannotConnect, $"nobody receives at {url} (connection refused); is the server started?", error);
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.MessageSize)
            {
                throw new SluiceException(ErrorIds.DatagramTooLong, $"a line is too long for one datagram to {url}; send less", error);
            }
            catch (SocketException error)
            {
                throw new SluiceException(ErrorIds.CannotConnect, $"cannot talk to {url} any more: {error.Message}", error);
            }
        }

        return all ? ExitCodes.Ok : ExitCodes.Failed;
    }

    // What came after its line was given up is not the next line's answer.
    private static void DropLateAnswers(Socket socket, byte[] answer)
    {
        SocketError error;
        do
        {
            socket.Receive(answer, SocketFlags.None, out error);
        }
        while (error == SocketError.Success);

        if (error != SocketError.WouldBlock)
        {
            throw new SocketException((int)error);
        }
    }

    private static Socket Connect(SocketAddressUrl url)
    {
        bool isUnix = url.Path.Length > 0;
        EndPoint peer = isUnix ? new UnixDomainSocketEndPoint(url.Path.StartsWith('@') ? '\0' + url.Path[1..] : url.Path) : url.ToIPEndPoint();
        var socket = new Socket(peer.AddressFamily, SocketType.Dgram, ProtocolType.Unspecified);
        try
        {
            if (isUnix)
            {
                // An abstract name, so that the answer has an address and no file is left.
                socket.Bind(new UnixDomainSocketEndPoint(string.Create(CultureInfo.InvariantCulture, $"\0sluice-connect-{Environment.ProcessId}-{Guid.NewGuid():N}")));
            }

            socket.Connect(peer);
            socket.Blocking = false; // for what is late: the others wait by themselves
            return socket;
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw new SluiceException(ErrorIds.CannotConnect, $"cannot send to {url}: {error.Message}; is the server started?", error);
        }
    }
}
