using Sluice.Datagrams;
using Sluice.Looping;
using Sluice.Native;

namespace Sluice.Models.Completion;

/// <summary>
/// The datagram sockets of a ring. The ring says when one is readable, and recvmmsg(2) and sendmmsg(2) move a batch with one call each, where a ring would have
/// an operation and a completion for every datagram: see decision 0014. For the loop's thread.
/// </summary>
internal sealed class RingDatagrams
{
    private readonly IoUring _ring;
    private readonly LoopDatagrams _datagrams;
    private readonly bool[] _isArmed; // a poll is in flight
    private readonly bool[] _hasEnded; // no handler has anything of it any more
    private bool _isStopping;

    public RingDatagrams(IoUring ring, LoopDatagrams datagrams)
    {
        (_ring, _datagrams) = (ring, datagrams);
        _isArmed = new bool[datagrams.Count];
        _hasEnded = new bool[datagrams.Count];
    }

    public int Count => _datagrams.Count;

    public bool IsOver => _datagrams.IsOver;

    public long NextLook => _isStopping ? long.MaxValue : _datagrams.NextLook;

    public DatagramReceiver this[ulong index] => _datagrams[(int)index];

    /// <summary>Waits for datagrams where they may be received.</summary>
    public void Look(long now)
    {
        for (int i = 0; i < _isArmed.Length && !_isStopping; i++)
        {
            if (!_isArmed[i] && _datagrams[i].MayReceive(now))
            {
                _isArmed[i] = true;
                _ring.PollOnce(_datagrams[i].Descriptor, RingToken.Of(RingOperation.Datagrams, (ulong)i));
            }
        }
    }

    /// <summary>One is readable, or its poll has ended otherwise. A batch is served, and the next waited for: the others have their turn before.</summary>
    public void OnReadable(ulong index, in RingCompletion completion, long now, bool mayServe)
    {
        int i = (int)index;
        _isArmed[i] = false;
        if (_isStopping)
        {
            Close(i);
            return;
        }

        if (mayServe && completion.Error != NativeError.Canceled)
        {
            _datagrams[i].Serve();
        }

        Look(now);
    }

    /// <summary>Receives no more. <paramref name="post"/> brings what it is given to the loop.</summary>
    public void Stop(Action<SendOrPostCallback> post)
    {
        _isStopping = true;
        for (int i = 0; i < _isArmed.Length; i++)
        {
            if (_isArmed[i])
            {
                _ring.Cancel(RingToken.Of(RingOperation.Datagrams, (ulong)i), RingToken.Of(RingOperation.CancelDatagrams, (ulong)i));
            }
        }

        _datagrams.Stop(receiver => post(_ => OnEnded(receiver)));
    }

    public void Dispose() => _datagrams.Dispose();

    private void OnEnded(DatagramReceiver receiver)
    {
        for (int i = 0; i < _hasEnded.Length; i++)
        {
            if (_datagrams[i] == receiver)
            {
                _hasEnded[i] = true;
                Close(i);
            }
        }
    }

    private void Close(int index)
    {
        if (_hasEnded[index] && !_isArmed[index])
        {
            _datagrams.Close(_datagrams[index]);
        }
    }
}
