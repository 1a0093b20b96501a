using CsCheck;

namespace Sluice.Files.Tests;

public sealed class V1HeaderTests
{
    [Theory]
    [InlineData("36sl", V1Layout.Bytes48)]
    [InlineData("<36si", V1Layout.Bytes40)]
    public void Pythons_struct_packs_the_same_bytes(string format, V1Layout layout)
    {
        string hex = Shell.Run("python3", "-c", $"import struct; print(struct.pack('{format}', '文件.bin'.encode(), 1234567).hex())").Trim();
        byte[] header = new byte[64];

        int length = V1Header.Encode("文件.bin", 1234567, layout, header);

        Assert.Equal(hex, Convert.ToHexStringLower(header.AsSpan(0, length)));
    }

    [Fact]
    public void What_is_encoded_parses_to_the_same() =>
        Gen.Select(Gen.String[Gen.Char['a', 'z'], 1, 36], Gen.Int[0, int.MaxValue], Gen.Bool).Sample((name, size, wide) =>
        {
            V1Layout layout = wide ? V1Layout.Bytes48 : V1Layout.Bytes40;
            byte[] header = new byte[V1Header.Length(layout)];
            Assert.Equal(header.Length, V1Header.Encode(name, size, layout, header));
            Assert.Equal(name, System.Text.Encoding.UTF8.GetString(V1Header.Name(header)));
            Assert.Equal(size, V1Header.Size(header, layout));
        });

    [Theory]
    [InlineData("")]
    [InlineData("1234567890123456789012345678901234567")]
    [InlineData("文文文文文文文文文文文文文")]
    [InlineData("a\0b")]
    public void A_name_that_does_not_fit_is_refused(string name)
    {
        var error = Assert.Throws<SluiceException>(() => V1Header.Encode(name, 1, V1Layout.Bytes48, new byte[48]));
        Assert.Equal(FileErrorIds.NameDoesNotFit, error.Id);
    }

    [Theory]
    [InlineData(-1, V1Layout.Bytes48)]
    [InlineData(-1, V1Layout.Bytes40)]
    [InlineData(1L << 31, V1Layout.Bytes40)]
    public void A_size_that_the_layout_cannot_say_is_refused(long size, V1Layout layout)
    {
        var error = Assert.Throws<SluiceException>(() => V1Header.Encode("a", size, layout, new byte[48]));
        Assert.Equal(FileErrorIds.SizeOutOfRange, error.Id);
    }

    [Fact]
    public void A_header_has_one_of_two_layouts() => Assert.Throws<ArgumentOutOfRangeException>(() => V1Header.Length(V1Layout.Auto));
}
