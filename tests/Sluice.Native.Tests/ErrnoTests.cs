using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Sluice.Native.Tests;

public sealed class ErrnoTests
{
    // The running libc's own words: a number that means something else here would say so. ELOOP and EMLINK share a name of ours.
    private static readonly Dictionary<string, string> Words = new(StringComparer.Ordinal)
    {
        [nameof(NativeError.NotPermitted)] = "Operation not permitted",
        [nameof(NativeError.NoEntry)] = "No such file or directory",
        [nameof(NativeError.Interrupted)] = "Interrupted system call",
        [nameof(NativeError.NoChild)] = "No child processes",
        [nameof(NativeError.Io)] = "Input/output error",
        [nameof(NativeError.NotExecutable)] = "Exec format error",
        [nameof(NativeError.BadDescriptor)] = "Bad file descriptor",
        [nameof(NativeError.WouldBlock)] = "Resource temporarily unavailable",
        [nameof(NativeError.NoMemory)] = "Cannot allocate memory",
        [nameof(NativeError.AccessDenied)] = "Permission denied",
        [nameof(NativeError.Fault)] = "Bad address",
        [nameof(NativeError.Exists)] = "File exists",
        [nameof(NativeError.CrossDevice)] = "Invalid cross-device link",
        [nameof(NativeError.NoDevice)] = "No such device",
        [nameof(NativeError.NotDirectory)] = "Not a directory",
        [nameof(NativeError.IsDirectory)] = "Is a directory",
        [nameof(NativeError.InvalidArgument)] = "Invalid argument",
        [nameof(NativeError.SystemFileLimit)] = "Too many open files in system",
        [nameof(NativeError.ProcessFileLimit)] = "Too many open files",
        [nameof(NativeError.FileTooLarge)] = "File too large",
        [nameof(NativeError.NoSpace)] = "No space left on device",
        [nameof(NativeError.ReadOnly)] = "Read-only file system",
        [nameof(NativeError.BrokenPipe)] = "Broken pipe",
        [nameof(NativeError.NameTooLong)] = "File name too long",
        [nameof(NativeError.NoNetwork)] = "Machine is not on the network",
        [nameof(NativeError.Protocol)] = "Protocol error",
        [nameof(NativeError.NotSocket)] = "Socket operation on non-socket",
        [nameof(NativeError.NoDestination)] = "Destination address required",
        [nameof(NativeError.MessageTooLong)] = "Message too long",
        [nameof(NativeError.WrongType)] = "Protocol wrong type for socket",
        [nameof(NativeError.FamilyNotSupported)] = "Address family not supported by protocol",
        [nameof(NativeError.ProtocolOption)] = "Protocol not available",
        [nameof(NativeError.OperationNotSupported)] = "Operation not supported",
        [nameof(NativeError.AddressInUse)] = "Address already in use",
        [nameof(NativeError.AddressNotAvailable)] = "Cannot assign requested address",
        [nameof(NativeError.NetworkDown)] = "Network is down",
        [nameof(NativeError.NetworkUnreachable)] = "Network is unreachable",
        [nameof(NativeError.ConnectionAborted)] = "Software caused connection abort",
        [nameof(NativeError.ConnectionReset)] = "Connection reset by peer",
        [nameof(NativeError.NoBufferSpace)] = "No buffer space available",
        [nameof(NativeError.NotConnected)] = "Transport endpoint is not connected",
        [nameof(NativeError.TooManyReferences)] = "Too many references: cannot splice",
        [nameof(NativeError.TimedOut)] = "Connection timed out",
        [nameof(NativeError.ConnectionRefused)] = "Connection refused",
        [nameof(NativeError.HostDown)] = "Host is down",
        [nameof(NativeError.HostUnreachable)] = "No route to host",
        [nameof(NativeError.InProgress)] = "Operation now in progress",
        [nameof(NativeError.Quota)] = "Disk quota exceeded",
        [nameof(NativeError.Busy)] = "Device or resource busy",
        [nameof(NativeError.NotImplemented)] = "Function not implemented",
        [nameof(NativeError.Canceled)] = "Operation canceled",
        [nameof(NativeError.AlreadyInProgress)] = "Operation already in progress",
        [nameof(NativeError.TimerExpired)] = "Timer expired",
        [nameof(NativeError.CompletionsLost)] = "Invalid request descriptor",
    };

    [Fact]
    public void Every_name_is_the_one_that_the_running_libc_gives_the_number()
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        for (int number = 1; number < 200; number++)
        {
            string name = Errno.Name(number).ToString();
            if (Words.TryGetValue(name, out string? words))
            {
                Assert.Equal(words, Marshal.GetPInvokeErrorMessage(number));
                found.Add(name);
            }
            else
            {
                Assert.True(name is nameof(NativeError.Other) or nameof(NativeError.TooManyLinks), $"{number} is {name}, of which this test knows nothing");
            }
        }

        Assert.Equal(Words.Keys.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Nobody_waiting_is_WouldBlock()
    {
        using Socket listener = Listening();
        Assert.False(ListeningSocket.TryAccept(listener.SafeHandle, out _, out NativeError error));
        Assert.Equal(NativeError.WouldBlock, error);
    }

    [Fact]
    public void A_closed_listener_is_BadDescriptor()
    {
        Socket listener = Listening();
        SafeHandle handle = listener.SafeHandle;
        listener.Dispose();
        Assert.False(ListeningSocket.TryAccept(handle, out _, out NativeError error));
        Assert.Equal(NativeError.BadDescriptor, error);
    }

    [Fact]
    public void A_socket_that_does_not_listen_is_InvalidArgument()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.False(ListeningSocket.TryAccept(socket.SafeHandle, out _, out NativeError error));
        Assert.Equal(NativeError.InvalidArgument, error);
    }

    [Fact]
    public void A_file_is_NotSocket()
    {
        using FileStream file = File.OpenRead("/proc/self/status");
        Assert.False(ListeningSocket.TryAccept(file.SafeFileHandle, out _, out NativeError error));
        Assert.Equal(NativeError.NotSocket, error);
    }

    [Fact]
    public void Nothing_to_receive_is_WouldBlock_and_a_closed_end_is_BadDescriptor()
    {
        using var pair = new SocketPair();
        Assert.Equal(NativeError.WouldBlock, pair.Ours.Receive(new byte[1], wait: false).Error);
        pair.Ours.Close();
        Assert.Equal(NativeError.BadDescriptor, pair.Ours.Receive(new byte[1], wait: false).Error);
        Assert.Equal(NativeError.BadDescriptor, pair.Ours.Send(new byte[1], wait: false).Error);
    }

    [Fact]
    public void Sending_after_our_own_fin_is_BrokenPipe_and_raises_no_signal()
    {
        using var pair = new SocketPair();
        pair.Ours.Shutdown(SocketShutdown.Send);
        Assert.Equal(NativeError.BrokenPipe, pair.Ours.Send(new byte[1], wait: false).Error);
    }

    [Fact]
    public void A_peers_reset_is_ConnectionReset()
    {
        using var pair = new SocketPair();
        pair.Peer.LingerState = new LingerOption(enable: true, seconds: 0);
        pair.Peer.Close();
        Assert.Equal(NativeError.ConnectionReset, pair.Ours.Receive(new byte[1], wait: true).Error);
    }

    [Theory]
    [InlineData("/no/such/file", nameof(NativeError.NoEntry))]
    [InlineData("/proc/self/status/x", nameof(NativeError.NotDirectory))]
    public void A_path_that_is_not_there_says_why(string path, string error)
    {
        Assert.Null(OpenFile.OpenToRead(path, out NativeError said));
        Assert.Equal(error, said.ToString());
    }

    [Fact]
    public void A_name_too_long_and_a_loop_of_links_say_so()
    {
        Assert.Null(OpenFile.OpenToRead("/tmp/" + new string('x', 300), out NativeError tooLong));
        Assert.Equal(NativeError.NameTooLong, tooLong);
        string link = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        File.CreateSymbolicLink(link, link);
        try
        {
            Assert.Null(OpenFile.OpenToRead(link, out NativeError loop));
            Assert.Equal(NativeError.TooManyLinks, loop);
        }
        finally
        {
            File.Delete(link);
        }
    }

    private static Socket Listening()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        listener.Blocking = false;
        return listener;
    }
}
