using System.Buffers.Binary;
using System.Text;

namespace Sluice.Workers;

/// <summary>What a master and a worker say to each other, and a server and the process that replaces it.</summary>
internal enum WorkerMessageKind : byte
{
    /// <summary>To a worker: serve what is accepted on these listeners, whose descriptors come along.</summary>
    Listen = 1,

    /// <summary>To a worker: serve this connection, whose descriptor comes along, and end.</summary>
    Serve,

    /// <summary>To a worker: end within so many milliseconds; 0 is now. Whether others go on accepting, so that nobody who was accepted may be sent away.</summary>
    Drain,

    /// <summary>From a worker: it waits for connections.</summary>
    Ready,

    /// <summary>From a worker: it lives, and what it has come to.</summary>
    Beat,

    /// <summary>From a worker: how its one connection ended.</summary>
    Ended,

    /// <summary>From a worker: how its drain went. Its last word.</summary>
    Drained,

    /// <summary>From a worker: it cannot serve, and why. Its last word.</summary>
    Failed,

    /// <summary>To the process that replaces this one: a listener, whose descriptor comes along.</summary>
    Inherit,

    /// <summary>To the process that replaces this one: that was all; how many of its servers must be ready.</summary>
    Inherited,

    /// <summary>To the process that replaces this one: the listeners are its own now.</summary>
    HandedOver,

    /// <summary>To a worker: serve this datagram of so many bytes, and end. Its socket's descriptor comes along, and that of a file with the rest.</summary>
    ServeDatagram,

    /// <summary>From a worker: how its one datagram ended.</summary>
    DatagramEnded,
}

/// <summary>
/// One message: a kind, three numbers and a text, whatever they mean for the kind. Both ends are the same program, but a new one may meet an old one while a
/// server is restarted, so what cannot be read is no message and never an exception.
/// </summary>
internal readonly record struct WorkerMessage(WorkerMessageKind Kind, long First = 0, long Second = 0, long Third = 0, string Text = "")
{
    /// <summary>The longest message, in bytes; a longer text is cut.</summary>
    public const int MostBytes = 8192;

    private const int HeaderSize = 25;

    /// <summary>Writes it, and returns how long it is. <paramref name="target"/> has room for <see cref="MostBytes"/>.</summary>
    public int Write(Span<byte> target)
    {
        target[0] = (byte)Kind;
        BinaryPrimitives.WriteInt64LittleEndian(target[1..], First);
        BinaryPrimitives.WriteInt64LittleEndian(target[9..], Second);
        BinaryPrimitives.WriteInt64LittleEndian(target[17..], Third);
        Encoding.UTF8.GetEncoder().Convert(Text, target[HeaderSize..MostBytes], flush: true, out _, out int length, out _);
        return HeaderSize + length;
    }

    /// <summary>Reads one; false when it is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out WorkerMessage message)
    {
        message = default;
        if (source.Length < HeaderSize || !Enum.IsDefined((WorkerMessageKind)source[0]))
        {
            return false;
        }

        message = new WorkerMessage(
            (WorkerMessageKind)source[0], BinaryPrimitives.ReadInt64LittleEndian(source[1..]), BinaryPrimitives.ReadInt64LittleEndian(source[9..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[17..]), Encoding.UTF8.GetString(source[HeaderSize..]));
        return true;
    }

    public static WorkerMessage Serve(string url) => new(WorkerMessageKind.Serve, Text: url);

    /// <summary>The listeners' URLs, in the order of their descriptors.</summary>
    public static WorkerMessage Listen(int index, IEnumerable<string> urls) => new(WorkerMessageKind.Listen, index, Text: string.Join('\n', urls));

    public static WorkerMessage Drain(TimeSpan within, bool othersAccept = false) => new(WorkerMessageKind.Drain, (long)within.TotalMilliseconds, othersAccept ? 1 : 0);

    /// <summary>A listener: its server's name, the URL that this server was told, and the real one.</summary>
    public static WorkerMessage Inherit(string server, string askedFor, string url) => new(WorkerMessageKind.Inherit, Text: $"{server}\n{askedFor}\n{url}");

    public static WorkerMessage Beat(int connections, long accepted, long resident) => new(WorkerMessageKind.Beat, connections, accepted, resident);

    public static WorkerMessage Ended(CloseReason reason, long received, long sent, string failure) => new(WorkerMessageKind.Ended, (long)reason, received, sent, failure);

    public static WorkerMessage ServeDatagram(string url, int length) => new(WorkerMessageKind.ServeDatagram, length, Text: url);

    /// <summary>What was sent, its bytes, and what the system did not take.</summary>
    public static WorkerMessage DatagramEnded(long sent, long bytes, long notSent, string failure) => new(WorkerMessageKind.DatagramEnded, sent, bytes, notSent, failure);

    public static WorkerMessage Drained(int ended, int cut, long accepted) => new(WorkerMessageKind.Drained, ended, cut, accepted);
}
