using System.Buffers.Binary;
using System.Text;
using Sluice;

DirectoryInfo folder = Directory.CreateDirectory("received");
await using SocketServer server = SocketServer.CreateBuilder().Listen(args.FirstOrDefault("tcp://127.0.0.1:12307")).UseModel("thread").Handle(async connection =>
{
    Stream input = connection.Transport.Input.AsStream();
    var buffer = new byte[65536];
    while (await input.ReadAtLeastAsync(buffer.AsMemory(0, 48), 48, throwOnEndOfStream: false) == 48) // name[36], padding[4], size[8]
    {
        string name = Path.GetFileName(Encoding.UTF8.GetString(buffer, 0, 36).Trim('\0'));
        long left = BinaryPrimitives.ReadInt64LittleEndian(buffer.AsSpan(40));
        using FileStream file = File.Create(Path.Combine(folder.FullName, name));
        for (Memory<byte> piece; left > 0; left -= piece.Length)
        {
            piece = buffer.AsMemory(0, (int)Math.Min(left, buffer.Length));
            await input.ReadExactlyAsync(piece); // throws when the sender leaves in the middle: only this connection ends
            file.Write(piece.Span);
        }
    }
}).Build();

server.Events.StateChanged += state => Console.WriteLine($"{state} {server.LocalUrls[0]}");
await server.RunAsync();
