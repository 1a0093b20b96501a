using CsCheck;

namespace Sluice.Files.Tests;

public sealed class V1ReceiverTests
{
    private static readonly Gen<V1Layout> AnyLayout = Gen.OneOf(V1Layout.Bytes40, V1Layout.Bytes48);

    private static readonly Gen<(string Name, byte[] Content)> AnyFile =
        Gen.Select(Gen.String[Gen.Char['a', 'z'], 6, 36], Gen.Byte.Array[0, 200]);

    /// <summary>Headers and rubbish in any order: the machine must decide the same however it is sliced.</summary>
    private static readonly Gen<byte[]> AnyStream = Gen.OneOf(
            Gen.Select(AnyLayout, Gen.String[Gen.Char['A', 'b'], 0, 40].Where(s => s.Length <= 36), Gen.OneOf(Gen.Long, Gen.Long[0, 60], Gen.OneOf(0L, 97L, -1L)))
                .Select((layout, name, size) => Wire.Header(name, size, layout)),
            Gen.Byte.Array[0, 100],
            Gen.OneOf((byte)0, (byte)'a').Array[0, 60])
        .Array[0, 5].Select(parts => parts.SelectMany(p => p).ToArray());

    [Fact]
    public void Any_slicing_decides_like_the_whole() =>
        Gen.Select(AnyStream, Gen.Int[0, 400].Array[0, 12], Gen.Enum<V1Layout>()).Sample((stream, cuts, layout) =>
            Assert.Equal(MachineRun.Of(stream, layout).ToString(), MachineRun.Of(stream, layout, cuts: cuts).ToString()), iter: 20_000);

    [Fact]
    public void Files_come_out_as_they_went_in_whatever_the_layout_and_the_slicing() =>
        Gen.Select(AnyLayout, AnyFile.Array[1, 5], Gen.Int[0, 1000].Array[0, 20]).Sample((layout, files, cuts) =>
        {
            MachineRun run = MachineRun.Of(Wire.Stream(layout, files), cuts: cuts);
            Assert.Equal(V1StepKind.Finished, run.Last);
            Assert.Equal(files.Select(f => (f.Name, Convert.ToHexString(f.Content))), run.Files.Select(f => (f.Name, Convert.ToHexString(f.Content))));
            Assert.All(run.Files, f => Assert.Equal(layout, f.Layout));
        }, iter: 5_000);

    [Theory] // P1
    [InlineData(-1L, V1Layout.Bytes48)]
    [InlineData(long.MinValue, V1Layout.Bytes48)]
    [InlineData(long.MaxValue, V1Layout.Bytes48)]
    [InlineData((1L << 40) + 1, V1Layout.Bytes48)]
    [InlineData(-1L, V1Layout.Bytes40)]
    [InlineData(int.MinValue, V1Layout.Bytes40)]
    public void A_size_below_0_or_above_the_limit_is_refused(long size, V1Layout layout)
    {
        foreach (V1Layout told in (V1Layout[])[V1Layout.Auto, layout])
        {
            MachineRun run = MachineRun.Of([.. Wire.Header("a.bin", size, layout), .. Wire.Bytes(100)], told);
            Assert.Equal(V1StepKind.Refuse, run.Last);
            Assert.Equal(FileErrorIds.SizeOutOfRange, run.End!.Id);
        }
    }

    [Theory] // P1
    [InlineData(int.MaxValue, V1Layout.Bytes40)]
    [InlineData(int.MaxValue, V1Layout.Bytes48)]
    [InlineData(1L << 31, V1Layout.Bytes48)]
    [InlineData(1L << 40, V1Layout.Bytes48)]
    public void A_size_up_to_the_limit_begins_a_file(long size, V1Layout layout)
    {
        var machine = new V1Receiver(V1Layout.Auto, 1L << 40);

        V1Step step = machine.Next(new(Wire.Header("a.bin", size, layout)), ended: false);

        Assert.Equal((V1StepKind.BeginFile, size, layout), (step.Kind, step.File!.Size, step.File.Layout));
    }

    [Theory] // P2
    [InlineData(V1Layout.Bytes40)]
    [InlineData(V1Layout.Bytes48)]
    public void A_stream_that_ends_at_any_byte_gives_no_file(V1Layout layout)
    {
        byte[] whole = Wire.File("report.bin", Wire.Bytes(64), layout);
        for (int length = 1; length < whole.Length; length++)
        {
            // The one exception, by the rule: 40 bytes with a size of 0 in them and then the end are a whole header of an empty file.
            bool isEmptyFile = layout == V1Layout.Bytes48 && length == 40;
            MachineRun run = MachineRun.Of(whole[..length]);
            Assert.Equal(isEmptyFile ? 1 : 0, run.Files.Count);
            Assert.Equal(isEmptyFile ? V1StepKind.Finished : V1StepKind.CutShort, run.Last);
            Assert.Empty(MachineRun.Of(whole[..length], layout).Files);
        }
    }

    [Theory] // P2
    [InlineData(V1Layout.Bytes40)]
    [InlineData(V1Layout.Bytes48)]
    public void More_bytes_than_announced_never_become_a_name(V1Layout layout)
    {
        byte[] stray = Wire.Bytes(60, seed: 3);
        MachineRun run = MachineRun.Of([.. Wire.File("report.bin", Wire.Bytes(64), layout), 0, 1, .. stray], layout);

        Assert.Equal("report.bin", Assert.Single(run.Files).Name);
        Assert.Equal(V1StepKind.Refuse, run.Last);
    }

    [Theory] // P3
    [InlineData("report.pdf")] // reads as a size of 8.1e18
    [InlineData("a.txt")] // reads as 500,237,086,305, a size within the limit
    [InlineData("a")] // reads as 97
    public void An_empty_first_file_of_a_40_byte_sender_is_told_from_a_48_byte_header(string next)
    {
        MachineRun run = MachineRun.Of(Wire.Stream(V1Layout.Bytes40, ("empty.bin", []), (next, Wire.Bytes(300))));

        Assert.Equal([("empty.bin", 0), (next, 300)], run.Files.Select(f => (f.Name, f.Content.Length)));
        Assert.All(run.Files, f => Assert.Equal(V1Layout.Bytes40, f.Layout));
    }

    [Theory] // P3
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(97)] // "a"
    [InlineData(12345)] // "90"
    public void A_48_byte_sender_is_not_taken_for_a_40_byte_one(int size)
    {
        MachineRun run = MachineRun.Of(Wire.Stream(V1Layout.Bytes48, ("first.bin", Wire.Bytes(size)), ("b", [])));

        Assert.Equal([("first.bin", size), ("b", 0)], run.Files.Select(f => (f.Name, f.Content.Length)));
    }

    [Fact] // P3
    public void A_layout_once_told_holds_for_the_connection()
    {
        MachineRun run = MachineRun.Of(Wire.Stream(V1Layout.Bytes48, ("first.bin", [1, 2, 3]), ("empty.bin", []), ("a", new byte[97]), ("b.bin", [4])));

        Assert.Equal(["first.bin", "empty.bin", "a", "b.bin"], run.Files.Select(f => f.Name), StringComparer.Ordinal);
    }

    [Fact] // P3
    public void A_layout_that_is_forced_is_not_guessed()
    {
        byte[] ambiguous = Wire.Stream(V1Layout.Bytes48, ("zeros.bin", new byte[97]));

        Assert.Equal(("zeros.bin", 97), Single(MachineRun.Of(ambiguous, V1Layout.Bytes48)));
        Assert.Equal("zeros.bin", MachineRun.Of(ambiguous).Files[0].Name); // guessed: an empty file, then one called "a"
        Assert.Empty(MachineRun.Of(ambiguous).Files[0].Content);

        static (string, int) Single(MachineRun run) => (Assert.Single(run.Files).Name, run.Files[0].Content.Length);
    }

    [Fact]
    public void Silence_behind_40_bytes_with_a_size_of_0_makes_an_empty_file_and_binds_nothing()
    {
        var machine = new V1Receiver(V1Layout.Auto, 100);
        byte[] header = Wire.Header("empty.bin", 0, V1Layout.Bytes40);

        Assert.Equal((V1StepKind.NeedMore, 40), Kind(machine.Next(new(header), ended: false)));
        Assert.True(machine.WantsSilence);
        Assert.Equal((V1StepKind.BeginFile, 0), Kind(machine.OnSilence()));
        Assert.Equal(V1StepKind.EndFile, machine.Next(default, ended: false).Kind);
        Assert.False(machine.WantsSilence);
        Assert.Equal(V1Layout.Bytes48, machine.Next(new(Wire.Header("b.bin", 5, V1Layout.Bytes48)), ended: false).File!.Layout);

        static (V1StepKind, long) Kind(V1Step step) => (step.Kind, step.Consumed);
    }

    [Theory]
    [InlineData(39, V1Layout.Auto)]
    [InlineData(41, V1Layout.Auto)]
    [InlineData(40, V1Layout.Bytes48)]
    public void Silence_means_nothing_elsewhere(int shown, V1Layout layout)
    {
        var machine = new V1Receiver(layout, 100);
        Assert.Equal(V1StepKind.NeedMore, machine.Next(new(Wire.Header("a.bin", 5, V1Layout.Bytes48).AsMemory(0, shown)), ended: false).Kind);
        Assert.False(machine.WantsSilence);
        Assert.Throws<InvalidOperationException>(() => machine.OnSilence());
    }

    [Fact] // P11
    public void Other_protocols_are_refused_within_their_first_header()
    {
        foreach (string first in (string[])["GET /a/long/path/of/an/innocent/browser.html HTTP/1.1\r\n", "@RSYNCD: 31.0 sha512 sha256 sha1 md5 md4\n", "GET / HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n padding padding padding", "\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc\u0003\u0003 0123456789012345678901234567890123456789"])
        {
            MachineRun run = MachineRun.Of(System.Text.Encoding.Latin1.GetBytes(first));
            Assert.Equal(V1StepKind.Refuse, run.Last);
            Assert.Empty(run.Files);
        }
    }

    [Fact]
    public void Random_bytes_never_do_worse_than_a_refusal() =>
        Gen.Byte.Array[0, 400].Sample(bytes =>
        {
            MachineRun run = MachineRun.Of(bytes);
            Assert.True(run.Last is V1StepKind.Refuse or V1StepKind.CutShort or V1StepKind.Finished);
            Assert.All(run.Files, f => Assert.Null(StoredName.WhatIsWrong(f.Name)));
        }, iter: 20_000);
}
