namespace Sluice.Cli.Demos;

/// <summary>What the tutorial's servers and clients agree on.</summary>
internal static class DemoProtocol
{
    /// <summary>The most that one receive takes.</summary>
    public const int MessageLength = 1024;

    /// <summary>What the clients of process, thread and threadpool ask.</summary>
    public const string Request = "ls -al /home/wxh\n";
}
