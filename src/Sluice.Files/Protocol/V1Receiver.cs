using System.Buffers;

namespace Sluice.Files;

/// <summary>
/// The receiving side of v1 as a machine without I/O and without a clock: show it what has arrived and is not consumed, do what it says,
/// advance by <see cref="V1Step.Consumed"/>, and ask again until it needs more. How the bytes were sliced makes no difference.
/// One thread at a time; one object a connection.
/// </summary>
public sealed class V1Receiver
{
    // The name and the four bytes behind it are alike in both layouts, as far as they go; the rest is told apart by LayoutGuess.
    private readonly byte[] _head = new byte[V1Header.LongLength];
    private readonly long _maxSize;
    private V1Layout _layout;
    private State _state;
    private long _remaining;

    /// <summary>Creates the machine of one connection.</summary>
    /// <param name="layout">The layout that every sender uses, or Auto to tell from the bytes.</param>
    /// <param name="maxSize">The largest file taken, in bytes.</param>
    public V1Receiver(V1Layout layout, long maxSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxSize);
        _layout = layout;
        _maxSize = maxSize;
    }

    private enum State
    {
        BetweenFiles,
        HeadTaken,
        InFile,
        Over,
    }

    /// <summary>How long the machine waits for a byte behind a header that may be a whole 40-byte one of an empty file: 300 ms.</summary>
    public static TimeSpan SilenceLimit => TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// Whether the machine wants <see cref="OnSilence"/> when nothing arrives for <see cref="SilenceLimit"/>. Holds from a
    /// <see cref="V1StepKind.NeedMore"/> to the next call.
    /// </summary>
    public bool WantsSilence { get; private set; }

    /// <summary>Whether a header or a file is partly received: also while its first bytes are still unconsumed.</summary>
    public bool InsideFile => _state is State.HeadTaken or State.InFile;

    /// <summary>Bytes of the current file that have not come yet.</summary>
    public long Remaining => _remaining;

    /// <summary>Decides on all bytes that have arrived and are not consumed.</summary>
    /// <param name="unread">Those bytes.</param>
    /// <param name="ended">No more will come: the sender closed.</param>
    public V1Step Next(in ReadOnlySequence<byte> unread, bool ended)
    {
        WantsSilence = false;
        return _state switch
        {
            State.BetweenFiles => TakeHead(unread, ended),
            State.HeadTaken => TellLayout(unread, consumed: 0, ended),
            State.InFile => TakeContent(unread, ended),
            _ => throw new InvalidOperationException("the connection is over"),
        };
    }

    /// <summary>
    /// Nothing arrived for <see cref="SilenceLimit"/> although <see cref="WantsSilence"/>: the 40 bytes were the whole header of an empty
    /// file. Not proof enough to bind the files that follow to a layout.
    /// </summary>
    public V1Step OnSilence()
    {
        if (!WantsSilence)
        {
            throw new InvalidOperationException("the machine does not wait for silence");
        }

        WantsSilence = false;
        return Begin(V1Layout.Bytes40, consumed: 0);
    }

    /// <summary>The 40 bytes that both layouts have.</summary>
    private V1Step TakeHead(in ReadOnlySequence<byte> unread, bool ended)
    {
        if (unread.Length < V1Header.ShortLength)
        {
            return !ended ? new(V1StepKind.NeedMore)
                : unread.IsEmpty ? End(new(V1StepKind.Finished))
                : CutInHeader(unread.Length);
        }

        unread.Slice(0, V1Header.ShortLength).CopyTo(_head);
        _state = State.HeadTaken;
        return TellLayout(unread.Slice(V1Header.ShortLength), V1Header.ShortLength, ended);
    }

    /// <summary>Decides what the header is by what follows its first 40 bytes. <paramref name="consumed"/> of them were shown in this call.</summary>
    private V1Step TellLayout(in ReadOnlySequence<byte> rest, int consumed, bool ended)
    {
        Span<byte> window = stackalloc byte[V1Header.ShortLength];
        window = window[..(int)Math.Min(window.Length, rest.Length)];
        rest.Slice(0, window.Length).CopyTo(window);

        switch (LayoutGuess.Of(_layout, _head, window, ended, _maxSize))
        {
            case LayoutVerdict.Bytes40:
                _layout = V1Layout.Bytes40;
                return Begin(V1Layout.Bytes40, consumed);

            case LayoutVerdict.Bytes48:
                _layout = V1Layout.Bytes48;
                window[..(V1Header.LongLength - V1Header.ShortLength)].CopyTo(_head.AsSpan(V1Header.ShortLength));
                return Begin(V1Layout.Bytes48, consumed + V1Header.LongLength - V1Header.ShortLength);

            case LayoutVerdict.CutShort:
                return CutInHeader(V1Header.ShortLength + rest.Length);

            default:
                WantsSilence = _layout == V1Layout.Auto && rest.IsEmpty;
                return new(V1StepKind.NeedMore, consumed);
        }
    }

    private V1Step Begin(V1Layout layout, int consumed)
    {
        V1Name? name = V1Name.Read(_head.AsSpan(0, V1Header.NameLength), out Refusal? refusal);
        if (name is null)
        {
            return End(new(V1StepKind.Refuse, consumed, Refusal: refusal));
        }

        long size = V1Header.Size(_head, layout);
        if (size < 0 || size > _maxSize)
        {
            string limit = size < 0 ? "it is below 0" : $"the limit is {_maxSize}";
            return End(new(V1StepKind.Refuse, consumed, Refusal: new(FileErrorIds.SizeOutOfRange, $"refused {Quoted.Text(name.Stored)} of {size} bytes: {limit}")));
        }

        _remaining = size;
        _state = State.InFile;
        return new(V1StepKind.BeginFile, consumed, new V1File(name.AsSent, name.Stored, size, layout, name.MayBeCut));
    }

    private V1Step TakeContent(in ReadOnlySequence<byte> unread, bool ended)
    {
        if (_remaining == 0)
        {
            _state = State.BetweenFiles;
            return new(V1StepKind.EndFile);
        }

        if (unread.IsEmpty)
        {
            return ended
                ? End(new(V1StepKind.CutShort, Refusal: new(FileErrorIds.CutShort, $"the sender left {_remaining} bytes before the end of the file")))
                : new(V1StepKind.NeedMore);
        }

        long taken = Math.Min(unread.Length, _remaining);
        _remaining -= taken;
        return new(V1StepKind.Content, taken);
    }

    private V1Step CutInHeader(long received) => End(new(
        V1StepKind.CutShort,
        Refusal: new(FileErrorIds.CutShort, $"the sender left after {received} bytes of a header")));

    private V1Step End(V1Step last)
    {
        _state = State.Over;
        return last;
    }
}
