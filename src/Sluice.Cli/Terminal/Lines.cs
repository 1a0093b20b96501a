using System.Text;

namespace Sluice.Cli.Terminal;

/// <summary>
/// What the command prints. Each line is one write(2), so lines of several threads never mix, and a reader sees a line whole. A pipe whose
/// reader has gone swallows what is written: serving goes on.
/// </summary>
internal static class Lines
{
    // The streams, not Console.Out: no terminal set-up, no encoder state, no buffer to flush.
    private static readonly Stream Stdout = Console.OpenStandardOutput();
    private static readonly Stream Stderr = Console.OpenStandardError();
    private static readonly Lock Writing = new();

    /// <summary>A line on stdout.</summary>
    public static void Out(string line) => Write(Stdout, line + "\n");

    /// <summary>Text without a line end on stdout: a prompt.</summary>
    public static void Prompt(string text) => Write(Stdout, text);

    /// <summary>A line of our own on stdout, among lines that a tutorial prescribes.</summary>
    public static void OutNotice(string line) => Write(Stdout, $"[sluice] {line}\n");

    /// <summary>A line for the operator, on stderr.</summary>
    public static void Notice(string line) => Write(Stderr, $"[sluice] {line}\n");

    /// <summary>An error, in one line on stderr: <c>sluice: SLU0005 cannot listen on …</c>.</summary>
    public static void Error(Exception error, bool withStack)
    {
        string line = error is SluiceException known
            ? $"sluice: {known.Id} {OneLine(known.Message)}\n"
            : $"sluice: {CliErrorIds.Unexpected} {error.GetType().Name}: {OneLine(error.Message)} (--log-level debug shows where)\n";
        Write(Stderr, withStack ? line + error + "\n" : line);
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private static void Write(Stream stream, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        lock (Writing)
        {
            try
            {
                stream.Write(bytes);
            }
            catch (IOException)
            {
                // Nobody reads. The exit code and the sockets still speak.
            }
        }
    }
}
