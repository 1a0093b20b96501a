using System.Text;
using Spectre.Console;

namespace Sluice.Cli.Terminal;

/// <summary>Rows and columns: drawn for a terminal that is wide enough, else plain aligned text.</summary>
internal static class TextTable
{
    public static void Print(string[] header, IReadOnlyList<string[]> rows)
    {
        string plain = Plain([header, .. rows]);
        int widest = plain.Split('\n').Max(line => line.Length) + (header.Length * 2); // the borders; a narrower table would break words
        if (Console.IsOutputRedirected || widest > AnsiConsole.Profile.Width)
        {
            Lines.Out(plain);
            return;
        }

        var table = new Table().Border(TableBorder.Rounded);
        foreach (string title in header)
        {
            table.AddColumn(new TableColumn(new Markup($"[bold]{Markup.Escape(title)}[/]")));
        }

        foreach (string[] row in rows)
        {
            table.AddRow([.. row.Select(cell => new Text(cell))]);
        }

        AnsiConsole.Write(table);
    }

    private static string Plain(string[][] rows)
    {
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length))];
        var text = new StringBuilder();
        foreach (string[] row in rows)
        {
            string line = string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd();
            text.Append(text.Length > 0 ? "\n" : "").Append(line);
        }

        return text.ToString();
    }
}
