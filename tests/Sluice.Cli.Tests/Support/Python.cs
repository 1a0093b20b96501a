using System.Diagnostics;
using System.Text;

namespace Sluice.Cli.Tests.Support;

/// <summary>Runs the tutorial's own Python, or what stands for it.</summary>
internal static class Python
{
    /// <summary>Runs a script to its end, and gives what it printed.</summary>
    public static async Task<string> RunAsync(string script, string[] arguments, string input = "")
    {
        using Process python = Start(script, arguments);
        await python.StandardInput.WriteAsync(input);
        python.StandardInput.Close();
        Task<string> errors = python.StandardError.ReadToEndAsync();
        string printed = await python.StandardOutput.ReadToEndAsync().WaitAsync(SluiceProcess.Patience);
        await python.WaitForExitAsync().WaitAsync(SluiceProcess.Patience);
        Assert.True(python.ExitCode == 0, $"python3 failed: {await errors}");
        return printed;
    }

    public static Process Start(string script, string[] arguments)
    {
        var start = new ProcessStartInfo("python3", ["-u", "-c", script, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            StandardOutputEncoding = new UTF8Encoding(false),
            StandardInputEncoding = new UTF8Encoding(false),
        };
        start.Environment["PYTHONIOENCODING"] = "utf-8";
        return Process.Start(start)!;
    }
}
