using System.Buffers;
using System.IO.Pipelines;
using CsCheck;
using Microsoft.AspNetCore.Connections;
using Sluice.Sessions;

namespace Sluice.Tests.Sessions;

/// <summary>A session's reader against its reference: a list of datagrams, and whether all of the first was examined.</summary>
public sealed class SessionReaderModelTests
{
    private const int MostDatagrams = 8;

    private static readonly Gen<(int Kind, int Size, int Consume, int Examine)[]> Steps = Gen.Select(
        Gen.Int[0, 4], Gen.OneOf(Gen.Const(0), Gen.Int[1, 40], Gen.Int[1, 3000]), Gen.OneOf(Gen.Const(100), Gen.Const(0), Gen.Int[0, 100]),
        Gen.OneOf(Gen.Const(100), Gen.Int[0, 100])).Array[1, 80];

    [Fact]
    public void Whatever_is_consumed_and_examined_datagrams_come_in_order_and_whole() => Steps.Sample(steps =>
    {
        (ConnectionDelegate handler, Func<ConnectionContext> session, _) = SessionHandlers.Held();
        using var sessions = new DatagramSessions(handler, new() { MaxQueuedDatagrams = MostDatagrams, MaxQueuedBytes = 1 << 20 });
        var model = new Model(new FakeDatagrams(sessions), session);
        foreach ((int kind, int size, int consume, int examine) in steps)
        {
            if (kind < 3)
            {
                model.Bring(size);
            }
            else
            {
                model.Read(consume, examine, pending: kind == 4);
            }
        }

        model.ReadAll();
        Assert.Equal((0, model.Dropped), (sessions.QueuedBytes, sessions.Dropped));
    }, iter: 500);

    private sealed class Model(FakeDatagrams listener, Func<ConnectionContext> session)
    {
        private readonly List<byte[]> _unread = [];
        private bool _seen;
        private byte _next;

        public long Dropped { get; private set; }

        private bool CanRead => _unread.Count > (_seen ? 1 : 0);

        public void Bring(int size)
        {
            byte[] payload = Enumerable.Range(0, size).Select(_ => _next++).ToArray();
            listener.Bring(1, payload);
            if (_unread.Count < MostDatagrams)
            {
                _unread.Add(payload);
            }
            else
            {
                Dropped++;
            }
        }

        public void Read(int consume, int examine, bool pending)
        {
            if (_unread.Count == 0 && session() is null)
            {
                return; // nobody is there yet
            }

            PipeReader input = session().Transport.Input;
            if (CanRead)
            {
                Assert.True(input.TryRead(out ReadResult result));
                Look(input, result, consume, examine);
            }
            else
            {
                Assert.False(input.TryRead(out _));
                if (pending)
                {
                    Task<ReadResult> waits = input.ReadAsync().AsTask();
                    Assert.False(waits.IsCompleted);
                    Bring(3);
                    Assert.True(waits.IsCompleted);
                    Look(input, waits.Result, consume, examine);
                }
            }
        }

        public void ReadAll()
        {
            while (_unread.Count > 0)
            {
                Read(100, 100, pending: true);
            }
        }

        private void Look(PipeReader input, ReadResult result, int consume, int examine)
        {
            if (_seen)
            {
                _unread[1] = [.. _unread[0], .. _unread[1]];
                _unread.RemoveAt(0);
            }

            byte[] expected = _unread[0];
            Assert.Equal(expected, result.Buffer.ToArray());
            Assert.False(result.IsCompleted || result.IsCanceled);
            int consumed = expected.Length * consume / 100;
            int examined = consumed + ((expected.Length - consumed) * examine / 100);
            input.AdvanceTo(result.Buffer.GetPosition(consumed), result.Buffer.GetPosition(examined));
            _seen = consumed < expected.Length && examined == expected.Length;
            if (consumed == expected.Length)
            {
                _unread.RemoveAt(0);
            }
            else
            {
                _unread[0] = expected[consumed..];
            }
        }
    }
}
