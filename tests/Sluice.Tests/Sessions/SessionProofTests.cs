using System.IO.Pipelines;
using System.Net;
using CsCheck;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Time.Testing;
using Sluice.Sessions;

namespace Sluice.Tests.Sessions;

public sealed class SessionProofTests
{
    [Fact]
    public async Task Before_the_proof_no_more_is_sent_than_came()
    {
        (ConnectionDelegate handler, Func<ConnectionContext> context, _) = SessionHandlers.Held();
        using var sessions = new DatagramSessions(handler, new() { RequireAddressProof = true });
        var listener = new FakeDatagrams(sessions);
        await listener.BringAsync(1, new byte[10]);
        IDatagramSession session = SessionHandlers.Of(context());
        PipeWriter output = context().Transport.Output;
        Assert.Equal(10, session.SendBudget);

        output.Write(new byte[11]);
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(async () => await output.FlushAsync());
        Assert.Equal(ErrorIds.AmplificationLimit, error.Id);
        Assert.Empty(listener.Sent);

        output.Write(new byte[6]);
        await output.FlushAsync();
        Assert.Equal((0, 6), (session.SendBudget, session.BytesSent)); // one datagram came, one was sent
        Assert.False(session.TrySendEmpty());
        Assert.False(context().Features.Get<IConnectionSender>()!.TrySend([1]));

        await listener.BringAsync(1, new byte[2]);
        Assert.Equal(6, session.SendBudget);
        output.Write(new byte[6]);
        await output.FlushAsync();

        session.ConfirmAddress();
        Assert.True(session.AddressIsProven);
        Assert.Equal(long.MaxValue, session.SendBudget);
        output.Write(new byte[1000]);
        await output.FlushAsync();
        Assert.Equal([6, 6, 1000], listener.TakeSent().Select(one => one.Length));
    }

    [Fact]
    public async Task A_handler_can_ask_for_the_proof_itself()
    {
        (ConnectionDelegate handler, Func<ConnectionContext> context, _) = SessionHandlers.Held();
        using var sessions = new DatagramSessions(handler);
        await new FakeDatagrams(sessions).BringAsync(1, 1);
        IDatagramSession session = SessionHandlers.Of(context());
        Assert.Equal(long.MaxValue, session.SendBudget);
        session.RequireProof();
        Assert.Equal(1, session.SendBudget);
        context().Transport.Output.Write([1, 2]);
        await Assert.ThrowsAsync<SluiceException>(async () => await context().Transport.Output.FlushAsync());
    }

    [Fact]
    public void Whatever_comes_and_is_answered_no_more_is_sent_than_came_before_the_proof() =>
        Gen.Select(Gen.Bool, Gen.Int[0, 50]).Array[1, 60].Sample(steps =>
        {
            (ConnectionDelegate handler, Func<ConnectionContext> context, _) = SessionHandlers.Held();
            using var sessions = new DatagramSessions(handler, new() { RequireAddressProof = true });
            var listener = new FakeDatagrams(sessions);
            listener.Bring(1, 1);
            long received = 1;
            int datagrams = 1;
            foreach ((bool comes, int size) in steps)
            {
                if (comes)
                {
                    long dropped = sessions.Dropped;
                    listener.Bring(1, new byte[size]);
                    (received, datagrams) = dropped == sessions.Dropped ? (received + size, datagrams + 1) : (received, datagrams);
                }
                else
                {
                    long before = listener.Sent.Sum(one => one.Payload.Length);
                    bool fits = before + size <= received && listener.Sent.Count < datagrams;
                    Assert.Equal(fits, context().Features.Get<IConnectionSender>()!.TrySend(new byte[size]));
                }

                Assert.InRange(listener.Sent.Sum(one => one.Payload.Length), 0, received);
                Assert.InRange(listener.Sent.Count, 0, datagrams);
            }
        });

    [Fact]
    public void A_peer_proves_its_address_with_a_token()
    {
        var token = new AddressToken();
        using var sessions = new DatagramSessions(async context =>
        {
            IDatagramSession session = context.Features.Get<IDatagramSession>()!;
            while (await context.Transport.Input.ReadAsync() is { IsCompleted: false } read)
            {
                if (token.Verify(session.Peer, read.Buffer.FirstSpan))
                {
                    session.ConfirmAddress();
                }

                context.Transport.Input.AdvanceTo(read.Buffer.End);
                context.Transport.Output.Write(session.AddressIsProven ? new byte[500] : token.Create(session.Peer));
                await context.Transport.Output.FlushAsync();
            }
        }, new() { RequireAddressProof = true });
        var listener = new FakeDatagrams(sessions);
        listener.Bring(1, new byte[AddressToken.Length]);
        byte[] sent = Assert.Single(listener.TakeSent());
        listener.Bring(2, sent); // somebody else's
        listener.Bring(1, sent);
        Assert.Equal([AddressToken.Length, 500], listener.TakeSent().Select(one => one.Length));
    }
}

public sealed class AddressTokenTests
{
    private static readonly Gen<SocketAddress> Addresses = Gen.OneOf(
        Gen.Select(Gen.Byte.Array[4], Gen.Int[0, 65535], (address, port) => new IPEndPoint(new IPAddress(address), port).Serialize()),
        Gen.Select(Gen.Byte.Array[16], Gen.Int[0, 65535], (address, port) => new IPEndPoint(new IPAddress(address), port).Serialize()),
        Gen.Char['a', 'z'].Array[1, 40].Select(name => new System.Net.Sockets.UnixDomainSocketEndPoint("/run/" + new string(name)).Serialize()));

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void A_token_verifies_its_address_and_no_other() => Gen.Select(Addresses, Addresses).Sample((peer, other) =>
    {
        var tokens = new AddressToken();
        byte[] token = tokens.Create(peer);
        Assert.Equal(AddressToken.Length, token.Length);
        Assert.True(tokens.Verify(peer, token));
        Assert.Equal(peer.Equals(other), tokens.Verify(other, token));
        Assert.False(new AddressToken().Verify(peer, token));
    });

    [Fact]
    public void An_address_that_differs_in_one_bit_is_another()
    {
        var tokens = new AddressToken();
        Gen.Select(Gen.Byte.Array[4], Gen.Int[0, 65535], Gen.Int[0, 47]).Sample((address, port, bit) =>
        {
            byte[] token = tokens.Create(new IPEndPoint(new IPAddress(address), port).Serialize());
            if (bit < 32)
            {
                address[bit / 8] ^= (byte)(1 << (bit % 8));
            }
            else
            {
                port ^= 1 << (bit - 32);
            }

            Assert.False(tokens.Verify(new IPEndPoint(new IPAddress(address), port).Serialize(), token));
        });
    }

    [Fact]
    public void No_flipped_bit_and_no_other_length_verifies() => Gen.Select(Addresses, Gen.Int[0, (AddressToken.Length * 8) - 1]).Sample((peer, bit) =>
    {
        var tokens = new AddressToken();
        byte[] token = tokens.Create(peer);
        token[bit / 8] ^= (byte)(1 << (bit % 8));
        Assert.False(tokens.Verify(peer, token));
        token[bit / 8] ^= (byte)(1 << (bit % 8));
        Assert.True(tokens.Verify(peer, token));
        Assert.False(tokens.Verify(peer, token.AsSpan(..^1)));
        Assert.False(tokens.Verify(peer, [.. token, 0]));
        Assert.False(tokens.Verify(peer, []));
    });

    [Fact]
    public void A_token_expires() => Gen.Select(Addresses, Gen.Int[0, 100_000], Gen.Int[0, 80_000]).Sample((peer, before, after) =>
    {
        var time = new FakeTimeProvider();
        var tokens = new AddressToken(TimeSpan.FromSeconds(40), time);
        time.Advance(TimeSpan.FromMilliseconds(before));
        byte[] token = tokens.Create(peer);
        time.Advance(TimeSpan.FromMilliseconds(after));
        int age = after + (before % 1000);
        Assert.Equal(age < 40_000, tokens.Verify(peer, token));
    });

    [Fact]
    public void A_token_costs_no_allocation()
    {
        var tokens = new AddressToken(time: _time);
        SocketAddress peer = FakeDatagrams.Peer(1);
        Span<byte> token = stackalloc byte[AddressToken.Length];
        long before = 0;
        for (int i = 0; i < 200; i++)
        {
            if (i == 100)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            tokens.Write(peer, token);
            Assert.True(tokens.Verify(peer, token));
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(90_000)]
    public void A_lifetime_that_makes_no_sense_is_refused(double seconds) =>
        Assert.Equal(ErrorIds.OptionOutOfRange, Assert.Throws<SluiceException>(() => new AddressToken(TimeSpan.FromSeconds(seconds))).Id);
}
