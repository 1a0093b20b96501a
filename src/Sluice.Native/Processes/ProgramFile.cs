using System.Text;

namespace Sluice.Native;

/// <summary>Finds the file of a program by its name, as execvp(3) does.</summary>
internal static unsafe class ProgramFile
{
    private const string DefaultPath = "/bin:/usr/bin"; // of glibc, where PATH is not set
    private const int CurrentDirectory = -100; // AT_FDCWD
    private const int MayExecute = 1; // X_OK
    private const int AsEffectiveUser = 0x200; // AT_EACCESS

    /// <summary>
    /// The file: <paramref name="name"/> itself when there is a slash in it, else the first of that name in a directory of PATH that may be executed.
    /// </summary>
    /// <param name="name">The program's name.</param>
    /// <param name="error">When there is none: NoEntry, or AccessDenied for one that may not be executed.</param>
    public static string? Find(string name, out NativeError error)
    {
        error = NativeError.NoEntry;
        if (name.Length == 0)
        {
            return null;
        }

        if (name.Contains('/'))
        {
            error = Check(name);
            return error == NativeError.None ? name : null;
        }

        foreach (string directory in (Environment.GetEnvironmentVariable("PATH") ?? DefaultPath).Split(':'))
        {
            string path = directory.Length == 0 ? name : $"{directory}/{name}"; // an empty one is the current directory
            NativeError found = Check(path);
            if (found == NativeError.None)
            {
                error = found;
                return path;
            }

            error = found == NativeError.AccessDenied ? found : error;
        }

        return null;
    }

    private static NativeError Check(string path)
    {
        if (!File.Exists(path))
        {
            return Directory.Exists(path) ? NativeError.AccessDenied : NativeError.NoEntry;
        }

        fixed (byte* text = Encoding.UTF8.GetBytes(path + '\0'))
        {
            return LibcFiles.faccessat(CurrentDirectory, text, MayExecute, AsEffectiveUser) == 0 ? NativeError.None : Errno.Last;
        }
    }
}
