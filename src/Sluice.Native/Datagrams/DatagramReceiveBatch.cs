using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>Receives several datagrams with one system call: recvmmsg(2). For one thread at a time.</summary>
internal sealed unsafe class DatagramReceiveBatch : IDisposable
{
    private const int MSG_DONTWAIT = 0x40;
    private const int MSG_CMSG_CLOEXEC = 0x40000000; // nobody is to leave us a descriptor; the room for control messages has none for it, either

    private readonly MultiMessageHeader* _messages;
    private readonly IoVector* _vectors;
    private readonly DatagramBuffer?[] _known;

    public DatagramReceiveBatch(int capacity)
    {
        _known = new DatagramBuffer?[capacity];
        _messages = (MultiMessageHeader*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(MultiMessageHeader));
        _vectors = (IoVector*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(IoVector));
    }

    /// <summary>Receives into the first <paramref name="buffers"/>, as many as are there, and never waits. WouldBlock: nothing is there.</summary>
    /// <returns>How many were received, or the error.</returns>
    public SocketResult Receive(int descriptor, ReadOnlySpan<DatagramBuffer> buffers)
    {
        for (int i = 0; i < buffers.Length; i++)
        {
            if (!ReferenceEquals(_known[i], buffers[i]))
            {
                Know(i, buffers[i]);
            }
        }

        nint count = Libc.message(Libc.ReceiveMessages, descriptor, _messages, buffers.Length, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, 0);
        if (count < 0)
        {
            return SocketResult.Failed(Errno.OfSystem);
        }

        for (int i = 0; i < count; i++)
        {
            ref MultiMessageHeader message = ref _messages[i];
            buffers[i].Accept(message);
            message.Header.NameLength = DatagramBuffer.NameRoom; // the kernel has written over both
            message.Header.ControlLength = DatagramBuffer.ControlRoom;
        }

        return SocketResult.Of((int)count);
    }

    public void Dispose()
    {
        NativeMemory.Free(_messages);
        NativeMemory.Free(_vectors);
    }

    private void Know(int index, DatagramBuffer buffer)
    {
        _known[index] = buffer;
        _vectors[index] = new IoVector { Start = buffer.Start + DatagramBuffer.PayloadOffset, Length = buffer.Size };
        _messages[index].Header = new MessageHeader
        {
            Name = buffer.Start,
            NameLength = DatagramBuffer.NameRoom,
            Vectors = _vectors + index,
            VectorCount = 1,
            Control = buffer.Start + DatagramBuffer.NameRoom,
            ControlLength = DatagramBuffer.ControlRoom,
        };
    }
}
