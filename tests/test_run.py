# SPDX-License-Identifier: Apache-2.0
"""./run does what it prints: each line it offers is typed in, and must give what it promises."""
import os
import re
import shlex
import signal
import subprocess

import pytest
from lab import wait_until
from lab.backstop import TOP
from lab.net import free_port
from lab.process import Process


@pytest.fixture(scope="module")
def demo(shared_lab):
    folder = shared_lab.folder("demo")
    port = free_port()
    process = Process([os.path.join(TOP, "run"), "--port", str(port), "--state", os.path.join(folder, "state")],
                      os.path.join(folder, "log"))
    wait_until(lambda: "Ctrl-C stops everything" in process.log() or not process.alive(), 300, "./run to say what to try")
    assert process.alive(), process.log()
    yield process
    process.kill()


def offered(text):
    """(what it is, what to expect, [commands])"""
    found = []
    for line in text.splitlines():
        if match := re.match(r"  (\S.*?)\s+expect: (.*)", line):
            found.append((match.group(1), match.group(2), []))
        elif line.startswith("    ") and found:
            found[-1][2].append(line.strip())
        elif re.match(r"  \S", line):
            found.append((line.strip(), "", []))
    return found


def test_each_line_that_it_prints_gives_what_it_promises(demo):
    offers = offered(demo.log())
    assert len(offers) >= 8, demo.log()
    for what, expected, commands in offers:
        assert commands, what
        for command in commands:
            def run():
                return subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=60)
            done = run()
            if "LISTED" in expected:  # some milliseconds after its last act
                wait_until(lambda: run().returncode == 0, 5, command)
                done = run()
                assert "127.0.0.77" in done.stdout
        said = done.stdout + done.stderr
        code = re.match(r"(\d{3})(?: (\d\.\d\.\d))?", expected)
        if not code:
            assert done.returncode == 0, (what, said)
        elif code.group(1) == "250":
            assert "250 2.0.0" in said and done.returncode == 0, (what, said)
        else:
            assert f"** {code.group(0)}" in said and done.returncode != 0, (what, said)


def test_ctrl_c_stops_it_cleanly(demo):
    os.killpg(os.getpgid(demo.pid), signal.SIGINT)
    wait_until(lambda: not demo.alive(), 30, "./run to stop")
    assert demo.popen.returncode == 0, demo.log()[-2000:]
    assert "stopped; everything is kept in" in demo.log()
