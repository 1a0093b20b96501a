using System.Globalization;

namespace Sluice.Cli.Settings;

/// <summary>The users of this machine by name: /etc/passwd, passwd(5). Users that only a directory service knows have to be given by number.</summary>
internal static class PasswdFile
{
    public const string Name = "/etc/passwd";

    /// <summary>The number of a user; null when there is none of that name.</summary>
    public static uint? Find(string user)
    {
        try
        {
            foreach (string line in File.ReadLines(Name))
            {
                if (line.Split(':') is [var name, _, var number, ..] && name == user && name.Length > 0
                    && uint.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out uint id))
                {
                    return id;
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Then it has nobody of that name.
        }

        return null;
    }
}
