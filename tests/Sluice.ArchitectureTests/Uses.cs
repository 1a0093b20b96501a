using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Sluice.ArchitectureTests;

/// <summary>What a type uses: in its signatures, its attributes and its method bodies, those of its lambdas and state machines included.</summary>
internal static class Uses
{
    public static TypeReference Outermost(TypeReference type)
    {
        while (type.DeclaringType is { } outer)
        {
            type = outer;
        }

        return type;
    }

    /// <summary>Every type that <paramref name="type"/> uses, itself and what is nested in it left out.</summary>
    public static IReadOnlyList<TypeReference> Of(TypeDefinition type)
    {
        var found = new Dictionary<string, TypeReference>(StringComparer.Ordinal);
        OfType(type, used => Add(used, found));
        string self = Outermost(type).FullName;
        return [.. found.Values.Where(used => Outermost(used).FullName != self)];
    }

    /// <summary>The methods that <paramref name="type"/> calls (not those it only makes a delegate of).</summary>
    public static IEnumerable<MethodReference> CallsOf(TypeDefinition type) =>
        Methods(type).Where(method => method.HasBody).SelectMany(method => method.Body.Instructions)
            .Where(instruction => instruction.OpCode.Code is Code.Call or Code.Callvirt or Code.Newobj)
            .Select(instruction => (MethodReference)instruction.Operand);

    /// <summary>The methods of a type and of what is nested in it.</summary>
    public static IEnumerable<MethodDefinition> Methods(TypeDefinition type) => type.Methods.Concat(type.NestedTypes.SelectMany(Methods));

    private static void OfType(TypeDefinition type, Action<TypeReference?> use)
    {
        use(type.BaseType);
        OfAttributes(type, use);
        foreach (InterfaceImplementation implemented in type.Interfaces)
        {
            use(implemented.InterfaceType);
        }

        foreach (FieldDefinition field in type.Fields)
        {
            use(field.FieldType);
        }

        foreach (MethodDefinition method in type.Methods)
        {
            OfSignature(method, use);
            OfAttributes(method, use);
            if (method.HasBody)
            {
                OfBody(method.Body, use);
            }
        }

        foreach (TypeDefinition nested in type.NestedTypes)
        {
            OfType(nested, use);
        }
    }

    private static void OfAttributes(ICustomAttributeProvider provider, Action<TypeReference?> use)
    {
        foreach (CustomAttribute attribute in provider.CustomAttributes)
        {
            use(attribute.AttributeType);
        }
    }

    private static void OfSignature(MethodReference method, Action<TypeReference?> use)
    {
        use(method.DeclaringType);
        use(method.ReturnType);
        foreach (ParameterDefinition parameter in method.Parameters)
        {
            use(parameter.ParameterType);
        }

        if (method is GenericInstanceMethod generic)
        {
            foreach (TypeReference argument in generic.GenericArguments)
            {
                use(argument);
            }
        }
    }

    private static void OfBody(MethodBody body, Action<TypeReference?> use)
    {
        foreach (VariableDefinition variable in body.Variables)
        {
            use(variable.VariableType);
        }

        foreach (Instruction instruction in body.Instructions)
        {
            switch (instruction.Operand)
            {
                case TypeReference type:
                    use(type);
                    break;
                case MethodReference method:
                    OfSignature(method, use);
                    break;
                case FieldReference field:
                    use(field.DeclaringType);
                    use(field.FieldType);
                    break;
            }
        }
    }

    private static void Add(TypeReference? type, Dictionary<string, TypeReference> found)
    {
        switch (type)
        {
            case null or GenericParameter:
                break;
            case GenericInstanceType generic:
                Add(generic.ElementType, found);
                foreach (TypeReference argument in generic.GenericArguments)
                {
                    Add(argument, found);
                }

                break;
            case TypeSpecification wrapped:
                Add(wrapped.ElementType, found);
                break;
            default:
                found[type.FullName] = type;
                break;
        }
    }
}
