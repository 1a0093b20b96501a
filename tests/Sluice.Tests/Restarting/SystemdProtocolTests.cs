using System.Globalization;
using Sluice.Transports.Passed;

namespace Sluice.Tests.Restarting;

/// <summary>The variables of sd_listen_fds(3) and sd_watchdog_enabled(3), without a descriptor behind them.</summary>
public sealed class SystemdProtocolTests
{
    private const int Process = 4711;

    [Fact]
    public void Passed_sockets_are_those_of_this_process_and_the_variables_go()
    {
        Dictionary<string, string?> variables = Variables("4711", "2", "web:admin");
        PassedSockets passed = Take(variables);
        Assert.Equal([(3, "web"), (4, "admin")], passed.Left);
        Assert.Empty(variables);
        Assert.Equal([4], passed.TakeNamed("admin"));
        Assert.Empty(passed.TakeNamed("admin"));
        passed.TakeNumber(3);
        Assert.Empty(passed.Left);
    }

    [Theory]
    [InlineData("4712", "2")]
    [InlineData(null, "2")]
    [InlineData("x", "2")]
    public void What_was_passed_to_another_process_is_left_alone(string? process, string count)
    {
        Dictionary<string, string?> variables = Variables(process, count, names: null);
        Assert.Empty(Take(variables).Left);
        Assert.Equal(count, variables["LISTEN_FDS"]);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void A_socket_without_a_name_is_unknown(string? names) => Assert.Equal([(3, "unknown")], Take(Variables("4711", "1", names)).Left);

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("many")]
    [InlineData(null)]
    public void A_count_that_is_none_passes_nothing(string? count) => Assert.Empty(Take(Variables("4711", count, names: null)).Left);

    [Theory]
    [InlineData("200000", null, 100)]
    [InlineData("200000", "4711", 100)]
    [InlineData("200000", "", 100)]
    [InlineData("200000", "4712", null)]
    [InlineData("0", null, null)]
    [InlineData("soon", null, null)]
    [InlineData(null, null, null)]
    public void The_heart_beats_twice_in_the_watchdog_s_time(string? microseconds, string? process, int? milliseconds)
    {
        var variables = new Dictionary<string, string?>(StringComparer.Ordinal) { ["WATCHDOG_USEC"] = microseconds, ["WATCHDOG_PID"] = process };
        Assert.Equal(milliseconds, SystemdNotifier.Heartbeat(variables.GetValueOrDefault, Process)?.TotalMilliseconds is { } got ? (int?)Convert.ToInt32(got, CultureInfo.InvariantCulture) : null);
    }

    private static PassedSockets Take(Dictionary<string, string?> variables) => PassedSockets.Take(variables.GetValueOrDefault, name => variables.Remove(name), Process);

    private static Dictionary<string, string?> Variables(string? process, string? count, string? names)
    {
        var all = new Dictionary<string, string?>(StringComparer.Ordinal) { ["LISTEN_PID"] = process, ["LISTEN_FDS"] = count, ["LISTEN_FDNAMES"] = names };
        foreach (string name in all.Keys.Where(name => all[name] is null).ToArray())
        {
            all.Remove(name);
        }

        return all;
    }
}
