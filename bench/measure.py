# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: CPU meters, smtp-source and smtp-sink, the relays under test, medians and tables."""
import argparse
import glob
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(TOP, "tests"))
from lab import Lab, Process, free_port, new_address, wait_for_port, wait_until  # noqa: E402
from lab.process import descendants  # noqa: E402

SYSTEMS = ["postfix", "exim", "floor", "backstop"]


class CpuMeter:
    """CPU time of processes and all that they start, in microseconds. Uses a control group (cpuacct of version 1, or version 2),
    which sees processes that come and go; without one, /proc, where only children that were waited for are seen."""

    def __init__(self):
        self.group, self.pids = None, []
        name = f"bench-{os.getpid()}-{time.monotonic_ns()}"
        for parent in ("/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup"):
            usage = "cpuacct.usage" if parent.endswith("cpuacct") else "cpu.stat"
            try:
                os.mkdir(os.path.join(parent, name))
            except OSError:
                continue
            if os.path.exists(os.path.join(parent, name, usage)):
                self.group, self.usage = os.path.join(parent, name), usage
                break
            os.rmdir(os.path.join(parent, name))

    def add(self, pid):
        """The process and those below it; what they start later is in as well."""
        for each in [pid] + [child for child, _ in descendants(pid)]:
            self.pids.append(each)
            if self.group:
                with open(os.path.join(self.group, "cgroup.procs"), "w") as f:
                    f.write(str(each))

    def read(self):
        if not self.group:
            ticks = 0
            for pid in {p for top in self.pids for p in [top] + [c for c, _ in descendants(top)]}:
                try:
                    with open(f"/proc/{pid}/stat") as f:
                        ticks += sum(map(int, f.read().rpartition(")")[2].split()[11:15]))
                except OSError:
                    pass
            return ticks * 1e6 / os.sysconf("SC_CLK_TCK")
        with open(os.path.join(self.group, self.usage)) as f:
            text = f.read()
        return int(text) / 1000 if self.usage == "cpuacct.usage" else int(re.search(r"usage_usec (\d+)", text).group(1))

    def close(self):
        if self.group:
            try:
                wait_until(lambda: not open(os.path.join(self.group, "cgroup.procs")).read(), 5, "the control group to be empty")
                os.rmdir(self.group)
            except (OSError, TimeoutError):
                pass


class SmtpSink:
    """Postfix's smtp-sink with its counter: takes everything and forgets it."""

    def __init__(self, lab):
        self.address = new_address()
        self.port = free_port(self.address)
        self.log = os.path.join(lab.path, f"sink-{self.port}")
        self.process = Process(["smtp-sink", "-u", "postfix", "-c", f"{self.address}:{self.port}", "4096"], self.log)
        wait_for_port(self.address, self.port, alive=self.process.alive)

    def count(self):
        with open(self.log, "rb") as f:
            f.seek(max(0, os.path.getsize(self.log) - 200))
            found = re.findall(rb"mesg=(\d+)", f.read())
        return int(found[-1]) if found else 0

    def close(self):
        self.process.kill()

    def logs(self):
        return []


def smtp_source(server, count, sessions, size, sender, recipient, reuse=False):
    subprocess.run(["smtp-source", *(["-d"] if reuse else []), "-s", str(sessions), "-l", str(size), "-m", str(count), "-f", sender,
                    "-t", recipient, f"{server[0]}:{server[1]}"], check=True, stdout=subprocess.DEVNULL)


def floor_program():
    """bench/floor_relay, compiled if need be."""
    built = os.path.join(TOP, "build", "bench", "floor_relay")
    source = os.path.join(TOP, "bench", "floor_relay.c")
    if not os.path.exists(built) or os.path.getmtime(built) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(built), exist_ok=True)
        subprocess.run(["cc", "-O2", "-std=gnu17", "-D_GNU_SOURCE", "-pthread", "-o", built, source], check=True)
    return built


class Floor:
    def __init__(self, lab, sink):
        self.server = (new_address(), None)
        self.server = (self.server[0], free_port(self.server[0]))
        self.file = os.path.join(lab.path, "floor-store")
        self.process = Process([floor_program(), "%s:%d" % self.server, f"{sink.address}:{sink.port}", self.file],
                               os.path.join(lab.path, "floor.log"))
        wait_for_port(*self.server, alive=self.process.alive)

    def close(self):
        self.process.stop()
        os.unlink(self.file)
        commits = re.search(r"received=(\d+) .*commits=(\d+)", self.process.log())
        self.per_commit = int(commits.group(1)) / max(1, int(commits.group(2)))

    def logs(self):
        return [("floor", self.process.log())]


def median(values):
    return statistics.median(values) if values else float("nan")


def arguments(description, **defaults):
    """The options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--systems", default=",".join(defaults.pop("systems", SYSTEMS)), help="which, with commas between")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, in turn; medians are shown")
    for name, default in defaults.items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(default), default=default)
    return parser


def table(title, header, rows):
    print(f"\n{title}")
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, ["-" * w for w in widths], *rows]:
        print("  ".join(str(cell).ljust(w) if i == 0 else str(cell).rjust(w) for i, (cell, w) in enumerate(zip(row, widths))))
    sys.stdout.flush()


def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*:\s*(.*)", f.read())
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} processors ({model.group(1) if model else 'unknown'}), kernel {os.uname().release}, load {load:.1f}"
          + ("  (not idle: numbers suffer)" if load > 1 else ""))


__all__ = [n for n in dir() if not n.startswith("_")]
