# SPDX-License-Identifier: Apache-2.0
"""The product: a configuration, a state folder, `backstop run`, and its command line.

The program is BACKSTOP_BIN, else build/release/src/backstop. It runs as nobody, so that the drop of rights is part of every
test. Settings of the relay section are keyword arguments with underscores for dashes: lab.backstop(session_limit=10)."""
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess

from .net import free_port, new_address
from .process import Process, descendants, runs, wait_until

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
USER = "nobody"


def program():
    path = os.environ.get("BACKSTOP_BIN") or os.path.join(TOP, "build", "release", "src", "backstop")
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: build it first (./check e2e does), or set BACKSTOP_BIN")
    return os.path.abspath(path)


def value(v):
    """A value as libConfuse writes it."""
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, (list, tuple)):
        return "{" + ", ".join(value(x) for x in v) + "}"
    return str(v) if isinstance(v, int) else '"' + str(v).replace("\\", "\\\\").replace('"', '\\"') + '"'


class CommandResult:
    def __init__(self, completed):
        self.code, self.out, self.err = completed.returncode, completed.stdout, completed.stderr

    def __repr__(self):
        return f"exit {self.code}\n{self.out}{self.err}"

    @property
    def rows(self):
        """The JSON objects of standard output."""
        return [json.loads(line) for line in self.out.splitlines()]

    def ok(self):
        assert self.code == 0, repr(self)
        return self


class Backstop:
    """pools: {name: [source addresses]} or {name: ([sources], hostname)}; routes: {domain: "host:port" or a list of them};
    dns: a lab Dns; blocklists: {zone: mode}; certificate: (certificate, key); extra: more lines of the relay section;
    top: more lines outside. Nothing is started by making one: Lab.backstop() does that."""

    def __init__(self, path, dns=None, pools=None, routes=None, blocklists=None, certificate=None, address=None, port=None,
                 hostname="mx.relay.test", extra="", top="", **relay):
        self.path = path
        self.state, self.run = os.path.join(path, "state"), os.path.join(path, "run")
        self.address, self.hostname = address or new_address(), hostname
        self.port = port or free_port(self.address)
        self.config_path = os.path.join(path, "backstop.conf")
        self.log_path = os.path.join(path, "log")
        self.process = None
        self.dns, self.certificate, self.extra, self.top = dns, certificate, extra, top
        self.pools, self.routes, self.blocklists, self.relay = pools or {}, routes or {}, blocklists or {}, relay
        for folder in (self.state, self.run):
            os.makedirs(folder, exist_ok=True)
            if os.geteuid() == 0:
                nobody = pwd.getpwnam(USER)
                os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        self.write_config()

    # ---- configuration ------------------------------------------------------------------------------------------------

    def config_text(self):
        lines = [f"hostname = {value(self.hostname)}", f"state-dir = {value(self.state)}", f"run-dir = {value(self.run)}"]
        if os.geteuid() == 0:
            lines.append(f"user = {value(USER)}")
        lines.append('log { format = "logfmt" level = "info" }')
        if self.dns:
            lines.append(f"resolver {{ server = {{{value(self.dns.endpoint)}}} }}")
        if self.certificate:
            lines.append(f"tls {{ certificate = {value(self.certificate[0])} key = {value(self.certificate[1])} }}")
        lines += [self.top, "relay {", f"    listen = {{{value(self.endpoint)}}}"]
        for name, v in self.relay.items():
            lines.append(f"    {name.replace('_', '-')} = {value(v)}")
        for name, pool in self.pools.items():
            sources, hostname = pool if isinstance(pool, tuple) else (pool, None)
            lines.append(f"    pool {value(name)} {{ source = {value(sources)}"
                         + (f" hostname = {value(hostname)}" if hostname else "") + " }")
        for domain, to in self.routes.items():
            lines.append(f"    route {value(domain)} {{ to = {value([to] if isinstance(to, str) else to)} }}")
        for zone, mode in self.blocklists.items():
            lines.append(f"    blocklist {value(zone)} {{ mode = {value(mode)} }}")
        return "\n".join(lines + [self.extra, "}", ""])

    def write_config(self, text=None):
        with open(self.config_path, "w") as f:
            f.write(text if text is not None else self.config_text())

    # ---- running --------------------------------------------------------------------------------------------------------

    @property
    def server(self):
        return self.address, self.port

    @property
    def endpoint(self):
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    def start(self, env=None, preexec=None):
        """Returns when it greets."""
        self.process = Process([program(), "run", "-c", self.config_path], self.log_path, env=env, preexec=preexec)
        self.wait_greeting()
        return self

    def wait_greeting(self, timeout=20):
        def greets():
            if not self.process.alive():
                raise RuntimeError(f"backstop exited ({self.process.popen.returncode}):\n{self.log()[-4000:]}")
            try:
                family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
                with socket.socket(family) as s:
                    s.settimeout(2)
                    s.connect(self.server)
                    return s.recv(512).startswith(b"220")
            except OSError:
                return False
        wait_until(greets, timeout, "backstop to greet")

    def stop(self, timeout=40):
        """SIGTERM, and waits; the exit status."""
        status = self.process.stop(timeout)
        self.process = None
        return status

    def kill(self):
        """kill -9 of all of its processes at once; returns when they are gone, and their files closed."""
        pids = self.pids()
        self.process.kill()
        self.process = None
        wait_until(lambda: not any(runs(pid) for pid in pids), 20, "the killed processes to be gone")

    def reload(self):
        self.process.signal(signal.SIGHUP)

    def pids(self):
        """Its processes below the supervisor."""
        return [pid for pid, _ in descendants(self.process.pid)] if self.process else []

    def close(self):
        if self.process:
            self.process.stop(5)
            self.process = None
        shutil.rmtree(self.state, ignore_errors=True)

    def logs(self):
        return [("backstop's configuration", self.config_text()), ("backstop's log", self.log()[-8000:])]

    def log(self):
        try:
            with open(self.log_path, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def events(self, event=None):
        """The log's lines as dictionaries; those of one event if given."""
        found = []
        for line in self.log().splitlines():
            fields = {m.group(1): unescape(m.group(2)) for m in re.finditer(r'([\w.-]+)=("(?:\\.|[^"\\])*"|\S*)', line)}
            if fields and (event is None or fields.get("event") == event):
                found.append(fields)
        return found

    def wait_event(self, event, timeout=20, **fields):
        """The first line of that event with those fields."""
        def seen():
            return next((e for e in self.events(event) if all(e.get(k) == str(v) for k, v in fields.items())), None)
        return wait_until(seen, timeout, f"the log event {event} {fields}")

    # ---- command line ---------------------------------------------------------------------------------------------------

    def cli(self, *words, stdin=None, timeout=60, config=True, env=None):
        """backstop WORDS -c FILE; a CommandResult."""
        argv = [program(), *map(str, words)] + (["-c", self.config_path] if config else [])
        return CommandResult(subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout,
                                            env={**os.environ, **(env or {})}))

    def tenant(self, name, domains, routes=(), sources=(), *options):
        words = ["tenant", "add", name]
        for flag, values in (("--domain", domains), ("--route", routes), ("--from", sources)):
            for v in [values] if isinstance(values, str) else values:
                words += [flag, v]
        return self.cli(*words, *options).ok()

    def recipients(self, tenant, addresses, *options):
        return self.cli("recipients", "import", "--tenant", tenant, *options, "-", stdin="".join(a + "\n" for a in addresses)).ok()

    def queue(self):
        return self.cli("queue", "list", "--json").ok().rows

    def wait_queue(self, count=0, timeout=30):
        """Returns when the queue has count messages."""
        def right():
            rows = self.queue()
            return (True, rows) if len(rows) == count else None
        return wait_until(right, timeout, f"{count} messages in the queue", every=0.1)[1]

    def metric(self, name):
        """The value of a counter, from `status --json`."""
        return find(self.cli("status", "--json").ok().rows, name)


def find(tree, name):
    """The value of a key anywhere in nested JSON; None when it is not there."""
    if isinstance(tree, dict):
        if name in tree:
            return tree[name]
        tree = list(tree.values())
    if isinstance(tree, list):
        return next((v for v in (find(x, name) for x in tree) if v is not None), None)
    return None


def unescape(text):
    if not text.startswith('"'):
        return text
    return re.sub(r'\\(u[0-9a-fA-F]{4}|.)', lambda m: chr(int(m.group(1)[1:], 16)) if m.group(1)[0] == "u" and len(m.group(1)) == 5
                  else {"n": "\n", "r": "\r", "t": "\t"}.get(m.group(1), m.group(1)), text[1:-1])
