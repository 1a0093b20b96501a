using System.Net.Sockets;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

public sealed class Addresses
{
    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task An_address_in_use_is_refused_by_id_and_the_first_server_serves_on(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer first = await cell.StartAsync(Handlers.Echo);
        SocketServer second = cell.Build(Handlers.Echo, options => options.Listen.Add(first.Url.ToString()));
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(second.StartAsync);
        Assert.Equal(ErrorIds.AddressInUse, error.Id);
        await second.DisposeAsync();
        await first.AssertServesAsync();
    });

    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public Task A_Unix_path_that_is_too_long_is_refused_by_id(string model) => Cell.RunAsync(model, "unix", async cell =>
    {
        SocketServer server = cell.Build(Handlers.Echo, options => options.Listen.Add($"unix:///tmp/{new string('x', 104)}"));
        Assert.Equal(ErrorIds.UnixPathTooLong, (await Assert.ThrowsAsync<SluiceException>(server.StartAsync)).Id);
        await server.DisposeAsync();
    });

    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public Task A_socket_file_is_removed_only_when_nobody_listens_and_when_the_server_ends(string model) => Cell.RunAsync(model, "unix", async cell =>
    {
        string url = cell.NewUrl();
        string path = url["unix://".Length..];
        var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        dead.Bind(new UnixDomainSocketEndPoint(path)); // bound, nobody listens: as after kill -9
        await using (RunningServer server = await cell.StartAsync(Handlers.Echo, options => options.Listen.Add(url)))
        {
            await server.AssertServesAsync();
            SocketServer second = cell.Build(Handlers.Echo, options => options.Listen.Add(url));
            Assert.Equal(ErrorIds.AddressInUse, (await Assert.ThrowsAsync<SluiceException>(second.StartAsync)).Id);
            await second.DisposeAsync();
            Assert.True(File.Exists(path), "the second server removed the first one's file");
            await server.AssertServesAsync();
        }

        Assert.False(File.Exists(path), "the file outlived its server");
        await File.WriteAllTextAsync(path, "precious");
        SocketServer third = cell.Build(Handlers.Echo, options => options.Listen.Add(url));
        Assert.Equal(ErrorIds.CannotBind, (await Assert.ThrowsAsync<SluiceException>(third.StartAsync)).Id);
        await third.DisposeAsync();
        Assert.Equal("precious", await File.ReadAllTextAsync(path));
        File.Delete(path);
        dead.Dispose();
    });
}
