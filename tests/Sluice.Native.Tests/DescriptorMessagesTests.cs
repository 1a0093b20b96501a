using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Sluice.Native.Tests;

public sealed class DescriptorMessagesTests
{
    private readonly int[] _descriptors = new int[DescriptorMessages.Most];

    [Fact]
    public void A_descriptor_comes_with_the_first_byte_and_is_closed_in_children()
    {
        using var pair = new SocketPair(unix: true);
        using var file = new TemporaryFile();
        Assert.Equal(3, Send(pair.Peer, "abc", file.Handle));
        Assert.Equal("ab", Receive(pair, room: 2, out int[] got));
        int copy = Assert.Single(got);
        Assert.Equal(file.Path, new FileInfo($"/proc/self/fd/{copy}").LinkTarget);
        Assert.Equal(1, Libc.fcntl(copy, 1, 0)); // F_GETFD: FD_CLOEXEC
        DescriptorChannel.Close(copy);
        Assert.Equal("c", Receive(pair, room: 9, out got));
        Assert.Empty(got);
    }

    [Fact]
    public void A_receive_ends_behind_a_message_with_descriptors()
    {
        using var pair = new SocketPair(unix: true);
        using var file = new TemporaryFile();
        pair.Peer.Send("one "u8);
        Send(pair.Peer, "two ", file.Handle);
        Send(pair.Peer, "three ", file.Handle);
        pair.Peer.Send("four"u8);
        Assert.Equal("one two ", Receive(pair, room: 100, out int[] got));
        DescriptorChannel.Close(Assert.Single(got));
        Assert.Equal("three ", Receive(pair, room: 100, out got));
        DescriptorChannel.Close(Assert.Single(got));
        Assert.Equal("four", Receive(pair, room: 100, out got));
        Assert.Empty(got);
        Assert.Equal(NativeError.WouldBlock, DescriptorMessages.Receive(pair.Ours.Number, new byte[9], _descriptors, out int _, wait: false).Error);
    }

    [Fact]
    public void More_than_there_is_room_for_are_an_error_and_none_stays_open()
    {
        using var pair = new SocketPair(unix: true);
        using var file = new TemporaryFile();
        SendMany((int)pair.Peer.Handle, file.Handle, DescriptorChannel.MostDescriptors);
        SocketResult result = DescriptorMessages.Receive(pair.Ours.Number, new byte[9], _descriptors, out int received, wait: false);
        Assert.Equal(NativeError.TooManyReferences, result.Error);
        Assert.Equal(DescriptorMessages.Most, received);
        Assert.Equal(1 + received, file.OpenHere);
        Array.ForEach(_descriptors, DescriptorChannel.Close);
        Assert.Equal(1, file.OpenHere);
    }

    [Fact]
    public void The_senders_credentials_may_come_as_well()
    {
        using var pair = new SocketPair(unix: true);
        using var file = new TemporaryFile();
        pair.Peer.SetRawSocketOption(1, 16, BitConverter.GetBytes(1)); // SOL_SOCKET, SO_PASSCRED
        SendMany(pair.Ours.Number, file.Handle, 64);
        SocketResult result = DescriptorMessages.Receive((int)pair.Peer.Handle, new byte[9], _descriptors, out int received, wait: false);
        Assert.Equal((1, 64), (result.Count, received));
        Array.ForEach(_descriptors[..received], DescriptorChannel.Close);
        Assert.Equal(1, file.OpenHere);
    }

    [Fact]
    public void Errors_are_named()
    {
        using var pair = new SocketPair(unix: true);
        SafeFileHandle closed = File.OpenHandle("/dev/null");
        using SafeFileHandle open = File.OpenHandle("/dev/null");
        Assert.True(DescriptorMessages.IsOpen(open));
        closed.Dispose();
        Assert.False(DescriptorMessages.IsOpen(closed));
        Assert.False(DescriptorMessages.IsOpen(new SafeFileHandle(1_000_000, ownsHandle: false)));
        Assert.Equal(NativeError.BadDescriptor, DescriptorMessages.Send(pair.Ours.Number, "x"u8, closed, wait: false).Error);
        Assert.Equal(NativeError.BadDescriptor, DescriptorMessages.Send(pair.Ours.Number, "x"u8, new SafeFileHandle(1_000_000, ownsHandle: false), wait: false).Error);
        pair.Peer.Dispose();
        Assert.Equal(NativeError.BrokenPipe, DescriptorMessages.Send(pair.Ours.Number, "x"u8, open, wait: true).Error);
        Assert.True(DescriptorMessages.Receive(pair.Ours.Number, new byte[9], _descriptors, out int _, wait: true) is { Succeeded: true, Count: 0 });
    }

    private static int Send(Socket socket, string text, SafeHandle descriptor) =>
        DescriptorMessages.Send((int)socket.Handle, Encoding.ASCII.GetBytes(text), descriptor, wait: true).Count;

    // As a peer may, and we never do: all beside one byte.
    private static void SendMany(int socket, SafeFileHandle descriptor, int count) =>
        Assert.Equal(NativeError.None, new DescriptorChannel(socket).Send("x"u8, [.. Enumerable.Repeat((int)descriptor.DangerousGetHandle(), count)]));

    private string Receive(SocketPair pair, int room, out int[] descriptors)
    {
        byte[] bytes = new byte[room];
        SocketResult result = DescriptorMessages.Receive(pair.Ours.Number, bytes, _descriptors, out int received, wait: false);
        descriptors = _descriptors[..received];
        return Encoding.ASCII.GetString(bytes, 0, result.Count);
    }

    private sealed class TemporaryFile : IDisposable
    {
        public TemporaryFile() => Handle = File.OpenHandle(Path);

        public string Path { get; } = System.IO.Path.GetTempFileName();

        public SafeFileHandle Handle { get; }

        public int OpenHere => Directory.GetFileSystemEntries("/proc/self/fd").Count(entry => new FileInfo(entry).LinkTarget == Path);

        public void Dispose()
        {
            Handle.Dispose();
            File.Delete(Path);
        }
    }
}
