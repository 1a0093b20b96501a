using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;

namespace Sluice.Sessions;

/// <summary>
/// Proves, without remembering anything, that a peer receives what is sent to its address: it is sent a token, and sends it back. A token is the time and
/// HMAC-SHA256 over the time and the address, under a key that was drawn when this object was made: keep one for the life of the server. Safe from any thread.
/// </summary>
/// <remarks>Whoever reads the peer's datagrams can send its token too: this is no authentication.</remarks>
public sealed class AddressToken
{
    /// <summary>Bytes of a token: 4 of time, 16 of the code (RFC 2104, section 5, allows to cut it to half).</summary>
    public const int Length = TimeLength + CodeLength;

    private const int TimeLength = sizeof(uint);
    private const int CodeLength = 16;
    private const int LongestAddress = 128; // sockaddr_storage

    private readonly byte[] _key = RandomNumberGenerator.GetBytes(HMACSHA256.HashSizeInBytes);
    private readonly TimeProvider _time;
    private readonly long _began;
    private readonly long _lifetime; // ms
    private readonly uint _base = BinaryPrimitives.ReadUInt32LittleEndian(RandomNumberGenerator.GetBytes(sizeof(uint))); // nobody is told for how long we run

    /// <summary>Makes tokens that are valid for <paramref name="lifetime"/>.</summary>
    /// <param name="lifetime">How old a token may be, to a second: 1 s to 1 day. Defaults to 30 s.</param>
    /// <param name="time">The clock. Defaults to the system's.</param>
    public AddressToken(TimeSpan? lifetime = null, TimeProvider? time = null)
    {
        TimeSpan valid = lifetime ?? TimeSpan.FromSeconds(30);
        if (valid < TimeSpan.FromSeconds(1) || valid > TimeSpan.FromDays(1))
        {
            throw new SluiceException(ErrorIds.OptionOutOfRange, $"the lifetime of a token cannot be {valid}: it is 1 second to 1 day");
        }

        _lifetime = (long)valid.TotalMilliseconds;
        _time = time ?? TimeProvider.System;
        _began = _time.GetTimestamp();
    }

    /// <summary>A token for <paramref name="peer"/>, of <see cref="Length"/> bytes.</summary>
    public byte[] Create(SocketAddress peer)
    {
        byte[] token = new byte[Length];
        Write(peer, token);
        return token;
    }

    /// <summary>Writes a token for <paramref name="peer"/> into the first <see cref="Length"/> bytes of <paramref name="destination"/>, without an allocation.</summary>
    /// <returns>Its length.</returns>
    public int Write(SocketAddress peer, Span<byte> destination)
    {
        Span<byte> token = destination[..Length];
        BinaryPrimitives.WriteUInt32BigEndian(token, _base + (uint)(Age / 1000));
        Code(peer, token[..TimeLength], token[TimeLength..]);
        return Length;
    }

    /// <summary>Whether <paramref name="token"/> was made by this object for <paramref name="peer"/>, and is not too old. Takes the same time whatever is wrong with its code.</summary>
    public bool Verify(SocketAddress peer, ReadOnlySpan<byte> token)
    {
        if (token.Length != Length)
        {
            return false;
        }

        Span<byte> code = stackalloc byte[CodeLength];
        Code(peer, token[..TimeLength], code);
        uint second = BinaryPrimitives.ReadUInt32BigEndian(token) - _base; // one of the future is far in the past, or was never made by us
        long age = Age - (second * 1000L);
        return CryptographicOperations.FixedTimeEquals(code, token[TimeLength..]) && age >= 0 && age < _lifetime;
    }

    private long Age => (long)_time.GetElapsedTime(_began).TotalMilliseconds;

    private void Code(SocketAddress peer, ReadOnlySpan<byte> time, Span<byte> code)
    {
        ArgumentNullException.ThrowIfNull(peer);
        ReadOnlySpan<byte> address = peer.Buffer.Span[..peer.Size];
        Span<byte> source = stackalloc byte[TimeLength + LongestAddress];
        time.CopyTo(source);
        address.CopyTo(source[TimeLength..]);
        Span<byte> whole = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, source[..(TimeLength + address.Length)], whole);
        whole[..CodeLength].CopyTo(code);
    }
}
