# SPDX-License-Identifier: Apache-2.0
"""backstop export: other name servers load what is exported and answer as we do; a file is replaced at once, and again when the list has
changed."""
import json
import os
import random
import socket
import struct
import subprocess
import time

import dns.edns
import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.zone
import pytest
from lab import Process, free_port, wait_until
from lab.backstop import program
from lab.net import new_address

ZONE = "bl.example.net"
A, TXT = 1, 16
START = int(time.time()) - 9 * 86400


def configuration(address):
    return f"""
dns {{ listen = {{"{address[0]}:{address[1]}"}} zone = "{ZONE}" nameserver = {{"ns1.example.net", "ns2.example.net"}} contact = "post.master@example.net" }}
keeper {{ list-reserved = true any-senders = 0 }}
web {{ public-url = "https://bl.example.net" }}"""


def reversed_name(ip):
    if ":" in ip:
        import ipaddress
        return ".".join(reversed(ipaddress.ip_address(ip).exploded.replace(":", "")))
    return ".".join(reversed(ip.split(".")))


@pytest.fixture(scope="module")
def listed():
    rng = random.Random(3)
    ipv4 = {".".join(str(rng.randrange(1, 224)) for _ in range(4)) for _ in range(5_000)}
    return sorted(ipv4) + [f"2001:db8:{i:x}:{i * 7:x}::1" for i in range(1, 500)]


@pytest.fixture(scope="module")
def server(labs, listed):
    """A list by hand and, of the first addresses, by evidence too: several classes, and some that send nothing but backscatter."""
    address = new_address()
    where = (address, free_port(address, udp=True))
    lab = labs()
    backstop = lab.backstop(start=False, top=configuration(where))
    backstop.where, backstop.lab = where, lab
    backstop.cli("list", "import", "-", "--reason", "seen", stdin="\n".join(listed)).ok()
    acts = [{"id": n, "ip": ip, "class": kind, "witness": "trap", "target": f"t{n}@trap.test", "time": START + day * 86400}
            for n, (ip, kind, day, _) in enumerate((ip, kind, day, target) for ip in ["198.51.100.77", "2001:db8:ffff::1"]
                                                   for kind in ("bounce", "challenge") for day in range(9) for target in range(4))]
    backstop.cli("evidence", "add", "--batch", stdin="".join(json.dumps(act) + "\n" for act in acts)).ok()
    backstop.cli("keeper", "--once", "--now", str(START + 9 * 86400)).ok()
    backstop.process = Process([program(), "dns", "-c", backstop.config_path], backstop.log_path)
    wait_until(lambda: answers(where), 20, "the DNS service to answer")
    return backstop


def answers(where, name="2.0.0.127.safe." + ZONE):
    try:
        return dns.query.udp(dns.message.make_query(name, "A"), where[0], port=where[1], timeout=1).answer
    except (OSError, dns.exception.Timeout):
        return None


def exported(server, form, *options):
    return server.cli("export", "--format", form, *options).ok().out


# ---- the formats ---------------------------------------------------------------------------------------------------------------


def test_checkers_accept_the_zone_file(server, tmp_path):
    path = tmp_path / "zone"
    server.cli("export", "--format", "zone", "--output", str(path)).ok()
    for command in (["named-checkzone", "-i", "local", ZONE, str(path)], ["kzonecheck", "-o", ZONE, str(path)]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_zone_file_says_what_we_answer(server, listed):
    zone = dns.zone.from_text(exported(server, "zone"), origin=ZONE, relativize=False)
    assert {rr.to_text() for rr in zone.find_rdataset(ZONE + ".", "NS")} == {"ns1.example.net.", "ns2.example.net."}
    assert "post\\.master.example.net." in zone.find_rdataset(ZONE + ".", "SOA")[0].to_text()
    for ip in random.Random(1).sample(listed, 50) + ["198.51.100.77", "127.0.0.2"]:
        owner = reversed_name(ip) if ":" not in ip else "*" + reversed_name(ip)[31:]
        for kind in ("A", "TXT"):
            query = dns.message.make_query(f"{reversed_name(ip)}.safe.{ZONE}", kind)
            answer = dns.query.tcp(query, server.where[0], port=server.where[1], timeout=5)
            assert set(map(str, answer.answer[0])) == set(map(str, zone.find_rdataset(f"{owner}.safe.{ZONE}.", kind))), ip


def test_rpz_holds_what_sends_nothing_else(server, tmp_path):
    few = exported(server, "rpz").splitlines()
    assert [line for line in few if "CNAME" in line] == ["32.77.100.51.198.rpz-ip CNAME .", "64.zz.ffff.db8.2001.rpz-ip CNAME ."]
    path = tmp_path / "rpz"
    path.write_text(exported(server, "rpz", "--all"))
    assert path.read_text().count("CNAME .\n") > 5_000
    conf = tmp_path / "named.conf"
    conf.write_text(f"""options {{ directory "{tmp_path}"; response-policy {{ zone "rpz.test"; }}; }};
zone "rpz.test" {{ type primary; file "{path}"; }};""")
    done = subprocess.run(["named-checkconf", "-z", str(conf)], capture_output=True, text=True)
    assert done.returncode == 0 and "loaded serial" in done.stdout and "rpz.test" in done.stdout, done.stdout + done.stderr


def test_json(server, listed):
    rows = {row["unit"]: row for row in map(json.loads, exported(server, "json").splitlines())}
    assert len(rows) == len(listed) + 2
    assert rows["198.51.100.77"] == {"unit": "198.51.100.77", "codes": ["127.0.0.2", "127.0.0.4"], "classes": ["bounce", "challenge"],
                                     "grade": "only", "any": True, "manual": False}
    assert rows[listed[0]]["manual"] is True and rows["2001:db8:1:7::/64"]["codes"] == ["127.0.0.9"]


# ---- rbldnsd -------------------------------------------------------------------------------------------------------------------


class Asker:
    """Asks one server by UDP, many questions at a time; gives for each name and type the rcode and the set of records. A cookie is
    sent, for long answers are for those only who show that their address is theirs."""

    def __init__(self, where):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.socket.connect(where)
        self.socket.settimeout(0.2)
        self.cookie = b"8octets!"
        first = dns.message.make_query("2.0.0.127.safe." + ZONE, "A", use_edns=0,
                                       options=[dns.edns.GenericOption(dns.edns.OptionType.COOKIE, self.cookie)])
        answer = dns.query.udp(first, where[0], port=where[1], timeout=5)
        for option in answer.options:
            if option.otype == dns.edns.OptionType.COOKIE:
                self.cookie = option.to_wire() if hasattr(option, "to_wire") else option.data
        self.cookie = self.cookie or b"8octets!"

    def wire(self, number, name, kind):
        labels = b"".join(bytes([len(x)]) + x for x in name.encode().split(b"."))
        option = struct.pack("!HH", 10, len(self.cookie)) + self.cookie
        return (struct.pack("!HHHHHH", number, 0, 1, 0, 0, 1) + labels + b"\0" + struct.pack("!HH", kind, 1)
                + b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(option)) + option)

    def ask(self, questions, window=64):
        found = {}
        for start in range(0, len(questions), window):
            waiting = {number: q for number, q in enumerate(questions[start:start + window])}
            for _ in range(20):
                for number, (name, kind) in waiting.items():
                    self.socket.send(self.wire(number, name, kind))
                try:
                    while waiting:
                        answer = self.socket.recv(4096)
                        q = waiting.pop(struct.unpack("!H", answer[:2])[0], None)
                        if q:
                            found[q] = self.read(answer, q)
                except TimeoutError:
                    continue
                break
        return found

    @staticmethod
    def read(wire, question):
        flags, _, count = struct.unpack("!HHH", wire[2:8])
        assert not flags & 0x0200, f"{question} was cut"
        at, records = 12, set()
        while wire[at]:
            at += wire[at] + 1
        at += 5
        for _ in range(count):
            while wire[at] and wire[at] < 192:
                at += wire[at] + 1
            at += 2 if wire[at] else 1
            kind, _, _, size = struct.unpack("!HHIH", wire[at:at + 10])
            records.add((kind, wire[at + 10:at + 10 + size]))
            at += 10 + size
        return flags & 15, frozenset(records)


def test_rbldnsd_answers_the_same_for_100000_names(server, listed, tmp_path):
    os.chmod(tmp_path, 0o755)
    for parent in tmp_path.parents[:3]:
        os.chmod(parent, 0o755)
    (tmp_path / "bl").write_text(exported(server, "rbldnsd"))
    address = new_address()
    where = (address, free_port(address, udp=True))
    rbldnsd = Process(["rbldnsd", "-n", "-u", "rbldns", "-b", f"{where[0]}/{where[1]}", "-w", str(tmp_path), "-c", "0",
                       f"{ZONE}:combined:bl"], str(tmp_path / "log"))
    try:
        wait_until(lambda: answers(where) or not rbldnsd.alive(), 20, "rbldnsd to answer")
        assert "invalid" not in rbldnsd.log() and "unrecognized" not in rbldnsd.log(), rbldnsd.log()
        rng = random.Random(5)
        questions = set()
        while len(questions) < 100_000:
            pick = rng.random()
            ip = (rng.choice(listed) if pick < 0.5 else "198.51.100.77" if pick < 0.51 else "127.0.0.2" if pick < 0.52
                  else f"2001:db8:{rng.randrange(1, 600):x}:{rng.randrange(4000):x}::{rng.randrange(9999):x}" if pick < 0.6
                  else ".".join(str(rng.randrange(256)) for _ in range(4)))
            name = f"{reversed_name(ip)}.{rng.choice(['safe', 'safe', 'any'])}.{ZONE}"
            questions.add((name if rng.random() < 0.9 else name.upper(), rng.choice([A, A, TXT, 28])))
        questions = sorted(questions)
        ours, theirs = Asker(server.where).ask(questions), Asker(where).ask(questions)
        assert len(ours) == len(theirs) == len(questions)
        different = [(q, ours[q], theirs[q]) for q in questions if ours[q] != theirs[q]]
        assert different == [], f"{len(different)} differ, as {different[:3]}"
        assert sum(bool(records) for _, records in ours.values()) > 10_000
    finally:
        rbldnsd.kill()


# ---- files ---------------------------------------------------------------------------------------------------------------------


def test_a_file_is_replaced_whole_and_again_when_the_list_changes(lab, tmp_path):
    backstop = lab.backstop(start=False, top=configuration(("127.0.0.1", 5353)))
    path, seen = tmp_path / "bl", tmp_path / "runs"
    path.write_text("old\n")
    path.chmod(0o640)
    backstop.cli("list", "add", "192.0.2.1").ok()
    follower = Process([program(), "export", "--format", "json", "--output", str(path), "--follow", "--interval", "1s", "--then",
                        f"echo x >> {seen}", "-c", backstop.config_path], str(tmp_path / "log"))
    try:
        wait_until(lambda: "192.0.2.1" in path.read_text(), 10, "the first version")
        with open(path) as old:
            backstop.cli("list", "add", "192.0.2.2").ok()
            wait_until(lambda: "192.0.2.2" in path.read_text(), 10, "the second")
            assert "192.0.2.2" not in old.read(), "who has the old file open reads the old list to its end"
        assert path.stat().st_mode & 0o777 == 0o640
        wait_until(lambda: seen.read_text() == "x\nx\n", 5, "the command to have run twice")
        assert sorted(os.listdir(tmp_path)) == ["bl", "log", "runs"], "nothing is left over"
        assert follower.stop() == 0
    finally:
        follower.kill()


def test_an_empty_list_and_mistakes(lab, tmp_path):
    backstop = lab.backstop(start=False, top=configuration(("127.0.0.1", 5353)))
    assert "2.0.0.127.safe A 127.0.0.2" in backstop.cli("export", "--format", "zone").ok().out
    for words, code in ((["--format", "xml"], 2), ([], 2), (["--format", "zone", "--follow"], 2), (["--format", "zone", "--all"], 2),
                        (["--format", "zone", "--output", "/nonexistent/x"], 3), (["--format", "zone", "--output", str(tmp_path)], 3)):
        done = backstop.cli("export", *words)
        assert done.code == code and "backstop export:" in done.err, done
    nameless = lab.file("nameless.conf", f'state-dir = "{backstop.state}"\n')
    done = subprocess.run([program(), "export", "--format", "zone", "-c", nameless], capture_output=True, text=True)
    assert done.returncode == 3 and "names no zone" in done.stderr
