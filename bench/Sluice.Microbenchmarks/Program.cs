using BenchmarkDotNet.Running;
using Sluice.Microbenchmarks;

BenchmarkSwitcher.FromAssembly(typeof(OneEcho).Assembly).Run(args);
