#!/usr/bin/env python3
"""Compare echo servers on a machine that others use too: all are up at once, and slices of 40 ms of load go to each in turn.

    interleaved.py [--conns 64] [--size 64] [--depth 1] [--slice 40] [--rounds 150] [--unix] NAME='COMMAND' NAME='COMMAND'...

COMMAND listens on {url} (tcp://… or unix://…), or on {addr} (HOST:PORT or unix:PATH), or on {port} of 127.0.0.1. Servers run on CPU 0, the
load on CPU 1. What disturbs the machine for longer than a slice meets all servers alike, so the ratio of neighbouring slices says more than two
runs of some seconds. The last server is what the others are compared with: ratio of requests per CPU-second, median of the rounds, and the
range in which that median lies with 95 % certainty (bootstrap). Needs gcc and python3.
"""
import argparse, os, random, signal, socket, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(tempfile.gettempdir(), "sluice-interleaved")
FIRST_PORT = 9500


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--conns", type=int, default=64); a.add_argument("--size", type=int, default=64); a.add_argument("--depth", type=int, default=1)
    a.add_argument("--slice", type=int, default=40); a.add_argument("--rounds", type=int, default=150); a.add_argument("--unix", action="store_true")
    a.add_argument("servers", nargs="+")
    o = a.parse_args()
    os.makedirs(OUT, exist_ok=True)
    load = os.path.join(OUT, "load")
    subprocess.run(["gcc", "-O2", "-o", load, os.path.join(HERE, "load.c")], check=True)
    running = []
    try:
        arguments = []
        for number, server in enumerate(o.servers):
            name, command = server.split("=", 1)
            path = os.path.join(OUT, f"{number}.sock")
            if o.unix and os.path.exists(path):
                os.unlink(path)
            address = f"unix:{path}" if o.unix else f"127.0.0.1:{FIRST_PORT + number}"
            url = f"unix://{path}" if o.unix else f"tcp://{address}"
            command = command.replace("{url}", url).replace("{addr}", address).replace("{port}", str(FIRST_PORT + number))
            process = subprocess.Popen(["taskset", "-c", "0", "sh", "-c", "exec " + command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            running.append((name, process))
            arguments += [str(process.pid), address]
            wait_ready(name, process, address)
        result = subprocess.run(["taskset", "-c", "1", load, str(o.conns), str(o.size), str(o.depth), str(o.slice), str(o.rounds)] + arguments, capture_output=True, text=True)
        if result.returncode:
            sys.exit("the load failed: " + result.stderr)
        report([name for name, _ in running], result.stdout)
    finally:
        for _, process in running:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except OSError:
                pass


def wait_ready(name, process, address):
    for _ in range(300):
        if process.poll() is not None:
            sys.exit(f"{name} ended at once, status {process.returncode}")
        try:
            if address.startswith("unix:"):
                s = socket.socket(socket.AF_UNIX)
                s.connect(address[5:])
            else:
                host, port = address.rsplit(":", 1)
                s = socket.create_connection((host, int(port)))
            s.close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{name} never listened on {address}")


def report(names, lines):
    cost, rate = [[] for _ in names], [[] for _ in names]
    for line in lines.splitlines():
        number, nanoseconds, per_second = line.split()
        cost[int(number)].append(float(nanoseconds))
        rate[int(number)].append(float(per_second))
    for number, name in enumerate(names):
        ratios = [theirs / ours for ours, theirs in zip(cost[number], cost[-1])]
        medians = sorted(statistics.median(random.choices(ratios, k=len(ratios))) for _ in range(400))
        print(f"{name:16} {statistics.median(cost[number]):7.0f} ns of CPU a request   ratio {statistics.median(ratios):.3f} ({medians[10]:.3f} to {medians[-11]:.3f})   {statistics.median(rate[number]):.0f} requests/s")


main()
