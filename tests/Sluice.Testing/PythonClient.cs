using System.Diagnostics;

namespace Sluice.Testing;

/// <summary>A client in a process of its own, in Python: another user, or one that passes descriptors by code that is not ours.</summary>
public static class PythonClient
{
    // s is connected to the server; say(x) prints.
    private const string Prologue = """
        import array, os, socket, sys
        def say(text): print(text, flush=True)
        def connect():
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(20)
            while True:
                try:
                    s.connect(sys.argv[1].replace('@', chr(0), 1) if sys.argv[1][0] == '@' else sys.argv[1])
                    return s
                except BlockingIOError:
                    pass
        def line(s):
            text = b''
            while not text.endswith(b'\n'):
                text += s.recv(1) or exit('the server ended')
            return text.decode().strip()

        """;

    /// <summary>Runs <paramref name="script"/> to its end, and gives what it printed.</summary>
    public static async Task<string> RunAsync(string script, params string[] arguments)
    {
        using Process python = Process.Start(new ProcessStartInfo("python3", ["-c", Prologue + script, .. arguments]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            Task<string> errors = python.StandardError.ReadToEndAsync();
            string printed = await python.StandardOutput.ReadToEndAsync().Within("the client ended", TimeSpan.FromSeconds(60));
            await python.WaitForExitAsync().Within("the client ended");
            return python.ExitCode == 0 ? printed.Trim() : throw new InvalidOperationException($"The client failed: {await errors}");
        }
        catch (TimeoutException)
        {
            python.Kill();
            throw;
        }
    }
}
