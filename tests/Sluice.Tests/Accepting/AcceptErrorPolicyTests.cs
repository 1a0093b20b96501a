using Sluice.Accepting;
using Sluice.Transports;

namespace Sluice.Tests.Accepting;

public sealed class AcceptErrorPolicyTests
{
    private static readonly Dictionary<AcceptError, string> Expected = new()
    {
        [AcceptError.WouldBlock] = "Retry",
        [AcceptError.Interrupted] = "Retry",
        [AcceptError.ConnectionAborted] = "Retry",
        [AcceptError.Protocol] = "Retry",
        [AcceptError.PendingNetworkError] = "Retry",
        [AcceptError.NotPermitted] = "Retry",
        [AcceptError.ProcessDescriptorLimit] = "BackOff",
        [AcceptError.SystemDescriptorLimit] = "BackOff",
        [AcceptError.NoBufferSpace] = "BackOff",
        [AcceptError.NoMemory] = "BackOff",
        [AcceptError.ListenerClosed] = "Stop",
        [AcceptError.NotAListener] = "Stop",
        [AcceptError.Other] = "BackOff",
    };

    public static TheoryData<AcceptError> Errors => [.. Enum.GetValues<AcceptError>().Where(error => error != AcceptError.None)];

    [Theory]
    [MemberData(nameof(Errors))]
    public void Every_error_is_decided_by_name(AcceptError error) => Assert.Equal(Expected[error], AcceptErrorPolicy.For(error).ToString());

    [Fact]
    public void An_error_that_nobody_knows_backs_off() => Assert.Equal(AcceptReaction.BackOff, AcceptErrorPolicy.For((AcceptError)9999));
}
