using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Sluice.Transports;

namespace Sluice.ConformanceTests.Processes;

/// <summary>A client with a datagram socket of .NET, which the system has given an address: UDP, or a Unix socket with an abstract name.</summary>
public sealed class DatagramAsker : IDisposable
{
    private static int _lastName;

    private readonly byte[] _received = new byte[300_000];

    public DatagramAsker(SocketAddressUrl url)
    {
        ArgumentNullException.ThrowIfNull(url);
        if (url.Scheme == "udp")
        {
            Socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            Socket.Connect(url.ToIPEndPoint());
        }
        else
        {
            Socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            Name = $"sluice-asker-{Environment.ProcessId}-{Interlocked.Increment(ref _lastName)}";
            Socket.Bind(new UnixDomainSocketEndPoint('\0' + Name));
            Socket.Connect(new UnixDomainSocketEndPoint(url.Path));
        }
    }

    public Socket Socket { get; }

    /// <summary>The abstract name of a Unix socket.</summary>
    public string Name { get; } = "";

    public void Send(string text) => Socket.Send(Encoding.UTF8.GetBytes(text));

    public async Task<byte[]> ReceiveAsync(double seconds = 20)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        int count = await Socket.ReceiveAsync(_received.AsMemory(), late.Token);
        return _received[..count];
    }

    public async Task<string> HearAsync(double seconds = 20) => Encoding.UTF8.GetString(await ReceiveAsync(seconds));

    public async Task<byte[]> AskAsync(byte[] payload)
    {
        Socket.Send(payload);
        return await ReceiveAsync();
    }

    public async Task<string> AskAsync(string text)
    {
        Send(text);
        return await HearAsync();
    }

    public async Task<int> PidAsync() => int.Parse(await AskAsync("pid"), CultureInfo.InvariantCulture);

    public void Dispose() => Socket.Dispose();
}
