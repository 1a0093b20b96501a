using System.Text;
using CsCheck;

namespace Sluice.Files.Tests;

public sealed class NameTests
{
    [Theory] // F1, F3
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("/")]
    [InlineData("a/")]
    [InlineData("a\\")]
    [InlineData("a/..")]
    [InlineData("..\\..")]
    [InlineData("C:\\..")]
    [InlineData("C:")]
    [InlineData("a:b")]
    [InlineData("a.txt::$DATA")]
    [InlineData("con")]
    [InlineData("CON.txt")]
    [InlineData("nul.tar.gz")]
    [InlineData("Aux .log")]
    [InlineData("com1")]
    [InlineData("lpt9.x")]
    [InlineData("COM²")]
    [InlineData("conin$")]
    [InlineData("a.")]
    [InlineData("a ")]
    [InlineData("...")]
    [InlineData(" ")]
    [InlineData("a\nb")]
    [InlineData("a\rb")]
    [InlineData("\u001b[31mred")]
    [InlineData("\u001b[31m/red")]
    [InlineData("a\u007f")]
    [InlineData("a\u0085b")]
    [InlineData("gpj.\u202Eexe")]
    [InlineData("a\u2028b")]
    [InlineData("\ufeffa")]
    [InlineData(".sluice")]
    [InlineData(".sluice-0011223344556677.tmp")]
    [InlineData(".SLUICE-x")]
    [InlineData("a.partial")]
    [InlineData("a.PARTIAL")]
    public void A_hostile_name_is_refused(string name)
    {
        V1Name? read = Read(Encoding.UTF8.GetBytes(name), out Refusal? refusal);

        Assert.Null(read);
        Assert.Equal(FileErrorIds.BadName, refusal!.Id);
        Assert.DoesNotContain(refusal.Message, Quoted.Acts);
    }

    [Theory] // F1: stored under the last component, exactly
    [InlineData("a.bin", "a.bin")]
    [InlineData("/etc/passwd", "passwd")]
    [InlineData("a/../../b", "b")]
    [InlineData("C:\\x", "x")]
    [InlineData("\\\\srv\\share\\x", "x")]
    [InlineData("../../root/.ssh/authorized_keys", "authorized_keys")]
    [InlineData("a/b\\c", "c")]
    [InlineData("~", "~")]
    [InlineData("-rf", "-rf")]
    [InlineData("..a", "..a")]
    [InlineData(".bashrc", ".bashrc")]
    [InlineData("$(reboot)", "$(reboot)")]
    [InlineData("%2e%2e%2fx", "%2e%2e%2fx")]
    [InlineData("console", "console")]
    [InlineData("com", "com")]
    [InlineData("com10", "com10")]
    [InlineData("文件.bin", "文件.bin")]
    [InlineData("👍.png", "👍.png")]
    public void A_path_is_reduced_to_its_last_component(string sent, string stored)
    {
        V1Name? read = Read(Encoding.UTF8.GetBytes(sent), out _);

        Assert.Equal((sent, stored, false), (read!.AsSent, read.Stored, read.MayBeCut));
    }

    [Theory] // P4
    [InlineData("FF61")]
    [InlineData("C0AE")] // an overlong '.'
    [InlineData("C0AF61")] // an overlong '/'
    [InlineData("EDA080")] // a lone surrogate
    [InlineData("CEC4BCFE2E747874")] // 文件.txt in GBK
    [InlineData("61E4B8")] // cut inside a character, and not by the field's end
    public void A_name_that_is_not_UTF8_is_refused(string hex)
    {
        Assert.Null(Read(Convert.FromHexString(hex), out Refusal? refusal));
        Assert.Equal(FileErrorIds.BadName, refusal!.Id);
    }

    [Theory] // P4
    [InlineData("")]
    [InlineData("a\0b")]
    [InlineData("a.txt\0\0junk")]
    public void A_NUL_inside_or_nothing_at_all_is_no_header(string name)
    {
        Assert.Null(Read(Encoding.UTF8.GetBytes(name), out Refusal? refusal));
        Assert.Equal(FileErrorIds.BadHeader, refusal!.Id);
    }

    [Fact]
    public void NULs_are_stripped_at_both_ends() => Assert.Equal("a", Read("\0\0a"u8.ToArray(), out _)!.Stored);

    [Fact] // P4
    public void A_name_that_fills_the_field_may_be_cut() =>
        Assert.Equal(("r", true), Read("/home/somebody/documents/quarterly/r"u8.ToArray(), out _) is { } name ? (name.Stored, name.MayBeCut) : default);

    [Theory] // P4
    [InlineData(1)]
    [InlineData(2)]
    public void A_character_that_the_field_cut_is_dropped(int left)
    {
        byte[] field = new byte[36];
        Encoding.UTF8.GetBytes("/数据/" + new string('x', 28 - left)).CopyTo(field, 0);
        "文"u8[..left].CopyTo(field.AsSpan(36 - left));

        V1Name? name = V1Name.Read(field, out _);

        Assert.Equal((new string('x', 28 - left), true), (name!.Stored, name.MayBeCut));
    }

    [Fact]
    public void A_name_longer_than_a_file_system_takes_is_refused()
    {
        Assert.Null(StoredName.WhatIsWrong(new string('a', 247)));
        Assert.NotNull(StoredName.WhatIsWrong(new string('a', 248)));
        Assert.NotNull(StoredName.WhatIsWrong(new string('文', 83)));
    }

    [Fact]
    public void Whatever_bytes_come_the_stored_name_is_one_safe_component() =>
        Gen.OneOf(Gen.Byte.Array[36], Gen.OneOf("./\\:ac\0 \u00e4"u8.ToArray()).Array[36]).Sample(field =>
        {
            if (V1Name.Read(field, out Refusal? refusal) is { } name)
            {
                Assert.Null(refusal);
                Assert.Null(StoredName.WhatIsWrong(name.Stored));
                Assert.Equal("/root/" + name.Stored, Path.GetFullPath(name.Stored, "/root"));
            }
            else
            {
                Assert.NotNull(refusal);
                Assert.DoesNotContain(refusal.Message, Quoted.Acts);
            }
        }, iter: 50_000);

    private static V1Name? Read(byte[] name, out Refusal? refusal)
    {
        byte[] field = new byte[36];
        name.CopyTo(field, 0);
        return V1Name.Read(field, out refusal);
    }
}
