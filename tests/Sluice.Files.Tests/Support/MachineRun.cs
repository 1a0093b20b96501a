using System.Buffers;

namespace Sluice.Files.Tests;

/// <summary>Drives a machine as a handler would, over a stream sliced anyhow, and writes down what it decided.</summary>
internal sealed class MachineRun
{
    public List<(string Name, byte[] Content, V1Layout Layout)> Files { get; } = [];

    public Refusal? End { get; private set; }

    public V1StepKind Last { get; private set; }

    public static MachineRun Of(byte[] stream, V1Layout layout = V1Layout.Auto, long maxSize = 1L << 40, IReadOnlyList<int>? cuts = null)
    {
        var run = new MachineRun();
        var machine = new V1Receiver(layout, maxSize);
        var content = new List<byte>();
        V1File? file = null;
        int consumed = 0;
        foreach (int shown in (cuts ?? []).Select(cut => Math.Clamp(cut, 0, stream.Length)).Order().Append(stream.Length).Append(-1))
        {
            bool ended = shown < 0;
            int until = ended ? stream.Length : shown;
            while (true)
            {
                // In two segments, so that no code relies on one.
                ReadOnlySequence<byte> unread = Segments.Of(stream.AsMemory(consumed, until - consumed));
                V1Step step = machine.Next(unread, ended);
                Assert.InRange(step.Consumed, 0, until - consumed);
                run.Last = step.Kind;
                switch (step.Kind)
                {
                    case V1StepKind.BeginFile:
                        file = step.File;
                        content.Clear();
                        break;
                    case V1StepKind.Content:
                        content.AddRange(stream.AsSpan(consumed, (int)step.Consumed));
                        break;
                    case V1StepKind.EndFile:
                        Assert.Equal(file!.Size, content.Count);
                        run.Files.Add((file.Name, [.. content], file.Layout));
                        break;
                    case V1StepKind.Refuse or V1StepKind.CutShort or V1StepKind.Finished:
                        run.End = step.Refusal;
                        return run;
                }

                consumed += (int)step.Consumed;
                if (step.Kind == V1StepKind.NeedMore)
                {
                    Assert.False(ended, "the stream ended and the machine wants more");
                    Assert.True(machine.InsideFile || until - consumed < 40);
                    break;
                }
            }
        }

        throw new InvalidOperationException("no end");
    }

    public override string ToString() => $"{string.Join(' ', Files.Select(f => $"{f.Name}:{f.Layout}:{Convert.ToHexString(f.Content)}"))} {Last} {End}";
}

internal static class Segments
{
    public static ReadOnlySequence<byte> Of(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length < 2)
        {
            return new(bytes);
        }

        var second = new Segment(bytes[(bytes.Length / 2)..], bytes.Length / 2, null);
        var first = new Segment(bytes[..(bytes.Length / 2)], 0, second);
        return new(first, 0, second, second.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long index, Segment? next) => (Memory, RunningIndex, Next) = (memory, index, next);
    }
}
