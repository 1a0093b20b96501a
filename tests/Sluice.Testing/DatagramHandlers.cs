namespace Sluice.Testing;

/// <summary>Sends every datagram back.</summary>
public sealed class EchoDatagrams : DatagramHandler
{
    public override ValueTask OnDatagramAsync(DatagramContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.ReplyAsync(context.Payload);
    }
}

/// <summary>A function as a handler.</summary>
public sealed class DatagramFunction(Func<DatagramContext, ValueTask> function) : DatagramHandler
{
    public override ValueTask OnDatagramAsync(DatagramContext context) => function(context);
}
