using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Sluice.Files;

/// <summary>One connection of a receiver: reads, asks the machine, and does what it says to the store.</summary>
internal sealed class Reception : IDisposable
{
    private readonly ConnectionContext _connection;
    private readonly TimeProvider _clock;
    private readonly FileStore _store;
    private readonly FileReceiverObserver _observer;
    private readonly V1Receiver _machine;
    private readonly IConnectionUnit? _unit;
    private ReceivingFile? _file;
    private IncomingFile? _incoming;
    private bool _insideUnit;

    public Reception(ConnectionContext connection, FileReceiverOptions options, FileStore store, FileReceiverObserver observer)
    {
        _connection = connection;
        _clock = options.TimeProvider;
        _store = store;
        _observer = observer;
        _machine = new V1Receiver(options.Layout, options.MaxFileSize);
        _unit = connection.Features.Get<IConnectionUnit>();
    }

    private bool IsDraining =>
        _connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested.IsCancellationRequested ?? false;

    /// <summary>
    /// Whether a stream that ended was cut rather than closed by the sender: a reset is no end mark, so nothing may be published for it.
    /// </summary>
    private bool IsBroken =>
        _connection.Features.Get<IConnectionCloseReason>()?.CloseReason is not (null or CloseReason.None or CloseReason.Completed);

    public async Task RunAsync()
    {
        try
        {
            PipeReader input = _connection.Transport.Input;
            bool goOn = true;
            while (goOn)
            {
                goOn = _machine.WantsSilence ? await ReadOrSilenceAsync(input) : Take(input, await input.ReadAsync());
            }
        }
        catch (SluiceException error)
        {
            Refuse(new Refusal(error.Id, error.Message));
        }
        catch (Exception error) when (error is IOException or ConnectionAbortedException)
        {
            // The sender reset the connection, or our side cut it: a file ends as it does when the sender leaves.
            CutShort(new Refusal(FileErrorIds.CutShort, $"the connection broke: {OneLine(error.Message)}"));
        }
    }

    /// <summary>Keeps a file that no end was told of, when an exception passes through.</summary>
    public void Dispose()
    {
        _ = _incoming?.KeepPartial();
        _incoming?.Dispose();
    }

    /// <summary>Reads with the machine's deadline. The 40 bytes before it are consumed and nothing is unread, so a cancelled read loses nothing.</summary>
    private async ValueTask<bool> ReadOrSilenceAsync(PipeReader input)
    {
        using var silence = new CancellationTokenSource(V1Receiver.SilenceLimit, _clock);
        ReadResult result;
        try
        {
            result = await input.ReadAsync(silence.Token);
        }
        catch (OperationCanceledException) when (silence.IsCancellationRequested && !_connection.ConnectionClosed.IsCancellationRequested)
        {
            long nothing = 0;
            return Do(_machine.OnSilence(), default) && Turn(default, ended: false, ref nothing);
        }

        return Take(input, result);
    }

    /// <summary>Takes one read's bytes. False: the connection is over.</summary>
    private bool Take(PipeReader input, in ReadResult result)
    {
        ReadOnlySequence<byte> buffer = result.Buffer;
        if (!buffer.IsEmpty && !_insideUnit)
        {
            _insideUnit = true;
            _unit?.BeginUnit();
        }

        bool broken = result.IsCompleted && IsBroken;
        bool goOn;
        long consumed = 0;
        try
        {
            goOn = Turn(buffer, result.IsCompleted && !broken, ref consumed);
        }
        finally
        {
            input.AdvanceTo(buffer.GetPosition(consumed), buffer.End);
        }

        if (_incoming is not null && consumed > 0)
        {
            _observer.OnProgress(_file!, _incoming.Length);
        }

        if (goOn && broken)
        {
            CutShort(new Refusal(FileErrorIds.CutShort, $"the connection broke ({_connection.Features.Get<IConnectionCloseReason>()!.CloseReason})"));
            return false;
        }

        return goOn;
    }

    /// <summary>Asks the machine until it needs more.</summary>
    private bool Turn(in ReadOnlySequence<byte> buffer, bool ended, ref long consumed)
    {
        while (true)
        {
            ReadOnlySequence<byte> unread = buffer.Slice(consumed);
            V1Step step = _machine.Next(unread, ended);
            consumed += step.Consumed;
            if (!Do(step, unread))
            {
                return false;
            }

            if (step.Kind == V1StepKind.NeedMore)
            {
                return true;
            }

            if (step.Kind == V1StepKind.EndFile && !NextUnit(moreUnread: consumed < buffer.Length))
            {
                return false;
            }
        }
    }

    /// <summary>Carries one decision out. False: the connection is over.</summary>
    private bool Do(in V1Step step, in ReadOnlySequence<byte> unread)
    {
        switch (step.Kind)
        {
            case V1StepKind.BeginFile:
                Begin(step.File!);
                return true;

            case V1StepKind.Content:
                foreach (ReadOnlyMemory<byte> piece in unread.Slice(0, step.Consumed))
                {
                    _incoming!.Write(piece.Span);
                }

                return true;

            case V1StepKind.EndFile:
                _incoming!.Publish();
                _incoming.Dispose();
                _incoming = null;
                _observer.OnCompleted(_file!);
                _file = null;
                return true;

            case V1StepKind.Refuse:
                throw step.Refusal!.ToException(); // so that the read is given back before the connection is reset

            case V1StepKind.CutShort:
                CutShort(step.Refusal!);
                return false;

            default:
                return step.Kind == V1StepKind.NeedMore;
        }
    }

    private void Begin(V1File file)
    {
        _file = new ReceivingFile(_connection, file.NameAsSent, file.Name, _store.PathOf(file.Name), file.Size, file.Layout);
        if (file.NameMayBeCut)
        {
            _observer.OnWarned(_connection, new(FileErrorIds.NameMayBeCut, $"the name {Quoted.Text(file.NameAsSent)} fills all {V1Header.NameLength} bytes: the sender may have cut it, have it send the last component only"));
        }

        _incoming = _store.Create(file.Name, file.Size);
        _observer.OnStarted(_file);
    }

    /// <summary>The published file's unit ends; the next begins at once when its first byte is here. False when the server drains.</summary>
    private bool NextUnit(bool moreUnread)
    {
        _insideUnit = false;
        _unit?.EndUnit();
        if (IsDraining)
        {
            return false;
        }

        if (moreUnread)
        {
            _insideUnit = true;
            _unit?.BeginUnit();
        }

        return true;
    }

    /// <summary>Drops the file, and resets the connection: v1 has no reply, so a reset is the only way to tell the sender.</summary>
    private void Refuse(Refusal reason)
    {
        _incoming?.Dispose();
        _incoming = null;
        _observer.OnRefused(_connection, _file, reason);
        _connection.Abort(new ConnectionAbortedException(reason.Message));
    }

    private void CutShort(Refusal reason)
    {
        if (_incoming is null)
        {
            // Between files a broken connection is nothing but its end.
            if (_insideUnit)
            {
                _observer.OnRefused(_connection, _file, reason);
            }

            return;
        }

        long received = _incoming.Length;
        string? partial = _incoming.KeepPartial();
        _incoming.Dispose();
        _incoming = null;
        _observer.OnCutShort(_file!, received, partial is null ? null : _store.PathOf(partial), reason);
    }

    private static string OneLine(string message) => string.Concat(message.Select(c => Quoted.Acts(c) ? ' ' : c));
}
