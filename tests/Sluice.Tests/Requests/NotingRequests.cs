using System.Buffers;
using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Sluice.Tests.Requests;

/// <summary>Answers with the request, and notes what else it was told.</summary>
internal sealed class NotingRequests : RequestHandler
{
    public int Length { get; private set; }

    public int Calls { get; private set; }

    public EndPoint? Remote { get; private set; }

    public EndPoint? Local { get; private set; }

    public CancellationToken Aborted { get; private set; }

    public bool WasDatagram { get; private set; }

    public ConnectionContext? Connection { get; private set; }

    public DatagramContext? Datagram { get; private set; }

    public override ValueTask HandleAsync(RequestContext context)
    {
        (Length, Remote, Local, Aborted) = (context.Request.Length, context.RemoteEndPoint, context.LocalEndPoint, context.Aborted);
        (WasDatagram, Connection, Datagram) = (context.IsDatagram, context.Connection, context.Datagram);
        Calls++;
        context.Response.Write(context.Request.Span);
        return default;
    }
}
