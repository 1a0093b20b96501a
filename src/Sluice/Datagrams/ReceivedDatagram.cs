using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Sluice.Native;

namespace Sluice.Datagrams;

/// <summary>
/// A datagram with what it was received into. It is rented from its receiver, which gets it back when its handler has ended. One thread at a time has it, but
/// for the replies.
/// </summary>
internal sealed class ReceivedDatagram : DatagramContext, IThreadPoolWorkItem
{
    private static readonly SocketAddress NoAddress = new(AddressFamily.Unspecified, sizeof(ushort)) { Size = 0 };

    private readonly Action _ended;
    private int _offset;
    private int _length;
    private bool _isLast;
    private SocketAddress? _remote; // made once, and filled when it is asked for
    private bool _hasRemote;
    private EndPoint? _remoteEndPoint;
    private EndPoint? _localEndPoint;
    private ValueTask _task;

    public ReceivedDatagram(DatagramReceiver receiver, DatagramBuffer buffer)
    {
        Receiver = receiver;
        Buffer = buffer;
        _ended = OnEnded;
    }

    public DatagramReceiver Receiver { get; }

    /// <summary>What it was received into.</summary>
    public DatagramBuffer Buffer { get; }

    public override ReadOnlyMemory<byte> Payload => Buffer.Array.AsMemory(_offset, _length);

    /// <summary>Its length in bytes.</summary>
    public int Length => _length;

    public override bool IsTruncated => Buffer.IsTruncated && _isLast;

    public override SocketAddress RemoteAddress
    {
        get
        {
            if (!_hasRemote)
            {
                _hasRemote = true;
                ReadOnlySpan<byte> name = Buffer.Name;
                if (name.Length == 0)
                {
                    _remote = NoAddress;
                }
                else
                {
                    if (_remote is null || ReferenceEquals(_remote, NoAddress))
                    {
                        _remote = new SocketAddress(AddressFamily.Unspecified, DatagramBuffer.NameRoom);
                    }

                    _remote.Size = name.Length;
                    name.CopyTo(_remote.Buffer.Span);
                }
            }

            return _remote!;
        }
    }

    public override EndPoint? RemoteEndPoint => _remoteEndPoint ??= DatagramAddresses.ToEndPoint(Buffer.Name);

    public override EndPoint LocalEndPoint
    {
        get
        {
            if (_localEndPoint is null)
            {
                EndPoint bound = Receiver.Listener.LocalEndPoint;
                ReadOnlySpan<byte> address = Buffer.LocalAddress;
                _localEndPoint = address.Length > 0 && bound is IPEndPoint { Port: var port } ? new IPEndPoint(DatagramAddresses.ToAddress(address), port) : bound;
            }

            return _localEndPoint;
        }
    }

    public override DateTimeOffset ReceivedAt
    {
        get
        {
            Receiver.Listener.AskForTime();
            return DateTimeOffset.UnixEpoch.AddTicks(Buffer.Nanoseconds / TimeSpan.NanosecondsPerTick);
        }
    }

    public override UnixCredentials? Credentials =>
        Receiver.Listener.Traits.IsUnix && Buffer.Credentials is { } sender ? new UnixCredentials(sender.Process, sender.User, sender.Group) : null;

    public override CancellationToken Stopping => Receiver.Stopping;

    public override IDatagramSender Sender => Receiver;

    public override ValueTask ReplyAsync(ReadOnlyMemory<byte> payload)
    {
        Receiver.Reply(Buffer, payload);
        return ValueTask.CompletedTask;
    }

    public override ValueTask SendToAsync(ReadOnlyMemory<byte> payload, SocketAddress peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        Receiver.SendTo(peer, payload.Span);
        return ValueTask.CompletedTask;
    }

    /// <summary>Makes it the datagram that begins at <paramref name="offset"/> of what was received; <paramref name="isLast"/>: nothing follows there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Begin(int offset, int length, bool isLast)
    {
        (_offset, _length, _isLast) = (offset, length, isLast);
        _hasRemote = false;
        (_remoteEndPoint, _localEndPoint) = (null, null);
    }

    /// <summary>The handler waits: it is told when that is over, on whatever thread, and goes back to the receiver.</summary>
    public void Await(ValueTask task)
    {
        _task = task;
        Receiver.Leaves();
        try
        {
            task.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(_ended);
        }
        catch
        {
            _task = default;
            Receiver.ComesBack();
            throw;
        }
    }

    /// <summary>Runs the handler on a thread of the .NET pool.</summary>
    public void Execute() => Receiver.Runner.Enter(static state =>
    {
        var datagram = (ReceivedDatagram)state!;
        DatagramReceiver receiver = datagram.Receiver;
        if (receiver.Runner.TryRun(datagram))
        {
            receiver.Return(datagram);
        }
        else
        {
            receiver.ComesBack(); // it was counted when it was dispatched, and once more now that it waits
        }
    }, this);

    private void OnEnded()
    {
        ValueTask task = _task;
        _task = default;
        Receiver.Runner.End(this, task);
        Receiver.Return(this);
    }
}
