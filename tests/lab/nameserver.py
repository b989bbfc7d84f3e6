# SPDX-License-Identifier: Apache-2.0
"""Real name servers as secondaries of one zone: NSD, Knot, BIND. Each transfers from `primary` (address, port) with the key, and takes
its NOTIFY. None runs as another user than the test, or writes outside its folder."""
import os

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode

from .net import free_port, new_address
from .process import Process, wait_until


class Key:
    def __init__(self, name, secret, algorithm="hmac-sha256"):
        self.name, self.secret, self.algorithm = name, secret, algorithm


def ask(server, name, kind, tcp=False, timeout=3):
    """The answer of (address, port): a dns.message.Message. By TCP when by UDP it was cut: to who sends no cookie we send no answers
    that are much longer than the question."""
    query = dns.message.make_query(name, kind)
    query.flags &= ~dns.flags.RD
    send = dns.query.tcp if tcp else dns.query.udp
    response = send(query, server[0], port=server[1], timeout=timeout)
    if response.flags & dns.flags.TC and not tcp:
        return ask(server, name, kind, tcp=True, timeout=timeout)
    return response


def content(response):
    """(rcode, {(name, type): (ttl, {rdata})}) of the answer section, letters folded."""
    sets = {(str(r.name).lower(), r.rdtype): (r.ttl, frozenset(str(x) for x in r)) for r in response.answer}
    return dns.rcode.to_text(response.rcode()), sets


def serial_of(server, zone):
    """None while it does not answer for the zone."""
    try:
        response = ask(server, zone, "SOA", timeout=1)
    except (dns.exception.Timeout, OSError):
        return None
    if response.rcode() or not response.answer or not response.flags & dns.flags.AA:
        return None
    return response.answer[0][0].serial


class Secondary:
    def __init__(self, path, zone, primary, key, address=None):
        self.path, self.zone, self.primary, self.key = path, zone, primary, key
        self.address = address or new_address()
        self.port = free_port(self.address, udp=True)
        self.process = None

    @property
    def server(self):
        return self.address, self.port

    @property
    def notify(self):
        """For the option notify of the primary."""
        return f"{self.address}:{self.port} key {self.key.name}"

    def write(self, name, text):
        path = os.path.join(self.path, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def start(self):
        self.process = Process(self.command(), os.path.join(self.path, "log"))
        return self

    def serial(self):
        return serial_of(self.server, self.zone)

    def wait_serial(self, serial, timeout=20):
        """Until it has that serial."""
        def has():
            if not self.process.alive():
                raise RuntimeError(f"{type(self).__name__} exited:\n{self.log()[-4000:]}")
            return self.serial() == serial
        return wait_until(has, timeout, f"{type(self).__name__} to have serial {serial}", every=0.05)

    def ask(self, name, kind):
        return ask(self.server, name, kind)

    def log(self):
        return self.process.log() if self.process else ""

    def logs(self):
        return [(f"{type(self).__name__}'s log", self.log())]

    def close(self):
        if self.process:
            self.process.stop(5)
            self.process = None


class Nsd(Secondary):
    def command(self):
        conf = self.write("nsd.conf", f"""
server:
    server-count: 1
    ip-address: {self.address}@{self.port}
    username: ""
    chroot: ""
    database: ""
    zonesdir: "{self.path}"
    zonelistfile: "{self.path}/zone.list"
    xfrdfile: "{self.path}/xfrd.state"
    xfrdir: "{self.path}"
    pidfile: "{self.path}/pid"
    verbosity: 3
    xfrd-reload-timeout: 0
remote-control:
    control-enable: no
key:
    name: "{self.key.name}"
    algorithm: {self.key.algorithm}
    secret: "{self.key.secret}"
zone:
    name: "{self.zone}"
    zonefile: "zone"
    request-xfr: {self.primary[0]}@{self.primary[1]} {self.key.name}
    allow-notify: {self.primary[0]} {self.key.name}
    outgoing-interface: {self.address}
""")
        return ["/usr/sbin/nsd", "-d", "-c", conf]


class Knot(Secondary):
    def command(self):
        conf = self.write("knot.conf", f"""
server:
    rundir: "{self.path}"
    listen: {self.address}@{self.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{self.path}"
log:
  - target: stderr
    any: debug
key:
  - id: {self.key.name}
    algorithm: {self.key.algorithm}
    secret: {self.key.secret}
remote:
  - id: primary
    address: {self.primary[0]}@{self.primary[1]}
    via: {self.address}
    key: {self.key.name}
acl:
  - id: notify
    address: {self.primary[0]}
    key: {self.key.name}
    action: notify
zone:
  - domain: {self.zone}
    storage: "{self.path}"
    file: zone
    zonefile-sync: -1
    master: primary
    acl: notify
    semantic-checks: on
""")
        return ["/usr/sbin/knotd", "-c", conf]


class Bind(Secondary):
    def __init__(self, *args):
        super().__init__(*args, address="127.0.0.1")  # it listens only on addresses that an interface has

    def command(self):
        conf = self.write("named.conf", f"""
options {{
    directory "{self.path}";
    pid-file "{self.path}/pid";
    session-keyfile "{self.path}/session.key";
    lock-file none;
    listen-on port {self.port} {{ {self.address}; }};
    listen-on-v6 {{ none; }};
    transfer-source {self.address};
    recursion no;
    dnssec-validation no;
    notify no;
    minimal-responses yes;
    serial-query-rate 1000;
}};
controls {{ }};
logging {{ category default {{ default_debug; default_stderr; }}; }};
key "{self.key.name}" {{ algorithm {self.key.algorithm}; secret "{self.key.secret}"; }};
zone "{self.zone}" {{
    type secondary;
    file "zone";
    primaries {{ {self.primary[0]} port {self.primary[1]} key "{self.key.name}"; }};
}};
""")
        return ["/usr/sbin/named", "-g", "-d", "3", "-n", "1", "-c", conf]
