using System.Diagnostics;
using System.IO.Pipes;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Sluice.Native;
using Sluice.Tests.Support;

namespace Sluice.Tests;

[Collection<Models.DescriptorNumbers>]
public sealed class SelectorTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Fact]
    public void Sockets_come_back_in_the_order_given_as_often_as_given()
    {
        KernelPair[] pairs = [.. Enumerable.Range(0, 4).Select(_ => new KernelPair())];
        pairs[0].Peer.Send("x"u8);
        pairs[2].Peer.Send("x"u8);
        pairs[3].Peer.Send("x"u8);
        Assert.True(pairs[0].Ours.Poll(Soon, SelectMode.SelectRead) && pairs[2].Ours.Poll(Soon, SelectMode.SelectRead) && pairs[3].Ours.Poll(Soon, SelectMode.SelectRead));
        Socket[] given = [pairs[3].Ours, pairs[1].Ours, pairs[0].Ours, pairs[3].Ours, pairs[2].Ours];
        (IReadOnlyList<Socket> read, IReadOnlyList<Socket> write, IReadOnlyList<Socket> error) = Selector.Select(given, [pairs[2].Ours, pairs[1].Ours], given, Soon);
        Assert.Equal([pairs[3].Ours, pairs[0].Ours, pairs[3].Ours, pairs[2].Ours], read);
        Assert.Equal([pairs[2].Ours, pairs[1].Ours], write);
        Assert.Empty(error);
        Array.ForEach(pairs, pair => pair.Dispose());
    }

    [Fact]
    public void A_socket_without_room_is_not_writable()
    {
        using var pair = new KernelPair();
        int sent = pair.Fill();
        Assert.Empty(Selector.Select(null, [pair.Ours], null, TimeSpan.Zero).Write);
        pair.Drain(sent);
        Assert.Same(pair.Ours, Assert.Single(Selector.Select(null, [pair.Ours], null, Soon).Write));
    }

    [Fact]
    public void Urgent_data_is_exceptional()
    {
        using var pair = new KernelPair();
        pair.Peer.Send("!"u8, SocketFlags.OutOfBand);
        Assert.Same(pair.Ours, Assert.Single(Selector.Select(null, null, [pair.Ours], Soon).Error));
    }

    [Fact]
    public void A_listener_is_readable_when_a_client_waits()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Assert.Empty(Selector.Select([listener.Server], null, null, TimeSpan.Zero).Read);
        using var client = new TcpClient();
        client.Connect((IPEndPoint)listener.LocalEndpoint);
        Assert.Same(listener.Server, Assert.Single(Selector.Select([listener.Server], null, null, timeout: null).Read));
    }

    [Fact]
    public void Pipes_sockets_terminals_and_files_are_asked_in_one_call()
    {
        using var writer = new AnonymousPipeServerStream(PipeDirection.Out);
        using var reader = new AnonymousPipeClientStream(PipeDirection.In, writer.ClientSafePipeHandle);
        using var pair = new KernelPair();
        using SafeFileHandle terminal = File.OpenHandle("/dev/ptmx", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        using SafeFileHandle file = File.OpenHandle("/proc/self/status");
        SafeHandle[] given = [terminal, reader.SafePipeHandle, pair.Ours.SafeHandle];
        Assert.Empty(Selector.Select(given, null, null, TimeSpan.Zero).Read);
        Assert.Same(file, Assert.Single(Selector.Select([.. given, file], null, null, timeout: null).Read));

        writer.WriteByte(1);
        Assert.Same(reader.SafePipeHandle, Assert.Single(Selector.Select(given, null, null, Soon).Read));
        Assert.Same(writer.SafePipeHandle, Assert.Single(Selector.Select(null, [writer.SafePipeHandle], null, Soon).Write));
        Assert.Same(terminal, Assert.Single(Selector.Select([], [terminal], [terminal], Soon).Write));
        using var keyboard = new FileStream(terminal, FileAccess.ReadWrite, bufferSize: 0);
        keyboard.Write("typed\n"u8); // the terminal echoes what its keyboard sends
        Assert.Same(terminal, Assert.Single(Selector.Select([terminal], null, null, Soon).Read));
        Assert.Equal([terminal, reader.SafePipeHandle], Selector.Select(given, null, null, Soon).Read);
    }

    [Fact]
    public void Descriptors_above_1024_are_asked_like_others()
    {
        var below = new List<SafeFileHandle>();
        while (below.Count == 0 || (int)below[^1].DangerousGetHandle() < 1100)
        {
            below.Add(File.OpenHandle("/dev/null"));
        }

        using var pair = new KernelPair();
        Assert.Empty(Selector.Select([pair.Ours], null, null, TimeSpan.Zero).Read);
        Assert.Same(below[^1], Assert.Single(Selector.Select([below[^1]], null, null, timeout: null).Read));
        pair.Peer.Send("x"u8);
        Assert.Same(pair.Ours, Assert.Single(Selector.Select([pair.Ours], null, null, timeout: null).Read));
        below.ForEach(one => one.Dispose());
    }

    [Fact]
    public void Zero_looks_only_and_a_timeout_is_kept()
    {
        using var pair = new KernelPair();
        var clock = Stopwatch.StartNew();
        Assert.Empty(Selector.Select([pair.Ours], null, null, TimeSpan.FromMilliseconds(100)).Read);
        Assert.InRange(clock.ElapsedMilliseconds, 99, 5000);
        clock.Restart();
        Selector.Select(null, null, null, TimeSpan.FromMilliseconds(100)); // of nothing it is a sleep
        Assert.InRange(clock.ElapsedMilliseconds, 99, 5000);
        clock.Restart();
        Selector.Select([pair.Ours], null, null, TimeSpan.Zero);
        Assert.InRange(clock.ElapsedMilliseconds, 0, 5000);
    }

    [Fact]
    public async Task Null_waits_for_ever_through_signals()
    {
        using var pair = new KernelPair();
        int thread = 0;
        Task<SelectResult<Socket>> waiting = Threaded(() =>
        {
            Volatile.Write(ref thread, ThreadInterrupt.CurrentThread);
            return Selector.Select([pair.Ours], null, null, timeout: null);
        });
        await Eventually.Until(() => Volatile.Read(ref thread) != 0, "the thread runs");
        await Eventually.Never(
            () =>
            {
                ThreadInterrupt.Interrupt(thread);
                return waiting.IsCompleted;
            }, TimeSpan.FromMilliseconds(200), "a signal ended the wait");
        pair.Peer.Send("x"u8);
        Assert.Same(pair.Ours, Assert.Single((await waiting.Within("bytes end the wait")).Read));
    }

    [Fact]
    public async Task A_signal_neither_shortens_nor_lengthens_a_timeout()
    {
        using var pair = new KernelPair();
        int thread = 0;
        var clock = Stopwatch.StartNew();
        Task<TimeSpan> waiting = Threaded(() =>
        {
            Volatile.Write(ref thread, ThreadInterrupt.CurrentThread);
            long start = Stopwatch.GetTimestamp();
            Assert.Empty(Selector.Select([pair.Ours], null, null, TimeSpan.FromMilliseconds(300)).Read);
            return Stopwatch.GetElapsedTime(start);
        });
        await Eventually.Until(
            () =>
            {
                if (Volatile.Read(ref thread) is not 0 and var waiter && !waiting.IsCompleted)
                {
                    ThreadInterrupt.Interrupt(waiter);
                }

                return waiting.IsCompleted;
            }, "the time has passed");
        Assert.InRange((await waiting).TotalMilliseconds, 299, 5000);
    }

    [Fact]
    public void What_cannot_be_asked_is_refused()
    {
        using var pair = new KernelPair();
        Assert.Throws<ArgumentOutOfRangeException>("timeout", () => Selector.Select([pair.Ours], null, null, TimeSpan.FromTicks(-1)));
        Assert.Throws<ArgumentException>("write", () => Selector.Select(null, [pair.Ours, null!], null, TimeSpan.Zero));
        using var none = new SafeFileHandle(-1, ownsHandle: false);
        Assert.Throws<ArgumentException>("error", () => Selector.Select(null, null, [none], TimeSpan.Zero));
        using var unknown = new SafeFileHandle(int.MaxValue, ownsHandle: false);
        Assert.Throws<ObjectDisposedException>(() => Selector.Select([unknown], null, null, timeout: null));
        pair.Ours.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Selector.Select([pair.Ours], null, null, timeout: null));
        Assert.Throws<ObjectDisposedException>(() => Selector.Select([pair.Peer.SafeHandle, pair.Ours.SafeHandle], null, null, timeout: null));
    }

    [Fact]
    public void A_pipe_disposed_meanwhile_is_closed_when_the_call_returns()
    {
        using var writer = new AnonymousPipeServerStream(PipeDirection.Out);
        using var reader = new AnonymousPipeClientStream(PipeDirection.In, writer.ClientSafePipeHandle);
        using SafeFileHandle file = File.OpenHandle("/dev/null");
        var link = new FileInfo($"/proc/self/fd/{reader.SafePipeHandle.DangerousGetHandle()}");
        string? pipe = link.LinkTarget;
        string? during = null;
        var given = new OnSecond<SafeHandle>(reader.SafePipeHandle, () =>
        {
            reader.Dispose();
            link.Refresh();
            during ??= link.LinkTarget;
            return file;
        });
        Assert.Same(file, Assert.Single(Selector.Select(given, null, null, timeout: null).Read));
        Assert.NotNull(pipe);
        Assert.Equal(pipe, during);
        link.Refresh();
        Assert.NotEqual(pipe, link.LinkTarget, StringComparer.Ordinal);
    }

    [Fact]
    public void A_refused_call_holds_no_handle()
    {
        SafeFileHandle first = File.OpenHandle("/dev/null");
        var link = new FileInfo($"/proc/self/fd/{first.DangerousGetHandle()}");
        Assert.Throws<ArgumentException>("read", () => Selector.Select(
            new OnSecond<SafeHandle>(first, () =>
            {
                first.Dispose();
                return null!;
            }), null, null, timeout: null));
        Assert.NotEqual("/dev/null", link.LinkTarget, StringComparer.Ordinal);
    }

    [Fact]
    public async Task A_socket_disposed_meanwhile_is_ready()
    {
        using var pair = new KernelPair();
        Task? disposing = null;
        var given = new OnSecond<Socket>(pair.Ours, () =>
        {
            disposing ??= Task.Run(pair.Ours.Dispose); // returns when the call has given the handle up
            return pair.Peer;
        });
        SelectResult<Socket> ready = await Threaded(() => Selector.Select(given, null, null, timeout: null)).Within("the disposal ends the wait");
        Assert.NotEmpty(ready.Read);
        await disposing!.Within("the socket is closed");
    }

    private static Task<T> Threaded<T>(Func<T> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Two objects; something happens when the second is asked for, which is when a call holds the first.</summary>
    private sealed class OnSecond<T>(T first, Func<T> second) : IReadOnlyList<T>
    {
        public int Count => 2;

        public T this[int index] => index == 0 ? first : second();

        public IEnumerator<T> GetEnumerator() => throw new NotSupportedException();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => throw new NotSupportedException();
    }
}
