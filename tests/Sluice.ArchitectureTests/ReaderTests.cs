using Mono.Cecil;

namespace Sluice.ArchitectureTests;

/// <summary>The rules are only as good as the reader: it must see what hides in lambdas, state machines and generics.</summary>
public sealed class ReaderTests
{
    [Theory]
    [InlineData(nameof(InALambda))]
    [InlineData(nameof(InAStateMachine))]
    [InlineData(nameof(InAGenericArgument))]
    [InlineData(nameof(InAField))]
    [InlineData(nameof(InATypeTest))]
    public void A_use_is_seen_wherever_it_hides(string name) =>
        Assert.Contains(Uses.Of(Fixture(name)), used => used.Name == nameof(Version));

    [Fact]
    public void A_call_through_a_delegate_is_seen() =>
        Assert.Contains(Uses.CallsOf(Fixture(nameof(CallsADelegate))), call => (call.DeclaringType.Name, call.Name) is ("Action", "Invoke"));

    [Fact]
    public void What_is_not_used_is_not_seen() => Assert.DoesNotContain(Uses.Of(Fixture(nameof(CallsADelegate))), used => used.Name == nameof(Version));

    private static readonly ModuleDefinition Self = ModuleDefinition.ReadModule(typeof(ReaderTests).Assembly.Location);

    private static TypeDefinition Fixture(string name) => Self.GetType(typeof(ReaderTests).FullName).NestedTypes.Single(type => type.Name == name);

    private static class InALambda
    {
        public static Func<string> Made() => () => new Version(1, 2).ToString();
    }

    private static class InAStateMachine
    {
        public static async Task<string> MakeAsync()
        {
            await Task.Yield();
            return new Version(1, 2).ToString();
        }
    }

    private static class InAGenericArgument
    {
        public static int Count() => Array.Empty<KeyValuePair<int, Version>>().Length;
    }

    private sealed class InAField
    {
        public Version[]? Versions { get; set; }
    }

    private static class InATypeTest
    {
        public static bool Test(object value) => value is Version;
    }

    private static class CallsADelegate
    {
        public static void Call(Action action) => action();
    }
}
