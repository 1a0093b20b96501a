namespace Sluice.Native;

/// <summary>What a receive or a send came to: a count of bytes, or a named error.</summary>
internal readonly struct SocketResult
{
    // One word: a count of 0 or more, or the error negated. It travels in a register.
    private readonly int _value;

    private SocketResult(int value) => _value = value;

    public static SocketResult Of(int count) => new(count);

    public static SocketResult Failed(NativeError error) => new(-(int)error);

    public bool Succeeded => _value >= 0;

    /// <summary>Bytes moved; 0 from a receive is the peer's FIN. Only when <see cref="Succeeded"/>.</summary>
    public int Count => _value;

    public NativeError Error => _value < 0 ? (NativeError)(-_value) : NativeError.None;

    public override string ToString() => Succeeded ? $"{_value} bytes" : Error.ToString();
}
