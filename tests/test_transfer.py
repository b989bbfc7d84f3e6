# SPDX-License-Identifier: Apache-2.0
"""Zone transfers: NSD, Knot and BIND as secondaries, who may have the zone, what strangers and stalled clients get."""
import base64
import json
import os
import socket
import struct
import subprocess
import time

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset
import dns.tsig
import pytest

from lab import free_port, new_address, wait_until
from lab.backstop import value
from lab.nameserver import Bind, Key, Knot, Nsd, ask, content, serial_of

ZONE = "bl.example.net"
LISTED = ["198.51.100.7", "198.51.100.8", "203.0.113.200", "2001:db8:1:2::"]
SOURCES = ["5.45.67.200", "2a0f:6b8:7:7::"]  # of the world: the keeper lists no others. They send nothing but backscatter: in the tree any. too


def key(name, algorithm="hmac-sha256"):
    return Key(name, base64.b64encode(os.urandom(32)).decode(), algorithm)


class Primary:
    """Backstop with a section dns; the relay is there because its greeting tells that all have started."""

    def __init__(self, lab):
        self.lab, self.address = lab, new_address()
        self.port = free_port(self.address, udp=True)

    def configure(self, keys=(), **settings):
        lines = [f'listen = {{"{self.address}:{self.port}"}}', f'zone = "{ZONE}"',
                 'nameserver = {"ns1.example.net", "ns2.example.org"}', "workers = 1"]
        for k in keys:
            path = self.lab.file(f"{k.name}.secret", k.secret + "\n")
            os.chmod(path, 0o600)
            lines.append(f'tsig "{k.name}" {{ algorithm = {k.algorithm} secret-file = "{path}" }}')
        lines += [f"{name.replace('_', '-')} = {value(v)}" for name, v in settings.items()]
        self.backstop = self.lab.backstop(start=False, top="dns {\n" + "\n".join(lines) + "\n}")
        return self

    @property
    def server(self):
        return self.address, self.port

    def start(self):
        self.backstop.start()
        wait_until(self.serial, 20, "the dns service to answer")
        return self

    def list(self, *addresses):
        for a in addresses:
            self.backstop.cli("list", "add", a, "--reason", "test").ok()

    def unlist(self, *addresses):
        for a in addresses:
            self.backstop.cli("list", "remove", a).ok()

    def accuse(self, *addresses, days=4, targets=6):
        """The keeper lists them for bounces to traps."""
        now = int(time.time())
        acts = [dict(id=f"{a} {d} {t}", ip=a, **{"class": "bounce"}, target=f"{t}@trap.test", witness="trap", time=now - d * 86400)
                for a in addresses for d in range(days) for t in range(targets)]
        self.backstop.cli("evidence", "add", "--batch", stdin="\n".join(map(json.dumps, acts))).ok()
        # No keeper runs beside the service; that it sees no ordinary mail here is not to keep them out of any.
        rules = self.lab.file("keeper.conf", self.backstop.config_text() + "keeper { any-senders = 0 }\n")
        self.backstop.cli("keeper", "--once", "-c", rules, config=False).ok()

    def serial(self):
        return serial_of(self.server, ZONE)

    def transfers(self, **fields):
        return [e for e in self.backstop.events("transfer") if all(e.get(k) == v for k, v in fields.items())]


def reverse(address):
    """The name of an address below a tree of the list."""
    return str(dns.reversename.from_address(address)).removesuffix(".in-addr.arpa.").removesuffix(".ip6.arpa.")


def questions():
    """Names and types whose answers a secondary gives as we do."""
    wild = [reverse(a) for a in ("2001:db8:1:2::1", "2001:db8:1:2:ffff:1:2:3", "2001:db8:1:3::1", "2001:db8:9:2::1", "2a0f:6b8:7:7::9")]
    names = [reverse(a) for a in LISTED[:3] + SOURCES[:1] + ["198.51.100.9", "198.51.100.1", "127.0.0.1", "127.0.0.2", "::ffff:127.0.0.2"]] + wild
    names += ["100.51.198", "51.198", "198", "0.127", "99.51.198",  # empty non-terminals, and one that is none
              "x", "7.100.51.198.198", "1." + reverse("198.51.100.7"),
              wild[0].split(".", 16)[16], "1.2." + wild[0].split(".", 16)[16]]  # the 16 nibbles, and below them
    for tree in ("safe", "any"):
        for name in names:
            for kind in ("A", "TXT", "AAAA"):
                yield f"{name}.{tree}.{ZONE}", kind
        yield f"{tree}.{ZONE}", "A"
    for kind in ("SOA", "NS", "A", "MX"):
        yield ZONE, kind
    yield f"nothing.{ZONE}", "A"


def assert_same_answers(primary, secondaries):
    seen = set()
    for name, kind in questions():
        ours = content(ask(primary.server, name, kind))
        seen.add((ours[0], bool(ours[1])))
        for s in secondaries:
            assert content(s.ask(name, kind)) == ours, f"{type(s).__name__}: {name} {kind}"
    assert seen == {("NOERROR", True), ("NOERROR", False), ("NXDOMAIN", False)}


@pytest.fixture(scope="module")
def world(labs):
    """A primary with some listings, and three secondaries that have pulled them."""
    lab = labs()
    primary = Primary(lab)
    keys = [key("nsd.key"), key("knot.key", "hmac-sha512"), key("bind.key", "hmac-sha384")]
    secondaries = [lab.add(kind(lab.folder(kind.__name__), ZONE, primary.server, k)) for kind, k in zip((Nsd, Knot, Bind), keys)]
    primary.configure(keys, transfer=[f"key {k.name}" for k in keys], notify=[s.notify for s in secondaries], notify_delay="100ms")
    primary.list(*LISTED)
    primary.accuse(*SOURCES)
    primary.start()
    for s in secondaries:
        s.start()
    for s in secondaries:
        s.wait_serial(primary.serial())
    primary.secondaries = secondaries
    return primary


def test_nsd_knot_and_bind_pull_the_zone_and_answer_as_we_do(world):
    for s in world.secondaries:
        assert world.transfers(key=s.key.name, asked="axfr", sent="whole")
        for source in (SOURCES[0], SOURCES[1] + "1:2"):
            assert s.ask(f"{reverse(source)}.any.{ZONE}", "A").answer[0][0].address == "127.0.0.2"
    assert_same_answers(world, world.secondaries)


def test_a_change_reaches_them_by_notify_and_ixfr(world):
    """Their SOA says that they would ask by themselves in an hour at the earliest."""
    before = {s.key.name: len(world.transfers(key=s.key.name, sent="whole")) for s in world.secondaries}
    failed = len(world.backstop.events("notify_failed"))
    for step in range(2):
        world.list(f"192.0.2.{step}", f"2001:db8:9:{step + 5}::")
        world.unlist(LISTED[step])
        for s in world.secondaries:
            s.wait_serial(world.serial())
        assert_same_answers(world, world.secondaries)
        world.list(LISTED[step])
    for s in world.secondaries:
        s.wait_serial(world.serial())
        assert len(world.transfers(key=s.key.name, sent="whole")) == before[s.key.name]
        assert len(world.transfers(key=s.key.name, asked="ixfr", sent="difference")) >= 2
    nsd, knot, bind = world.secondaries
    assert "IXFR, incoming" in knot.log() and "AXFR-style IXFR" not in knot.log()
    assert "got incremental response" in bind.log()
    assert len(world.backstop.events("notify_failed")) == failed
    assert_same_answers(world, world.secondaries)


def test_a_reload_with_another_ttl_is_a_whole_transfer_at_the_next_change(world):
    """Serials do not tell of it, and a difference against other records would not fit."""
    world.backstop.top = world.backstop.top.replace("workers = 1", 'workers = 1 ttl = "1234s"')
    world.backstop.write_config()
    world.backstop.reload()
    wait_until(lambda: ask(world.server, ZONE, "NS").answer[0].ttl == 1234, 20, "the new TTL")
    world.list("192.0.2.77")
    for s in world.secondaries:
        s.wait_serial(world.serial())
    assert_same_answers(world, world.secondaries)


def dig(primary, *words):
    """The records of the answer, a line each."""
    done = subprocess.run(["dig", f"@{primary.address}", "-p", str(primary.port), *words, "+noall", "+answer"],
                          capture_output=True, text=True, timeout=30, check=True)
    assert not done.stderr and "could not be validated" not in done.stdout and "; Transfer failed" not in done.stdout
    return done.stdout


# ---- who may have it -----------------------------------------------------------------------------------------------------------

GOOD, OTHER = key("good.key"), key("other.key")


@pytest.fixture(scope="module")
def guarded(labs):
    primary = Primary(labs()).configure([GOOD, OTHER], transfer=["key good.key", "127.255.0.1/32"])
    primary.list(*LISTED)
    return primary.start()


def exchange(server, wire, source="127.0.0.1"):
    """What a message by TCP is answered with: its octets; empty when the connection is closed."""
    with socket.create_connection(server, timeout=5, source_address=(source, 0)) as s:
        s.sendall(struct.pack("!H", len(wire)) + wire)
        f = s.makefile("rb")
        head = f.read(2)
        return f.read(struct.unpack("!H", head)[0]) if len(head) == 2 else b""


def request(kind="AXFR", zone=ZONE, sign=None, secret=None, fudge=300):
    q = dns.message.make_query(zone, kind)
    if kind == "IXFR":
        q.authority.append(dns.rrset.from_text(ZONE + ".", 0, "IN", "SOA", f". . 1 0 0 0 0"))
    if sign:
        q.use_tsig(dns.tsig.Key(sign.name, secret or sign.secret, sign.algorithm), fudge=fudge)
    return q


def rcode(wire):
    return dns.rcode.to_text(wire[3] & 15) if len(wire) > 12 else ""


@pytest.mark.parametrize("query, source, expected", [
    (dict(), "127.0.0.1", "REFUSED"),
    (dict(kind="IXFR"), "127.0.0.1", "REFUSED"),
    (dict(), "127.255.0.1", "NOERROR"),
    (dict(sign=GOOD), "127.0.0.1", "NOERROR"),
    (dict(sign=OTHER), "127.0.0.1", "REFUSED"),
    (dict(sign=GOOD, secret=OTHER.secret), "127.0.0.1", "NOTAUTH"),
    (dict(sign=GOOD, secret=OTHER.secret), "127.255.0.1", "NOTAUTH"),
    (dict(sign=key("stranger.key")), "127.255.0.1", "NOTAUTH"),
    (dict(sign=Key("good.key", GOOD.secret, "hmac-sha1")), "127.0.0.1", "NOTAUTH"),
    (dict(sign=GOOD, zone="example.net"), "127.0.0.1", "NOTAUTH"),
])
def test_the_zone_goes_to_whom_the_configuration_names(guarded, query, source, expected):
    assert rcode(exchange(guarded.server, request(**query).to_wire(), source)) == expected


def test_by_udp_a_transfer_is_a_format_error_and_ixfr_tells_the_serial(guarded):
    assert dns.query.udp(request(), guarded.address, port=guarded.port, timeout=3).rcode() == dns.rcode.FORMERR
    answer = dns.query.udp(request("IXFR"), guarded.address, port=guarded.port, timeout=3).answer
    assert [r.rdtype for r in answer] == [dns.rdatatype.SOA] and answer[0][0].serial == guarded.serial()


def test_a_question_that_is_signed_is_answered_signed(guarded):
    q = request("SOA", sign=GOOD)
    for send in (dns.query.udp, dns.query.tcp):
        assert send(q, guarded.address, port=guarded.port, timeout=3).had_tsig


def test_a_clock_that_is_off_is_told_ours(guarded, monkeypatch):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 1000)
    with pytest.raises(dns.tsig.PeerBadTime):
        dns.query.tcp(request("SOA", sign=GOOD), guarded.address, port=guarded.port, timeout=3)


def test_the_transferred_zone_passes_the_checkers_of_bind_and_knot(guarded, lab):
    k = lab.file("key", f'key "good.key" {{ algorithm {GOOD.algorithm}; secret "{GOOD.secret}"; }};')
    text = dig(guarded, "-k", k, ZONE, "AXFR", "+onesoa")
    path = lab.file("zone", text)
    for checker in (["named-checkzone", "-i", "local", ZONE, path], ["kzonecheck", "-o", ZONE, path]):
        done = subprocess.run(checker, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr
    names = {line.split()[0] for line in text.splitlines()}
    assert f"7.100.51.198.safe.{ZONE}." in names and f"2.0.0.127.any.{ZONE}." in names
    assert any(n.startswith("*.") for n in names)


def broken_requests():
    """Requests with something wrong in each part of them."""
    good = request(sign=GOOD).to_wire()
    tsig = good.index(b"\x04good\x03key")
    plain, ixfr = request().to_wire(), request("IXFR", sign=GOOD).to_wire()
    yield "two questions", plain[:4] + b"\0\2" + plain[6:] + plain[12:]
    yield "no question", plain[:4] + b"\0\0" + plain[6:12]
    yield "an answer", plain[:2] + b"\x80\0" + plain[4:]
    yield "an answer section", plain[:6] + b"\0\1" + plain[8:]
    yield "a name that points to itself", plain[:12] + b"\xc0\x0c" + plain[-4:]
    yield "no end", plain[:20]
    yield "only a header", plain[:12]
    yield "half a header", plain[:5]
    yield "ixfr without its soa", ixfr[:8] + b"\0\0" + ixfr[10:]
    yield "two signatures", good[:10] + b"\0\2" + good[12:] + good[tsig:]
    yield "a signature that is not last", good[:10] + b"\0\2" + good[12:] + b"\0\0\x29\4\xd0\0\0\0\0\0\0"
    yield "octets behind the signature", good + b"\0"
    for at in range(tsig, len(good)):
        yield f"octet {at} of the signature", good[:at] + bytes([good[at] ^ 0x41]) + good[at + 1:]
    for n in range(tsig, len(good), 7):
        yield f"cut at {n}", good[:n]


def test_broken_requests_are_refused_and_change_nothing(guarded):
    pids = guarded.backstop.pids()
    for what, wire in broken_requests():
        answer = exchange(guarded.server, wire)
        assert rcode(answer) in ("FORMERR", "NOTAUTH", "REFUSED", ""), what
        assert not answer or answer[:2] == wire[:2]
        assert len(answer) < 512
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(wire, guarded.server)
    assert rcode(exchange(guarded.server, request(sign=GOOD).to_wire())) == "NOERROR"
    assert guarded.backstop.pids() == pids


# ---- many listings, slow clients ---------------------------------------------------------------------------------------------

MANY = 60000  # 10 MB: more than the sockets' buffers take


def test_a_client_that_takes_nothing_keeps_nobody_waiting_and_is_given_up(lab):
    primary = Primary(lab).configure(transfer=["127.0.0.0/8"], transfer_limit=3, transfer_timeout="2s")
    rows = "".join(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(MANY))
    primary.backstop.cli("list", "import", "-", stdin=rows).ok()
    primary.start()
    clients = []
    for _ in range(3):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(primary.server)
        wire = request().to_wire()
        s.sendall(struct.pack("!H", len(wire)) + wire)
        s.recv(2)  # it has begun
        clients.append(s)
    assert rcode(exchange(primary.server, request().to_wire())) == "SERVFAIL"
    for tcp in (False, True):
        begin = time.monotonic()
        for i in range(20):
            assert ask(primary.server, f"{i}.0.0.10.safe.{ZONE}", "A", tcp=tcp).answer
        assert time.monotonic() - begin < 2
    wait_until(lambda: len(primary.transfers(error="timed out")) == 3, 20, "the stalled transfers to be given up")
    assert len({line.split()[0] for line in dig(primary, ZONE, "AXFR").splitlines()}) == 1 + 4 + MANY
    for s in clients:
        s.close()
