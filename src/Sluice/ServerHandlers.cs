using System.Reflection;
using Microsoft.AspNetCore.Connections;
using Sluice.Transports;

namespace Sluice;

/// <summary>What a server calls: for connections, for datagrams, or both.</summary>
internal sealed class ServerHandlers(ConnectionDelegate? connections, DatagramHandler? datagrams)
{
    /// <summary>Null: it serves no connections.</summary>
    public ConnectionDelegate? Connections => connections;

    /// <summary>Null: it serves no datagrams.</summary>
    public DatagramHandler? Datagrams => datagrams;

    /// <summary>Whether what they serve shares memory (<see cref="SharesStateAttribute"/>).</summary>
    public bool SharesState { get; init; }

    /// <summary>Whether connections are handed to a program.</summary>
    public bool HandsOver { get; init; }

    /// <summary>Their names, for whoever reads a report.</summary>
    public string Name => (connections, datagrams) switch
    {
        ({ } connection, null) => NameOf(connection),
        (null, { } datagram) => datagram.GetType().Name,
        ({ } connection, { } datagram) => $"{NameOf(connection)} or {datagram.GetType().Name}",
        _ => "",
    };

    /// <summary>Of a handler of connections.</summary>
    public static ServerHandlers Of(ConnectionHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return new(handler.OnConnectedAsync, datagrams: null) { SharesState = OptionsCheck.SharesState(handler), HandsOver = handler is ExecHandler };
    }

    /// <summary>Of a handler of datagrams.</summary>
    public static ServerHandlers Of(DatagramHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return new(connections: null, handler) { SharesState = OptionsCheck.SharesState(handler) };
    }

    /// <summary>Of both.</summary>
    public static ServerHandlers Of(ConnectionHandler connections, DatagramHandler datagrams)
    {
        ArgumentNullException.ThrowIfNull(connections);
        ArgumentNullException.ThrowIfNull(datagrams);
        return new(connections.OnConnectedAsync, datagrams)
        {
            SharesState = OptionsCheck.SharesState(connections) || OptionsCheck.SharesState(datagrams),
            HandsOver = connections is ExecHandler,
        };
    }

    /// <summary>Whether there is one for what comes over such a transport.</summary>
    public bool Serve(TransportKind kind) => kind == TransportKind.Stream ? connections is not null : datagrams is not null;

    // A lambda is told by the method that it was written in: Program.Main, of <>c.<Main>b__0_0.
    private static string NameOf(ConnectionDelegate handler)
    {
        if (handler.Target is ConnectionHandler typed)
        {
            return typed.GetType().Name;
        }

        MethodInfo method = handler.Method;
        Type? type = method.DeclaringType;
        while (type is { DeclaringType: not null } && type.Name.StartsWith('<'))
        {
            type = type.DeclaringType;
        }

        string name = method.Name.StartsWith('<') && method.Name.IndexOf('>', StringComparison.Ordinal) is > 1 and int end ? method.Name[1..end] : method.Name;
        return type is null ? name : $"{type.Name}.{name}";
    }
}
