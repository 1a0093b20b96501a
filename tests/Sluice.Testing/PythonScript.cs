using System.Diagnostics;

namespace Sluice.Testing;

/// <summary>A client or a tool in Python: another program, in another process. A Python that is missing fails the test.</summary>
public static class PythonScript
{
    /// <summary>Runs a script to its end, and gives what it printed.</summary>
    public static async Task<string> RunAsync(string script, params string[] arguments) => await RunAsync(script, TimeSpan.FromSeconds(60), arguments);

    /// <summary>The same, where it may take longer or not as long.</summary>
    public static async Task<string> RunAsync(string script, TimeSpan within, params string[] arguments)
    {
        using Process python = Process.Start(new ProcessStartInfo("python3", ["-u", "-c", script, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
        try
        {
            Task<string> errors = python.StandardError.ReadToEndAsync();
            string printed = await python.StandardOutput.ReadToEndAsync().Within("the script said everything", within);
            await python.WaitForExitAsync().Within("the script ended", within);
            return python.ExitCode == 0 ? printed : throw new InvalidOperationException($"python3 failed: {await errors}");
        }
        finally
        {
            if (!python.HasExited)
            {
                python.Kill();
            }
        }
    }
}
