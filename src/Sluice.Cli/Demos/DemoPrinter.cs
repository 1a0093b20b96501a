using Sluice.Cli.Terminal;

namespace Sluice.Cli.Demos;

/// <summary>Prints a demo's lines in its language, none before the listening line.</summary>
internal sealed class DemoPrinter(Language language) : IDisposable
{
    private readonly ManualResetEventSlim _announced = new();

    /// <summary>The listening line is out: prints <paramref name="opening"/>, and whoever waits to print goes on.</summary>
    public void Announce((string English, string Chinese)? opening)
    {
        if (opening is { } line)
        {
            Lines.Out(language.Say(line.English, line.Chinese));
        }

        _announced.Set();
    }

    /// <summary>Prints a line of the tutorial.</summary>
    public void Print(string english, string chinese)
    {
        _announced.Wait();
        Lines.Out(language.Say(english, chinese));
    }

    /// <summary>Prints a line of ours among those of the tutorial.</summary>
    public void Notice(string line)
    {
        _announced.Wait();
        Lines.OutNotice(line);
    }

    public void Dispose() => _announced.Dispose();
}
