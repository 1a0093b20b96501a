using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using CsCheck;
using Microsoft.AspNetCore.Connections;
using Sluice.Connections;
using Sluice.Framing;
using Sluice.Tests.Support;
using Sluice.Transports.InMemory;

namespace Sluice.Tests.Framing;

public sealed class FrameReaderTests
{
    private static readonly LineFraming Lines = new();

    public static TheoryData<string> Formats => FormatCase.Names;

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_pipe_gives_the_frames_of_its_bytes_however_they_come(string name)
    {
        FormatCase format = FormatCase.Of(name);
        Gen.Select(format.Stream, Gen.Int[0, 900].Array[0, 12], Gen.Int[1, 64]).Sample((bytes, arrivals, segment) =>
            Assert.Equal(Expected(format.Format, bytes), Piped(format.Format, bytes, arrivals, segment)), iter: 200);
    }

    [Theory]
    [InlineData(PipeKind.Blocking)]
    [InlineData(PipeKind.Async)]
    public async Task A_connection_gives_frames_up_to_its_limit_of_unread_bytes(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind, new ConnectionSettings { MaxUnread = 10_000 });
        var reader = new FrameReader(connection.Input, Lines);
        Task sending = Task.Run(() =>
        {
            peer.SendAll([.. new byte[9_999], (byte)'\n']);
            peer.SendAll("last\n"u8.ToArray());
            peer.Shutdown(SocketShutdown.Send);
        });

        Assert.True(await reader.ReadAsync());
        Assert.Equal(9_999, reader.Frame.Length);
        Assert.True(await reader.ReadAsync());
        Assert.Equal("last"u8.ToArray(), reader.Frame.ToArray());
        Assert.False(await reader.ReadAsync());
        await sending;
    }

    [Theory]
    [InlineData(PipeKind.Blocking)]
    [InlineData(PipeKind.Async)]
    public async Task A_frame_beyond_the_connections_limit_of_unread_bytes_ends_it(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind, new ConnectionSettings { MaxUnread = 10_000 });
        Task sending = Task.Run(() => peer.Send(new byte[10_001], wait: true));
        await Assert.ThrowsAsync<ConnectionAbortedException>(async () => await new FrameReader(connection.Input, Lines).ReadAsync());
        Assert.Equal(CloseReason.UnreadLimit, connection.CloseReason);
        await sending;
    }

    [Fact]
    public async Task TryRead_gives_what_came_with_the_last_read_and_asks_for_no_more()
    {
        var pipe = new Pipe();
        var reader = new FrameReader(pipe.Reader, Lines);
        await pipe.Writer.WriteAsync("a\nb\nc"u8.ToArray());
        Assert.False(reader.TryRead());
        Assert.True(await reader.ReadAsync());
        Assert.Equal("a"u8.ToArray(), reader.Frame.ToArray());
        await pipe.Writer.WriteAsync("\n"u8.ToArray());
        Assert.True(reader.TryRead());
        Assert.Equal("b"u8.ToArray(), reader.Frame.ToArray());
        Assert.False(reader.TryRead());
        Assert.True(await reader.ReadAsync());
        Assert.Equal("c"u8.ToArray(), reader.Frame.ToArray());
    }

    [Fact]
    public async Task An_end_between_frames_stays_an_end_and_one_inside_a_frame_an_error()
    {
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync("a\n"u8.ToArray());
        await pipe.Writer.CompleteAsync();
        var reader = new FrameReader(pipe.Reader, Lines);
        Assert.True(await reader.ReadAsync());
        Assert.False(await reader.ReadAsync());
        Assert.False(await reader.ReadAsync());

        pipe = new Pipe();
        await pipe.Writer.WriteAsync("a\nb"u8.ToArray());
        await pipe.Writer.CompleteAsync();
        reader = new FrameReader(pipe.Reader, Lines);
        Assert.True(await reader.ReadAsync());
        for (int again = 0; again < 2; again++)
        {
            FramingException error = await Assert.ThrowsAsync<FramingException>(async () => await reader.ReadAsync());
            Assert.Equal(FramingError.Truncated, error.Reason);
        }
    }

    [Fact]
    public async Task A_cancelled_read_loses_nothing()
    {
        var pipe = new Pipe();
        var reader = new FrameReader(pipe.Reader, Lines);
        await pipe.Writer.WriteAsync("a\nb"u8.ToArray());
        pipe.Reader.CancelPendingRead();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await reader.ReadAsync());
        Assert.True(await reader.ReadAsync());
        Assert.Equal("a"u8.ToArray(), reader.Frame.ToArray());

        using var soon = new CancellationTokenSource();
        ValueTask<bool> waiting = reader.ReadAsync(soon.Token);
        Assert.False(waiting.IsCompleted);
        await soon.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waiting);

        await pipe.Writer.WriteAsync("c\n"u8.ToArray());
        Assert.True(await reader.ReadAsync());
        Assert.Equal("bc"u8.ToArray(), reader.Frame.ToArray());
    }

    [Fact]
    public void Waiting_for_frames_allocates_nothing()
    {
        var pipe = new Pipe(new PipeOptions(readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, useSynchronizationContext: false));
        var reader = new FrameReader(pipe.Reader, Lines);
        byte[] frame = "a frame\n"u8.ToArray();
        int read = 0;
        async Task ReadAllAsync()
        {
            while (await reader.ReadAsync())
            {
                read++;
            }
        }

        Task reading = ReadAllAsync();
        Assert.Equal(0, Allocated.By(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                Send(pipe, frame);
            }
        }));
        Assert.Equal(800, read);
        pipe.Writer.Complete();
        Assert.True(reading.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Frames_that_were_written_go_out_with_the_flush()
    {
        var pipe = new Pipe();
        var writer = new FrameWriter(pipe.Writer, Lines);
        writer.Write("a"u8);
        writer.Write(Segments.Of("bc"u8.ToArray(), 1));
        Assert.False(pipe.Reader.TryRead(out _));
        await writer.FlushAsync();
        await writer.WriteAsync("d"u8.ToArray());
        Assert.True(pipe.Reader.TryRead(out ReadResult sent));
        Assert.Equal("a\nbc\nd\n"u8.ToArray(), sent.Buffer.ToArray());
    }

    private static string Expected(FrameFormat format, byte[] bytes)
    {
        Decoded decoded = Decoded.Of(format, bytes);
        return Text(decoded.Frames, decoded.Error ?? (decoded.Left > 0 ? FramingError.Truncated : null));
    }

    // The reader and the writer take turns on this thread.
    private static string Piped(FrameFormat format, byte[] bytes, int[] arrivals, int segment)
    {
        using var memory = new TinyPool(segment);
        var pipe = new Pipe(new PipeOptions(memory, PipeScheduler.Inline, PipeScheduler.Inline, 0, 0, minimumSegmentSize: 1, useSynchronizationContext: false));
        var frames = new List<byte[]>();
        Task<FramingError?> reading = ReadAllAsync(new FrameReader(pipe.Reader, format), frames);
        int at = 0;
        foreach (int arrived in arrivals.Where(point => point < bytes.Length).Order().Append(bytes.Length))
        {
            Send(pipe, bytes.AsMemory(at..arrived));
            at = arrived;
        }

        pipe.Writer.Complete();
        Assert.True(reading.IsCompleted);
        pipe.Reader.Complete();
        return Text(frames, reading.Result);
    }

    private static void Send(Pipe pipe, ReadOnlyMemory<byte> bytes)
    {
        ValueTask<FlushResult> sent = pipe.Writer.WriteAsync(bytes);
        Assert.True(sent.IsCompletedSuccessfully);
    }

    private static async Task<FramingError?> ReadAllAsync(FrameReader reader, List<byte[]> frames)
    {
        try
        {
            while (await reader.ReadAsync())
            {
                frames.Add(reader.Frame.ToArray());
            }

            return null;
        }
        catch (FramingException error)
        {
            return error.Reason;
        }
    }

    private static string Text(List<byte[]> frames, FramingError? error) => $"{string.Join(' ', frames.Select(Convert.ToHexString))} | {error}";

    /// <summary>Segments of a few bytes, so that nearly every frame lies in several.</summary>
    private sealed class TinyPool(int size) : MemoryPool<byte>
    {
        public override int MaxBufferSize => size;

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1) => new Owner(new byte[size]);

        protected override void Dispose(bool disposing)
        {
        }

        private sealed class Owner(byte[] bytes) : IMemoryOwner<byte>
        {
            public Memory<byte> Memory => bytes;

            public void Dispose()
            {
            }
        }
    }
}
