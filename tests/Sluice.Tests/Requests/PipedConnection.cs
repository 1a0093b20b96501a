using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Sluice.Tests.Requests;

/// <summary>A connection over two pipes, all of it on the thread that sends and receives.</summary>
internal sealed class PipedConnection : DefaultConnectionContext, IDuplexPipe
{
    private readonly Pipe _in;
    private readonly Pipe _out;

    public PipedConnection(long pauseAt = 0)
    {
        _in = new(new PipeOptions(null, PipeScheduler.Inline, PipeScheduler.Inline, 0, 0, useSynchronizationContext: false));
        _out = new(new PipeOptions(null, PipeScheduler.Inline, PipeScheduler.Inline, pauseAt, pauseAt / 2, useSynchronizationContext: false));
        Transport = this;
        LocalEndPoint = new IPEndPoint(IPAddress.Loopback, 1);
        RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, 2);
    }

    public PipeReader Input => _in.Reader;

    public PipeWriter Output => _out.Writer;

    /// <summary>Sends to the handler, which goes on before this returns.</summary>
    public void Send(ReadOnlyMemory<byte> bytes)
    {
        ValueTask<FlushResult> sent = _in.Writer.WriteAsync(bytes);
        Assert.True(sent.IsCompletedSuccessfully);
    }

    /// <summary>Sends each piece as a segment of its own, all of them before the handler sees any.</summary>
    public void SendTogether(params byte[][] pieces)
    {
        foreach (byte[] piece in pieces)
        {
            // Room for a segment, of which the end is left unused: the next piece does not fit.
            piece.CopyTo(_in.Writer.GetSpan(4096));
            _in.Writer.Advance(piece.Length);
        }

        Send(default);
    }

    public void Finish() => _in.Writer.Complete();

    /// <summary>The client hears no more.</summary>
    public void Leave() => _out.Reader.Complete();

    /// <summary>What the handler has sent since the last time.</summary>
    public byte[] Received()
    {
        if (!_out.Reader.TryRead(out ReadResult read))
        {
            return [];
        }

        byte[] bytes = read.Buffer.ToArray();
        _out.Reader.AdvanceTo(read.Buffer.End);
        return bytes;
    }

    /// <summary>Takes what the handler has sent, without an allocation. How many bytes it was.</summary>
    public long Drop()
    {
        if (!_out.Reader.TryRead(out ReadResult read))
        {
            return 0;
        }

        long length = read.Buffer.Length;
        _out.Reader.AdvanceTo(read.Buffer.End);
        return length;
    }
}
