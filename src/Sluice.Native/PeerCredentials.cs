using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>struct ucred of unix(7). The process is 0 when it is of another PID namespace.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct PeerCredentials(int Process, uint User, uint Group);
