# SPDX-License-Identifier: Apache-2.0
"""Processes of a test: each in a process group of its own, with its output in a file that can be waited for."""
import os
import re
import signal
import subprocess
import time


def wait_until(condition, timeout=20, what="the condition", every=0.02):
    """The first true value of condition(); TimeoutError after timeout seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout} s for {what}")
        time.sleep(every)


class Process:
    """A program with its output (standard output and error together) in log_path."""

    def __init__(self, argv, log_path, env=None, cwd=None, preexec=None):
        self.argv, self.log_path = argv, log_path
        self._log = open(log_path, "ab")
        self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, cwd=cwd,
                                      env={**os.environ, **(env or {})}, start_new_session=True, preexec_fn=preexec)

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def wait_log(self, pattern, timeout=20, count=1):
        """The count-th match of the pattern in the log."""
        def seen():
            matches = list(re.finditer(pattern, self.log(), re.M))
            if len(matches) < count and not self.alive():
                raise RuntimeError(f"{self.argv[0]} exited ({self.popen.returncode}) before /{pattern}/ was logged:\n"
                                   + self.log()[-4000:])
            return matches[count - 1] if len(matches) >= count else None
        return wait_until(seen, timeout, f"/{pattern}/ in {self.log_path}")

    def signal(self, number):
        if self.alive():
            self.popen.send_signal(number)

    def stop(self, timeout=15):
        """SIGTERM to the process, SIGKILL to its whole group after timeout; returns the exit status."""
        self.signal(signal.SIGTERM)
        try:
            self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            pass
        self.kill()
        return self.popen.returncode

    def kill(self):
        """SIGKILL to the whole group, at once."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()
        self._log.close()


def resolving_by(server, path, argv):
    """argv in a mount namespace of its own, whose /etc/resolv.conf (written to path) names that DNS server, port 53. The process id stays."""
    with open(path, "w") as f:
        f.write(f"nameserver {server}\noptions timeout:2 attempts:2\n")
    os.chmod(path, 0o644)
    # unshare's own way to make all mounts private fails in a chroot, whose root is no mount
    script = 'mount --make-rprivate / 2>/dev/null; mount --bind "$0" /etc/resolv.conf && exec "$@"'
    return ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", script, path, *argv]


def runs(pid):
    """Is there such a process, and does it hold anything (a zombie does not)?"""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def descendants(pid):
    """The processes below pid, by name of their program: [(pid, command line)]."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as f:
                parent = int(f.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        children.setdefault(parent, []).append(int(entry))
    found, todo = [], list(children.get(pid, []))
    while todo:
        child = todo.pop()
        todo += children.get(child, [])
        try:
            with open(f"/proc/{child}/cmdline", "rb") as f:
                found.append((child, f.read().replace(b"\0", b" ").decode(errors="replace").strip()))
        except OSError:
            pass
    return found
