using System.Runtime.CompilerServices;

// Every signature here is blittable, so that a call is a plain jump without a marshalling stub.
[assembly: DisableRuntimeMarshalling]
