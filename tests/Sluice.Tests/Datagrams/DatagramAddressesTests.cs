using System.Net;
using System.Net.Sockets;
using CsCheck;
using Sluice.Datagrams;

namespace Sluice.Tests.Datagrams;

public sealed class DatagramAddressesTests
{
    private static readonly Gen<EndPoint> Four = Gen.Byte.Array[4].Select(Gen.Int[0, 65_535], static EndPoint (bytes, port) => new IPEndPoint(new IPAddress(bytes), port));

    private static readonly Gen<EndPoint> Six =
        from bytes in Gen.Byte.Array[16]
        from scope in Gen.OneOf(Gen.Const(0u), Gen.UInt)
        from port in Gen.Int[0, 65_535]
        select (EndPoint)new IPEndPoint(new IPAddress(bytes, scope), port);

    private static readonly Gen<EndPoint> Unix =
        from isAbstract in Gen.Bool
        from name in Gen.Char['!', '~'].Array[1, 100]
        select (EndPoint)new UnixDomainSocketEndPoint((isAbstract ? "\0" : "/") + new string(name));

    [Fact]
    public void What_was_written_is_read_again() => Gen.OneOf(Four.Select(static end => (end, false, false)), Six.Select(static end => (end, false, true)), Unix.Select(static end => (end, true, false)))
        .Sample(static one =>
        {
            (EndPoint end, bool isUnix, bool isSix) = one;
            byte[] room = new byte[128];
            int length = DatagramAddresses.Write(end.Serialize(), isUnix, isSix, room);
            Assert.Equal(end.Serialize().Size, length);
            Assert.Equal(end, DatagramAddresses.ToEndPoint(room.AsSpan(0, length)));
        });

    [Fact]
    public void An_IPv4_address_at_an_IPv6_socket_is_mapped_and_read_as_IPv4_again() => Four.Sample(static end =>
    {
        byte[] room = new byte[128];
        int length = DatagramAddresses.Write(end.Serialize(), isUnix: false, isSix: true, room);
        var mapped = new IPEndPoint(((IPEndPoint)end).Address.MapToIPv6(), ((IPEndPoint)end).Port);
        Assert.Equal(Convert.ToHexString(mapped.Serialize().Buffer.Span[..mapped.Serialize().Size]), Convert.ToHexString(room.AsSpan(0, length)));
        Assert.Equal(end, DatagramAddresses.ToEndPoint(room.AsSpan(0, length)));
    });

    [Fact]
    public void An_address_of_another_family_is_not_written() => Gen.OneOf(Four, Six, Unix).Sample(static end =>
    {
        AddressFamily family = end.Serialize().Family;
        foreach ((bool isUnix, bool isSix) in new[] { (true, false), (false, true), (false, false) })
        {
            bool can = family switch
            {
                AddressFamily.Unix => isUnix,
                AddressFamily.InterNetworkV6 => isSix,
                _ => !isUnix,
            };
            Assert.Equal(can, DatagramAddresses.Write(end.Serialize(), isUnix, isSix, new byte[128]) > 0);
        }
    });

    [Fact]
    public void Whatever_the_bytes_are_reading_them_throws_nothing_and_loses_nothing_of_a_Unix_name()
    {
        Gen<byte[]> anything = Gen.Byte.Array[0, 128];
        Gen<byte[]> almost = from family in Gen.OneOf(Gen.Const((byte)1), Gen.Const((byte)2), Gen.Const((byte)10))
                             from rest in Gen.OneOf(Gen.Byte, Gen.Const((byte)0), Gen.Const((byte)0xff)).Array[0, 126]
                             select (byte[])[family, 0, .. rest];
        Gen.OneOf(anything, almost).Sample(static bytes =>
        {
            EndPoint? end = DatagramAddresses.ToEndPoint(bytes);
            if (end is UnixDomainSocketEndPoint)
            {
                int length = bytes[2] == 0 ? bytes.Length : bytes.AsSpan(2).IndexOf((byte)0) is >= 0 and var nul ? 2 + nul : bytes.Length;
                SocketAddress again = end.Serialize();
                Assert.StartsWith(Convert.ToHexString(bytes.AsSpan(0, length)), Convert.ToHexString(again.Buffer.Span[..again.Size]), StringComparison.Ordinal);
                _ = end.ToString();
            }
        }, iter: 10_000);
    }
}
