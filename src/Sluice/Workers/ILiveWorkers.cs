namespace Sluice.Workers;

/// <summary>Worker processes whose connections are not told of one by one, for their server's drain. From any thread.</summary>
internal interface ILiveWorkers
{
    /// <summary>Asks all to end their connections until <paramref name="deadline"/> (TickCount64), and then themselves. An earlier one may follow.</summary>
    void RequestDrain(long deadline);

    /// <summary>The deadline has passed: cuts what is left, and kills what does not end even so.</summary>
    void Cut();

    /// <summary>The connections that have ended by themselves in the drain, and those that were cut.</summary>
    (int Ended, int Cut) Drained { get; }
}
