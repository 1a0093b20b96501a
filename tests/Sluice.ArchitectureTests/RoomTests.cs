using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Sluice.ArchitectureTests;

public sealed class RoomTests
{
    // They put models, transports and options together; nobody else may know both sides.
    private static readonly string[] Composition =
        ["SocketServer", "SocketServerBuilder", "SocketClient", "OptionsCheck", "BuiltInTransports", "DescriptorRoom", "RunningModels", "ServerHandlers", "ServedAddress"];

    // The transport and model rooms hold contracts beside what implements them.
    private static readonly string[] ContractRooms = ["Sluice", "Sluice.Models", "Sluice.Transports"];

    private static readonly string[] ServerRooms =
        ["Sluice.Accepting", "Sluice.Connections", "Sluice.Diagnostics", "Sluice.Looping", "Sluice.Models", "Sluice.Programs", "Sluice.Restarting", "Sluice.Transports", "Sluice.Workers", "Sluice.Native"];

    // Connections.Abstractions brings Features.
    private static readonly string[] ContractImports =
        ["Microsoft.AspNetCore.Connections.Abstractions", "Microsoft.Extensions.Features", "Microsoft.Extensions.Logging.Abstractions", "Sluice"];

    [Fact]
    public void Contracts_import_only_the_BCL_and_the_two_abstractions() => Rule.Holds(1,
        "Contracts import only the BCL, Connections.Abstractions and Logging.Abstractions.",
        Contracts().SelectMany(type => Uses.Of(type)
            .Where(used => !IsBcl(used) && !ContractImports.Contains(AssemblyOf(used), StringComparer.Ordinal))
            .Select(used => $"{type.FullName} uses {used.FullName} of {AssemblyOf(used)}")));

    [Fact]
    public void Contracts_name_no_concrete_model_or_transport() => Rule.Holds(2,
        "Contracts never name a concrete model or transport; ConcurrencyModels, the registry, names the models.",
        Contracts().Where(type => type.Name != "ConcurrencyModels").SelectMany(type => Uses.Of(type)
            .Where(used => FolderOf(used, "Sluice.Models") is not null || FolderOf(used, "Sluice.Transports") is not null)
            .Select(used => $"{type.FullName} uses {used.FullName}")));

    [Fact]
    public void Models_never_use_a_concrete_transport() => Rule.Holds(3,
        "Models never import Transports.<X>.",
        Assemblies.Library.Declared().Where(type => type.IsIn("Sluice.Models")).SelectMany(type => Uses.Of(type)
            .Where(used => FolderOf(used, "Sluice.Transports") is not null)
            .Select(used => $"{type.FullName} uses {used.FullName}")));

    [Fact]
    public void Transports_never_use_models() => Rule.Holds(4,
        "Transports never import Models, nor what is above them: Accepting, Connections, Diagnostics.",
        Edges("Sluice.Transports", "Sluice.Models", "Sluice.Accepting", "Sluice.Connections", "Sluice.Diagnostics"));

    [Fact]
    public void Connections_know_neither_who_accepts_nor_who_serves_them() => Rule.Holds(5,
        "Connections import neither Accepting, Models nor Diagnostics.",
        Edges("Sluice.Connections", "Sluice.Accepting", "Sluice.Models", "Sluice.Diagnostics"));

    [Fact]
    public void Accepting_and_diagnostics_know_no_model() => Rule.Holds(6,
        "Accepting and Diagnostics import no model and no concrete transport.",
        Edges("Sluice.Accepting", "Sluice.Models").Concat(Edges("Sluice.Diagnostics", "Sluice.Models"))
            .Concat(Assemblies.Library.Declared().Where(type => type.IsIn("Sluice.Accepting") || type.IsIn("Sluice.Diagnostics") || type.IsIn("Sluice.Connections"))
                .SelectMany(type => Uses.Of(type).Where(used => FolderOf(used, "Sluice.Transports") is not null).Select(used => $"{type.FullName} uses {used.FullName}"))));

    [Theory]
    [InlineData("Sluice.Models")]
    [InlineData("Sluice.Transports")]
    public void A_folder_never_uses_its_siblings(string room) => Rule.Holds(7,
        $"One folder of {room} never imports another.",
        Assemblies.Library.Declared().Where(type => FolderOf(type, room) is not null).SelectMany(type => Uses.Of(type)
            .Where(used => FolderOf(used, room) is { } folder && folder != FolderOf(type, room))
            .Select(used => $"{type.FullName} uses {used.FullName}")));

    [Fact]
    public void Only_the_composition_knows_models_and_transports() => Rule.Holds(8,
        "Only the composition may know both concrete models and concrete transports.",
        Assemblies.Library.Declared().Where(type => !(type.Namespace == "Sluice" && Composition.Contains(type.Name, StringComparer.Ordinal)))
            .Where(type => Uses.Of(type) is var used
                && used.Any(one => FolderOf(one, "Sluice.Models") is not null)
                && used.Any(one => FolderOf(one, "Sluice.Transports") is not null))
            .Select(type => type.FullName));

    [Fact]
    public void Pointers_and_system_calls_stay_in_the_native_room() => Rule.Holds(9,
        "P/Invoke and unsafe code exist only in Sluice.Native.",
        Assemblies.All.Where(module => module != Assemblies.Native).SelectMany(NativeCode)
            .Concat(Repository.Files("", "*.csproj").Concat(Repository.Files("", "*.props")).Concat(Repository.Files("", "*.targets"))
                .Where(file => !file.StartsWith("src/Sluice.Native/", StringComparison.Ordinal))
                .Where(file => File.ReadAllText(Repository.At(file)).Contains("<AllowUnsafeBlocks>true", StringComparison.OrdinalIgnoreCase))));

    [Fact]
    public void The_native_room_shows_nothing() => Rule.Holds(10,
        "All types of Sluice.Native are internal, and it imports nothing of ours.",
        Assemblies.Native.Declared().Where(type => type.IsPublic).Select(type => type.FullName)
            .Concat(Assemblies.Native.AssemblyReferences.Where(used => used.Name.StartsWith("Sluice", StringComparison.Ordinal)).Select(used => used.Name)));

    [Fact]
    public void Only_the_command_touches_the_console() => Rule.Holds(11,
        "Only Sluice.Cli uses System.Console.",
        Assemblies.All.Where(module => module != Assemblies.Command).SelectMany(module => module.Types).SelectMany(type => Uses.Of(type)
            .Where(used => used.FullName == "System.Console").Select(_ => type.FullName)));

    [Fact]
    public void Only_the_runner_calls_a_handler() => Rule.Holds(12,
        "ConnectionRunner is the only caller of a handler; SessionRunner, of one that serves datagrams.",
        Assemblies.Library.Declared().Where(type => type.Name is not ("ConnectionRunner" or "SessionRunner")).SelectMany(type => Uses.CallsOf(type)
            .Where(IsHandlerCall).Select(_ => type.FullName)));

    [Fact]
    public void The_runner_does_call_the_handler() => Assert.Contains(
        Uses.CallsOf(Assemblies.Library.GetType("Sluice.Accepting.ConnectionRunner")), IsHandlerCall);

    [Fact]
    public void Framing_and_requests_know_no_server() => Rule.Holds(13,
        "Framing imports no room of ours, and Requests none but Framing.",
        Edges("Sluice.Framing", [.. ServerRooms, "Sluice.Requests"]).Concat(Edges("Sluice.Requests", ServerRooms)));

    [Fact]
    public void Sessions_know_only_the_contracts() => Rule.Holds(14,
        "Sessions import no other room, and no room imports them.",
        Assemblies.Library.Declared().SelectMany(type => Uses.Of(type)
            .Where(used => used.Namespace.StartsWith("Sluice.", StringComparison.Ordinal) && type.IsIn("Sluice.Sessions") != used.IsIn("Sluice.Sessions")
                && (type.IsIn("Sluice.Sessions") || type.Namespace.StartsWith("Sluice.", StringComparison.Ordinal)))
            .Select(used => $"{type.FullName} uses {used.FullName}")));

    private static IEnumerable<TypeDefinition> Contracts() => Assemblies.Library.Declared().Where(type =>
        type.IsPublic && ContractRooms.Contains(type.Namespace, StringComparer.Ordinal) && !Composition.Contains(type.Name, StringComparer.Ordinal));

    private static bool IsHandlerCall(MethodReference method) =>
        (method.DeclaringType.Name, method.Name) is ("ConnectionDelegate", "Invoke") or ("ConnectionHandler", "OnConnectedAsync");

    private static IEnumerable<string> Edges(string from, params string[] to) =>
        Assemblies.Library.Declared().Where(type => type.IsIn(from)).SelectMany(type => Uses.Of(type)
            .Where(used => to.Any(used.IsIn)).Select(used => $"{type.FullName} uses {used.FullName}"));

    // Sluice.Models.Threads.WorkQueue is of the folder Threads; what lies directly in the room is of none.
    private static string? FolderOf(TypeReference type, string room)
    {
        string place = Uses.Outermost(type).Namespace;
        return place.StartsWith(room + ".", StringComparison.Ordinal) ? place[(room.Length + 1)..] : null;
    }

    private static string AssemblyOf(TypeReference type) => type.Scope switch
    {
        AssemblyNameReference reference => reference.Name,
        ModuleDefinition module => module.Assembly.Name.Name,
        { } scope => scope.Name,
    };

    private static bool IsBcl(TypeReference type) => AssemblyOf(type) is "netstandard" or "mscorlib" || AssemblyOf(type).StartsWith("System.", StringComparison.Ordinal)
        || AssemblyOf(type) == "System";

    private static IEnumerable<string> NativeCode(ModuleDefinition module)
    {
        foreach (TypeDefinition type in module.Types)
        {
            if (Uses.Methods(type).Any(method => method.IsPInvokeImpl))
            {
                yield return $"{type.FullName} calls native code";
            }

            if (Uses.Methods(type).Any(HasPointer))
            {
                yield return $"{type.FullName} handles a pointer";
            }
        }
    }

    // Spans and fixed-size fields compile to none of these; ref locals are no pointers.
    private static bool HasPointer(MethodDefinition method) =>
        method.ReturnType.IsPointer || method.Parameters.Any(parameter => parameter.ParameterType.IsPointer)
        || (method.HasBody && method.Body.Variables.Any(variable => variable.VariableType.IsPointer || variable.IsPinned))
        || (method.HasBody && method.Body.Instructions.Any(instruction => instruction.OpCode.Code == Code.Calli));
}
