using System.Net;
using Sluice.Accepting;
using Sluice.Diagnostics;
using Sluice.Native;
using Sluice.Transports;
using Sluice.Workers;

namespace Sluice.Models.Processes;

/// <summary>What a worker of <c>process</c> does: waits for its one connection, serves it on this thread, and tells how it ended.</summary>
internal sealed class PassedModel(WorkerRole role) : ConcurrencyModel
{
    public override string Name => "process";

    public override ModelCapabilities Capabilities { get; } = new ProcessModel().Capabilities;

    internal override Task RunAsync(ServerContext server, CancellationToken stop)
    {
        role.Link.TrySend(new WorkerMessage(WorkerMessageKind.Ready));
        if (role.Next(out int[] descriptors) is { Kind: WorkerMessageKind.Serve } message && descriptors is [int descriptor])
        {
            role.HearOn();
            Serve(server, SocketAddressUrl.Parse(message.Text), StreamDescriptor.Adopt(descriptor));
        }

        return Task.CompletedTask;
    }

    private void Serve(ServerContext server, SocketAddressUrl url, StreamDescriptor stream)
    {
        ConnectionEnded ended = default;
        void Note(ConnectionEnded how) => ended = how;
        server.Events.ConnectionEnded += Note;
        server.Gate.TryTake();
        EndPoint? unixEndPoint = url.Path.Length > 0 ? url.ToUnixEndPoint() : null;
        KernelStreamSocket socket = unixEndPoint is not null && server.Options.Sockets.PassDescriptors
            ? new PassingStreamSocket(stream, unixEndPoint)
            : new KernelStreamSocket(stream, unixEndPoint);
        server.Runner.Run(new DistantListener(url), socket);
        server.Events.ConnectionEnded -= Note;
        string failure = ended.Failure is { } error ? $"{error.GetType().Name}: {error.Message}" : "";
        role.Link.TrySend(WorkerMessage.Ended(ended.Reason, ended.BytesReceived, ended.BytesSent, failure));
    }
}
