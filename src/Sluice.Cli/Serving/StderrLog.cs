using Microsoft.Extensions.Logging;
using Sluice.Cli.Terminal;

namespace Sluice.Cli.Serving;

/// <summary>The library's log on stderr, a line an entry: <c>[sluice] warning: …</c>. What a handler threw shows its stack at debug only.</summary>
internal sealed class StderrLog(LogLevel least) : ILoggerFactory, ILogger
{
    // Notices and the drain's report, which the command prints itself, in its own language.
    private const int Noticed = 2;
    private const int Drained = 3;

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public bool IsEnabled(LogLevel logLevel) => logLevel >= least && logLevel != LogLevel.None;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel) || eventId.Id is Noticed or Drained)
        {
            return;
        }

        string line = formatter(state, exception);
        if (exception is not null)
        {
            line += least <= LogLevel.Debug ? $"\n{exception}" : $": {exception.GetType().Name}: {exception.Message.ReplaceLineEndings(" ")}";
        }

        string level = logLevel == LogLevel.Information ? "info" : logLevel.ToString().ToLowerInvariant();
        Lines.Notice($"{level}: {line}");
    }

    public void Dispose()
    {
    }
}
