using Mono.Cecil;

namespace Sluice.ArchitectureTests;

/// <summary>The shipped assemblies, as metadata and IL.</summary>
internal static class Assemblies
{
    public static ModuleDefinition Native { get; } = Read("Sluice.Native");

    public static ModuleDefinition Library { get; } = Read("Sluice");

    public static ModuleDefinition Files { get; } = Read("Sluice.Files");

    public static ModuleDefinition Command { get; } = Read("Sluice.Cli");

    public static ModuleDefinition[] All { get; } = [Native, Library, Files, Command];

    /// <summary>The types that a file of source declares, those nested in them included in them.</summary>
    public static IEnumerable<TypeDefinition> Declared(this ModuleDefinition module) =>
        module.Types.Where(type => type.Namespace.StartsWith("Sluice", StringComparison.Ordinal));

    /// <summary>Whether the type is in the room (a namespace) or in a room inside it.</summary>
    public static bool IsIn(this TypeReference type, string room)
    {
        string place = Uses.Outermost(type).Namespace;
        return place == room || place.StartsWith(room + ".", StringComparison.Ordinal);
    }

    private static ModuleDefinition Read(string name)
    {
        var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(AppContext.BaseDirectory);
        return ModuleDefinition.ReadModule(Path.Combine(AppContext.BaseDirectory, name + ".dll"), new ReaderParameters { AssemblyResolver = resolver });
    }
}
