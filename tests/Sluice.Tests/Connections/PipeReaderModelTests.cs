using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using CsCheck;
using Sluice.Connections;
using Sluice.Tests.Support;
using Sluice.Transports.InMemory;

namespace Sluice.Tests.Connections;

/// <summary>A reader against its reference: the bytes that were sent, and three marks in them (consumed, examined, shown).</summary>
public sealed class PipeReaderModelTests
{
    private static readonly Gen<(int Kind, int Size, int Consume, int Examine)[]> Steps = Gen.Select(
        Gen.Int[0, 4], Gen.OneOf(Gen.Int[1, 40], Gen.Int[1, 9000], Gen.Int[3000, 60000]), Gen.Int[0, 100], Gen.Int[0, 100]).Array[1, 60];

    [Theory]
    [InlineData(PipeKind.Blocking)]
    [InlineData(PipeKind.Async)]
    public void Whatever_is_consumed_and_examined_the_bytes_come_in_order_and_none_is_lost(PipeKind kind) =>
        Steps.Sample(steps => Play(kind, steps), iter: 300);

    private static void Play(PipeKind kind, (int Kind, int Size, int Consume, int Examine)[] steps)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        var model = new Model(connection.Input, peer);
        foreach ((int step, int size, int consume, int examine) in steps)
        {
            switch (step)
            {
                case 0 or 1:
                    model.Send(size);
                    break;
                case 2 or 3:
                    model.Read(consume, examine);
                    break;
                default:
                    model.TryRead(consume, examine);
                    break;
            }
        }

        model.FinishAndReadAll();
        Assert.Equal(CloseReason.None, connection.CloseReason);
    }

    private sealed class Model(PipeReader reader, InMemoryStreamSocket peer)
    {
        private int _sent;
        private int _shown;
        private int _consumed;
        private int _examined;

        public void Send(int count)
        {
            byte[] bytes = new byte[count];
            for (int i = 0; i < count; i++)
            {
                bytes[i] = At(_sent + i);
            }

            _sent += peer.Send(bytes, wait: false) is { Succeeded: true, Count: var taken } ? taken : 0;
        }

        public void Read(int consume, int examine)
        {
            if (_examined == _sent)
            {
                return; // it would wait
            }

            bool atHand = _examined < _shown;
            ReadResult result = Complete(reader.ReadAsync());
            int shown = Look(result);
            Assert.True(atHand ? shown >= _shown : shown > _shown, "a read brings something new");
            Advance(result, shown, consume, examine);
        }

        public void TryRead(int consume, int examine)
        {
            Assert.Equal(_examined < _shown, reader.TryRead(out ReadResult result));
            if (_examined < _shown)
            {
                int shown = Look(result);
                Assert.Equal(_shown, shown);
                Advance(result, shown, consume, examine);
            }
        }

        public void FinishAndReadAll()
        {
            peer.Shutdown(SocketShutdown.Send);
            while (true)
            {
                ReadResult result = Complete(reader.ReadAsync());
                _shown = Look(result);
                _consumed = _examined = _shown;
                reader.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    break;
                }
            }

            Assert.Equal(_sent, _consumed);
        }

        private static byte At(int index) => (byte)((index * 31) + (index >> 8));

        private static ReadResult Complete(ValueTask<ReadResult> read) => read.IsCompleted ? read.Result : read.AsTask().WaitAsync(Eventually.Deadline).GetAwaiter().GetResult();

        // What is lent is exactly what was sent from the first byte not consumed.
        private int Look(ReadResult result)
        {
            Assert.False(result.IsCanceled);
            byte[] bytes = result.Buffer.ToArray();
            for (int i = 0; i < bytes.Length; i++)
            {
                if (bytes[i] != At(_consumed + i))
                {
                    Assert.Fail($"byte {_consumed + i} is wrong");
                }
            }

            Assert.InRange(_consumed + bytes.Length, _shown, _sent);
            return _consumed + bytes.Length;
        }

        private void Advance(ReadResult result, int shown, int consume, int examine)
        {
            int length = shown - _consumed;
            int consumed = (int)((long)length * consume / 100);
            int examined = consumed + (int)((long)(length - consumed) * examine / 100);
            reader.AdvanceTo(result.Buffer.GetPosition(consumed), result.Buffer.GetPosition(examined));
            _shown = shown;
            _examined = _consumed + examined;
            _consumed += consumed;
        }
    }
}
