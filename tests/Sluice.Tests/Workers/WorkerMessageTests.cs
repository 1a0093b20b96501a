using CsCheck;
using Sluice.Workers;

namespace Sluice.Tests.Workers;

public sealed class WorkerMessageTests
{
    private static readonly Gen<WorkerMessage> Messages = Gen.Select(
        Gen.Int[1, Enum.GetValues<WorkerMessageKind>().Length], Gen.Long, Gen.Long, Gen.Long, Gen.Int[0x20, 0xD7FF].Array[0, 200],
        (kind, first, second, third, text) => new WorkerMessage((WorkerMessageKind)kind, first, second, third, string.Concat(text.Select(one => (char)one))));

    [Fact]
    public void What_is_written_is_read() => Messages.Sample(message =>
    {
        Span<byte> bytes = stackalloc byte[WorkerMessage.MostBytes];
        int length = message.Write(bytes);
        Assert.True(WorkerMessage.TryRead(bytes[..length], out WorkerMessage read));
        Assert.Equal(message, read);
    });

    [Fact]
    public void Whatever_comes_is_a_message_or_none_and_never_an_exception() => Gen.Byte.Array[0, 64].Sample(bytes =>
    {
        if (WorkerMessage.TryRead(bytes, out WorkerMessage read))
        {
            Assert.True(Enum.IsDefined(read.Kind));
        }
        else
        {
            Assert.Equal(default, read);
        }
    });

    [Fact]
    public void A_text_that_is_too_long_is_cut_between_characters()
    {
        byte[] bytes = new byte[WorkerMessage.MostBytes];
        string text = new('这', WorkerMessage.MostBytes);
        int length = new WorkerMessage(WorkerMessageKind.Failed, Text: text).Write(bytes);
        Assert.InRange(length, WorkerMessage.MostBytes - 3, WorkerMessage.MostBytes);
        Assert.True(WorkerMessage.TryRead(bytes.AsSpan(0, length), out WorkerMessage read));
        Assert.Matches("^这+$", read.Text);
    }
}
