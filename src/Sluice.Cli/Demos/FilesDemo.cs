using Microsoft.AspNetCore.Connections;
using Sluice.Cli.Terminal;
using Sluice.Files;

namespace Sluice.Cli.Demos;

/// <summary>The tutorial's server that receives files, a thread per sender, senders side by side.</summary>
internal sealed class FilesDemo : Demo
{
    /// <summary>Where files go unless told otherwise; made when it is missing.</summary>
    public const string DefaultDirectory = "./received";

    private readonly FileReceiverHandler _receiver;

    public FilesDemo(string? directory)
    {
        if (directory is null)
        {
            MakeDefaultDirectory();
        }

        _receiver = new FileReceiverHandler(new FileReceiverOptions { Directory = directory ?? DefaultDirectory }, new Observer(this));
    }

    public override Task OnConnectedAsync(ConnectionContext connection) => _receiver.OnConnectedAsync(connection);

    protected override void Watch(SocketServer server)
    {
        server.Events.Accepting += () => Printer.Print("waiting for a connection", "开始进入监听状态");
        server.Events.ConnectionAccepted += accepted => PrintBoth($"Connected by  {PythonText.Address(accepted.RemoteEndPoint)}");
    }

    protected override void Dispose(bool disposing) => _receiver.Dispose();

    private static void MakeDefaultDirectory()
    {
        try
        {
            Directory.CreateDirectory(DefaultDirectory);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(FileErrorIds.DirectoryUnusable, $"cannot make {DefaultDirectory} to receive into: {error.Message}; name a directory with --dir");
        }
    }

    private void PrintBoth(string line) => Printer.Print(line, line);

    private sealed class Observer(FilesDemo demo) : FileReceiverObserver
    {
        public override void OnStarted(ReceivingFile file)
        {
            demo.PrintBoth($"****filename: {file.NameAsSent}");
            demo.Printer.Print($"file name: {file.Path} , file size: {file.Size}", $"文件名称: {file.Path} , 文件大小: {file.Size}");
            demo.Printer.Print("receiving the content", "开始传输文件内容");
        }

        public override void OnCompleted(ReceivingFile file) => demo.PrintBoth("receive done");

        public override void OnCutShort(ReceivingFile file, long received, string? partialPath, Refusal reason) =>
            Lines.Notice($"{reason.Id} {reason.Message}; {received} of {file.Size} bytes came{(partialPath is null ? "" : $" and are kept in {partialPath}")}");

        public override void OnWarned(ConnectionContext connection, Refusal warning) => Lines.Notice($"{warning.Id} {warning.Message}");

        public override void OnRefused(ConnectionContext connection, ReceivingFile? file, Refusal reason) => Lines.Notice($"{reason.Id} {reason.Message}");
    }
}
