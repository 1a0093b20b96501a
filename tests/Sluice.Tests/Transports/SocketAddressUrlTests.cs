using System.Net;
using CsCheck;
using Sluice.Transports;

namespace Sluice.Tests.Transports;

public sealed class SocketAddressUrlTests
{
    [Theory]
    [InlineData("tcp://127.0.0.1:9000", "tcp", "127.0.0.1", 9000, "")]
    [InlineData("tcp://[::1]:0", "tcp", "::1", 0, "")]
    [InlineData("TCP://*:65535", "tcp", "*", 65535, "")]
    [InlineData("unix:///run/app.sock", "unix", "", 0, "/run/app.sock")]
    [InlineData("unix:///with space:and/colon", "unix", "", 0, "/with space:and/colon")]
    [InlineData("memory://name", "memory", "name", 0, "")]
    [InlineData("unix://@abstract", "unix", "", 0, "@abstract")]
    [InlineData("fd://3", "fd", "3", 0, "")]
    [InlineData("systemd:web", "systemd", "web", 0, "")]
    public void An_address_is_read(string text, string scheme, string host, int port, string path)
    {
        SocketAddressUrl url = SocketAddressUrl.Parse(text);
        Assert.Equal((scheme, host, port, path), (url.Scheme, url.Host, url.Port, url.Path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("9000")]
    [InlineData("127.0.0.1:9000")]
    [InlineData("://x:1")]
    [InlineData("tcp://")]
    [InlineData("tcp://127.0.0.1")]
    [InlineData("tcp://127.0.0.1:")]
    [InlineData("tcp://127.0.0.1:65536")]
    [InlineData("tcp://127.0.0.1:-1")]
    [InlineData("tcp://127.0.0.1: 1")]
    [InlineData("tcp://:9000")]
    [InlineData("tcp://::1:9000")]
    [InlineData("tcp://[::1:9000")]
    [InlineData("tcp://::1]:9000")]
    [InlineData("tcp://[::1]")]
    [InlineData("tcp://[]:1")]
    [InlineData("tcp://[[::1]]:1")]
    [InlineData("tcp://a[b:1")]
    [InlineData("unix://relative")]
    [InlineData("unix://")]
    [InlineData("unix:///")]
    [InlineData("memory://")]
    [InlineData("unix://@")]
    [InlineData("fd://")]
    [InlineData("fd://2")]
    [InlineData("fd://-3")]
    [InlineData("fd://three")]
    [InlineData("systemd:")]
    [InlineData("systemd://web")]
    [InlineData("systemd:a:b")]
    public void What_is_no_address_is_refused_by_id(string text) =>
        Assert.Equal(ErrorIds.BadUrl, Assert.Throws<SluiceException>(() => SocketAddressUrl.Parse(text)).Id);

    [Fact]
    public void What_is_written_reads_back() => Written().Sample(text =>
    {
        SocketAddressUrl url = SocketAddressUrl.Parse(text);
        Assert.Equal(url, SocketAddressUrl.Parse(url.ToString()));
        Assert.Equal(text, url.ToString());
    });

    [Fact]
    public void No_string_throws_anything_but_our_error() => Gen.OneOf(
        Gen.String,
        Gen.String.Select(text => "tcp://" + text),
        Gen.String[Gen.Char["[]:/*.0123456789abc@%"], 0, 12].Select(text => "tcp://" + text),
        Gen.String[Gen.Char["[]:/tcpunixmemory%\0 "], 0, 20],
        Gen.String.Select(text => "unix:///" + text)).Sample(text =>
    {
        try
        {
            SocketAddressUrl url = SocketAddressUrl.Parse(text);
            Assert.Equal(url, SocketAddressUrl.Parse(url.ToString()));
        }
        catch (SluiceException refused)
        {
            Assert.Equal(ErrorIds.BadUrl, refused.Id);
        }
    });

    [Theory]
    [InlineData("tcp://localhost:1", "127.0.0.1:1")]
    [InlineData("tcp://*:1", "[::]:1")]
    [InlineData("tcp://[::1]:1", "[::1]:1")]
    [InlineData("tcp://0.0.0.0:1", "0.0.0.0:1")]
    public void An_Internet_address_is_an_end_point(string text, string endPoint) =>
        Assert.Equal(IPEndPoint.Parse(endPoint), SocketAddressUrl.Parse(text).ToIPEndPoint());

    [Theory]
    [InlineData("tcp://127.0.0.1:1", true)]
    [InlineData("tcp://[::1]:1", true)]
    [InlineData("tcp://0.0.0.0:1", false)]
    [InlineData("tcp://*:1", false)]
    [InlineData("unix:///a", true)]
    [InlineData("memory://a", true)]
    public void Local_is_what_only_this_machine_can_reach(string text, bool isLocal) => Assert.Equal(isLocal, SocketAddressUrl.Parse(text).IsLocal);

    [Fact]
    public void A_name_that_nobody_knows_is_refused_by_id() => Assert.Equal(
        ErrorIds.BadUrl, Assert.Throws<SluiceException>(() => SocketAddressUrl.Parse("tcp://no-such-host.invalid:1").ToIPEndPoint()).Id);

    private static Gen<string> Written()
    {
        Gen<string> name = Gen.String[Gen.Char["abcxyz019-."], 1, 12];
        Gen<string> v6 = Gen.Byte.Array[16].Select(bytes => $"[{new IPAddress(bytes)}]");
        Gen<string> v4 = Gen.Byte.Array[4].Select(bytes => new IPAddress(bytes).ToString());
        Gen<string> internet = Gen.Select(Gen.OneOf(Gen.Const("tcp"), Gen.Const("udp"), Gen.Const("tls")), Gen.OneOf(name, v4, v6), Gen.Int[0, 65535]).Select(
            (scheme, host, port) => FormattableString.Invariant($"{scheme}://{host}:{port}"));
        Gen<string> unix = Gen.String[Gen.Char["abc/.: é"], 1, 20].Select(path => "unix:///" + path);
        return Gen.OneOf(internet, unix, name.Select(text => "memory://" + text));
    }
}
