using CsCheck;
using Sluice.Models.Readiness;
using Sluice.Native;

namespace Sluice.Tests.Models;

/// <summary>
/// Any order of commands, given to the three pollers and to a model that knows nothing of arrays, bitmaps and system calls: each wait tells
/// the same.
/// </summary>
public sealed class PollerModelTests
{
    private const int Descriptors = 5;

    private enum Command
    {
        Add, AddLevel, Remove, Pause, Resume, WantWrite, NoWrite, Set, Reset, Wait,
    }

    [Theory, MemberData(nameof(PollerTests.Kinds), MemberType = typeof(PollerTests))]
    public void Any_order_of_commands_tells_what_the_model_tells(string kind) =>
        Gen.Select(Gen.Enum<Command>(), Gen.Int[0, Descriptors - 1]).Array[0, 80].Sample(
            commands => Run(kind, commands), iter: 300, print: commands => string.Join(", ", commands.Select(one => $"{one.Item1} {one.Item2}")));

    private static void Run(string kind, (Command Command, int Index)[] commands)
    {
        using Poller poller = PollerTests.Create(kind);
        EventDescriptor[] descriptors = [.. Enumerable.Range(0, Descriptors).Select(_ => new EventDescriptor())];
        Watched[] model = [.. Enumerable.Range(0, Descriptors).Select(_ => new Watched())];
        try
        {
            ulong token = 0;
            foreach ((Command command, int index) in commands)
            {
                Apply(command, poller, descriptors[index], model[index], ++token);
                if (command == Command.Wait)
                {
                    Compare(poller, model);
                }
            }

            Compare(poller, model);
        }
        finally
        {
            Array.ForEach(descriptors, one => one.Dispose());
        }
    }

    private static void Apply(Command command, Poller poller, EventDescriptor descriptor, Watched model, ulong token)
    {
        int number = descriptor.Number;
        switch (command)
        {
            case Command.Add or Command.AddLevel:
                bool level = command == Command.AddLevel;
                Assert.Equal(model.Token == 0, poller.TryAdd(number, token, level));
                if (model.Token == 0)
                {
                    (model.Token, model.Edges, model.Read, model.Write, model.Changed) = (token, poller.IsEdgeTriggered && !level, true, false, true);
                }

                break;
            case Command.Remove:
                poller.Remove(number, closing: false);
                model.Token = 0;
                break;
            case Command.Pause or Command.Resume when model.Token != 0:
                poller.WantRead(number, model.Token, command == Command.Resume);
                model.Read = model.Edges || command == Command.Resume;
                break;
            case Command.WantWrite or Command.NoWrite when model.Token != 0:
                bool wanted = command == Command.WantWrite;
                poller.WantWrite(number, model.Token, wanted);
                model.Changed |= model.Write != wanted;
                model.Write = wanted;
                break;
            case Command.Set:
                descriptor.Set();
                (model.IsSet, model.Changed) = (true, true);
                break;
            case Command.Reset:
                descriptor.Reset();
                model.Changed |= model.IsSet && model.Write; // room to write is told when somebody has read
                model.IsSet = false;
                break;
        }
    }

    private static void Compare(Poller poller, Watched[] model)
    {
        var expected = new List<(ulong, Readiness)>();
        foreach (Watched one in model)
        {
            Readiness state = (one.Read && one.IsSet ? Readiness.Read : 0) | (one.Write ? Readiness.Write : 0); // an eventfd is always writable
            if (one.Token != 0 && state != Readiness.None && (one.Changed || !one.Edges))
            {
                expected.Add((one.Token, state));
            }

            one.Changed = false;
        }

        int count = poller.Wait(0);
        var told = new List<(ulong, Readiness)>();
        for (int i = 0; i < count; i++)
        {
            Readiness readiness = poller.Event(i, out ulong token);
            told.Add((token, readiness));
        }

        Assert.Equal(expected.Order(), told.Order());
        Assert.Equal(model.Count(one => one.Token != 0), poller.Watched);
    }

    private sealed class Watched
    {
        public ulong Token { get; set; }

        public bool Edges { get; set; }

        public bool Read { get; set; }

        public bool Write { get; set; }

        public bool IsSet { get; set; }

        /// <summary>Something happened since the last wait, which is an edge.</summary>
        public bool Changed { get; set; }
    }
}
