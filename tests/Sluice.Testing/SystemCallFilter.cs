using System.Runtime.InteropServices;

namespace Sluice.Testing;

/// <summary>
/// Runs something on a thread of its own to which the kernel refuses what it otherwise allows, and to the processes that it starts too; the thread ends
/// with it. seccomp(2), capset(2).
/// </summary>
public static class SystemCallFilter
{
    private const int PR_SET_NO_NEW_PRIVS = 38;
    private const int PR_SET_SECCOMP = 22;
    private const int SECCOMP_MODE_FILTER = 2;
    private const uint Allow = 0x7fff0000;
    private const uint Refuse = 0x00050000; // | errno
    private const ushort LoadWord = 0x20; // BPF_LD | BPF_W | BPF_ABS: word 0 of struct seccomp_data is the number of the call
    private const ushort JumpIfEqual = 0x15;
    private const ushort Return = 0x06;
    private const uint CapabilityVersion3 = 0x20080522;
    private const int CAP_IPC_LOCK = 14;
    private const int RLIMIT_MEMLOCK = 8;

    /// <summary>With one system call that only says <paramref name="errno"/>.</summary>
    public static T Without<T>(int systemCall, int errno, Func<T> run) => OnThread(() =>
    {
        ulong[] program = GC.AllocateArray<ulong>(4, pinned: true);
        program[0] = Instruction(LoadWord, 0, 0, 0);
        program[1] = Instruction(JumpIfEqual, 0, 1, (uint)systemCall);
        program[2] = Instruction(Return, 0, 0, Refuse | (uint)errno);
        program[3] = Instruction(Return, 0, 0, Allow);
        nint[] header = GC.AllocateArray<nint>(2, pinned: true);
        header[0] = program.Length;
        header[1] = Marshal.UnsafeAddrOfPinnedArrayElement(program, 0);
        Must(Prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "Prctl");
        Must(Prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, Marshal.UnsafeAddrOfPinnedArrayElement(header, 0), 0, 0), "Prctl");
        return run();
    });

    /// <summary>With RLIMIT_MEMLOCK of so many bytes, and without the capability that would make it mean nothing.</summary>
    public static T WithLockedMemory<T>(ulong bytes, Func<T> run) => OnThread(() =>
    {
        uint[] header = [CapabilityVersion3, 0];
        uint[] sets = new uint[6]; // effective, permitted, inheritable; twice, for 64 bits
        Must(CapabilityGet(header, sets), "CapabilityGet");
        sets[0] &= ~(1u << CAP_IPC_LOCK);
        Must(CapabilitySet(header, sets), "CapabilitySet");
        ulong[] before = new ulong[2];
        Must(GetLimit(RLIMIT_MEMLOCK, before), "GetLimit");
        Must(SetLimit(RLIMIT_MEMLOCK, [bytes, before[1]]), "SetLimit");
        try
        {
            return run();
        }
        finally
        {
            _ = SetLimit(RLIMIT_MEMLOCK, before);
        }
    });

    private static ulong Instruction(ushort code, byte ifTrue, byte ifFalse, uint value) => code | (ulong)ifTrue << 16 | (ulong)ifFalse << 24 | (ulong)value << 32;

    private static void Must(int result, string what)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"{what} failed");
        }
    }

    private static T OnThread<T>(Func<T> run)
    {
        T result = default!;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = run();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? result : throw new InvalidOperationException(failure.Message, failure);
    }

    [DllImport("libc", EntryPoint = "prctl")]
    private static extern int Prctl(int option, nint a, nint b, nint c, nint d);

    [DllImport("libc", EntryPoint = "capget")]
    private static extern int CapabilityGet(uint[] header, [In, Out] uint[] sets);

    [DllImport("libc", EntryPoint = "capset")]
    private static extern int CapabilitySet(uint[] header, uint[] sets);

    [DllImport("libc", EntryPoint = "getrlimit")]
    private static extern int GetLimit(int resource, [In, Out] ulong[] limits);

    [DllImport("libc", EntryPoint = "setrlimit")]
    private static extern int SetLimit(int resource, ulong[] limits);
}
