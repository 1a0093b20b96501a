using System.Net;
using Sluice.Accepting;
using Sluice.Datagrams;
using Sluice.Diagnostics;
using Sluice.Native;
using Sluice.Transports;
using Sluice.Workers;

namespace Sluice.Models.Processes;

/// <summary>What a worker of <c>process</c> does: waits for its one connection or datagram, serves it on this thread, and tells how it ended.</summary>
internal sealed class PassedModel(WorkerRole role) : ConcurrencyModel
{
    public override string Name => "process";

    public override ModelCapabilities Capabilities { get; } = new ProcessModel().Capabilities;

    internal override Task RunAsync(ServerContext server, CancellationToken stop)
    {
        role.Link.TrySend(new WorkerMessage(WorkerMessageKind.Ready));
        switch (role.Next(out int[] descriptors))
        {
            case { Kind: WorkerMessageKind.Serve } message when descriptors is [int descriptor]:
                role.HearOn();
                Serve(server, SocketAddressUrl.Parse(message.Text), StreamDescriptor.Adopt(descriptor));
                break;
            case { Kind: WorkerMessageKind.ServeDatagram } message when descriptors is [int descriptor, int file]:
                role.HearOn();
                ServeDatagram(server, DatagramListener.Adopt(SocketAddressUrl.Parse(message.Text), descriptor), new OpenFile(file), (int)message.First);
                break;
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
        role.Link.TrySend(WorkerMessage.Ended(ended.Reason, ended.BytesReceived, ended.BytesSent, Describe(ended.Failure)));
    }

    private void ServeDatagram(ServerContext server, DatagramListener listener, OpenFile file, int length)
    {
        DatagramBuffer? received;
        using (file)
        {
            received = DatagramFile.TryRead(file, length);
        }

        if (received is null)
        {
            return;
        }

        Exception? failure = null;
        server.Events.DatagramFailed += failed => failure = failed.Failure;
        server.Gate.TryTake(); // a drain waits for it
        using var receiver = new DatagramReceiver(listener, server, waits: true);
        var datagram = new ReceivedDatagram(receiver, received);
        datagram.Begin(DatagramBuffer.PayloadOffset, received.Length, isLast: true);
        server.DatagramRunner!.Run(datagram);
        DatagramTraffic traffic = listener.Traffic;
        role.Link.TrySend(WorkerMessage.DatagramEnded(traffic.Sent, traffic.BytesSent, traffic.NotSent, Describe(failure)));
        server.Gate.GiveBack();
    }

    private static string Describe(Exception? failure) => failure is null ? "" : $"{failure.GetType().Name}: {failure.Message}";
}
