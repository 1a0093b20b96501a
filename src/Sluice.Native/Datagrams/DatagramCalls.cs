namespace Sluice.Native;

/// <summary>One datagram at a time: sendmsg(2), on a raw descriptor. From any thread.</summary>
internal static unsafe class DatagramCalls
{
    private const int MSG_DONTWAIT = 0x40;
    private const int MSG_NOSIGNAL = 0x4000;

    /// <summary>Sends to an address, from <paramref name="source"/> (4 or 16 bytes; none: as the route says). With <paramref name="wait"/> it waits for room, as long as SO_SNDTIMEO says.</summary>
    public static NativeError Send(int descriptor, ReadOnlySpan<byte> name, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> source, bool wait)
    {
        byte* control = stackalloc byte[DatagramSource.Room];
        fixed (byte* peer = name)
        {
            fixed (byte* start = payload)
            {
                var vector = new IoVector { Start = start, Length = payload.Length };
                int controlLength = DatagramSource.Write(control, source);
                var header = new MessageHeader
                {
                    Name = peer,
                    NameLength = name.Length,
                    Vectors = &vector,
                    VectorCount = 1,
                    Control = controlLength > 0 ? control : null,
                    ControlLength = controlLength,
                };
                while (true)
                {
                    if (Libc.message(Libc.SendMessage, descriptor, &header, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT), 0, 0) >= 0)
                    {
                        return NativeError.None;
                    }

                    if (Errno.OfSystem is var error && error != NativeError.Interrupted)
                    {
                        return error;
                    }
                }
            }
        }
    }
}
