using Sluice.Native;
using Sluice.Workers;

namespace Sluice.Models.Processes;

/// <summary>What one worker of <c>process</c> serves, as its master sees it: a connection or a datagram.</summary>
internal interface IPassed
{
    /// <summary>Who serves it; null before anybody does. From any thread.</summary>
    WorkerProcess? Worker { get; set; }

    /// <summary>Passes it to a worker that stands by. False: that one cannot have it.</summary>
    bool TryPass(WorkerProcess worker);

    /// <summary>The worker has said something; true when it was how this ended. On the supervisor's thread.</summary>
    bool Hear(in WorkerMessage message);

    /// <summary>The worker's process has ended, perhaps without a word. On the supervisor's thread.</summary>
    void WorkerEnded(WorkerProcess worker, ChildExit exit, Supervisor supervisor);
}
