# SPDX-License-Identifier: Apache-2.0
"""Mail and name servers of people who mean harm: what proof asks for has bounds in time and memory, the result is of the right class,
and everybody else is served meanwhile."""
import base64
import time

import pytest
from lab import Smtp, wait_until
from lab.signing import DkimKey
from lab.smtp import message

SIGNATURE = ("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s={selector}; h=from:to:subject;\r\n"
             "\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=" + "A" * 342 + "==\r\n")
MEMORY = 64 << 20  # octets that all of it together may add to the relay


def monstrous_key(bits):
    """An RSA key that takes long to verify with: of many bits, and its exponent too (base64 of RFC 8017's RSAPublicKey)."""
    def tlv(tag, content):
        length = len(content).to_bytes(3, "big")
        return bytes([tag, 0x83]) + length + content
    number = b"\x00" + b"\xff" * (bits // 8)
    return base64.b64encode(tlv(0x30, tlv(2, number) + tlv(2, number))).decode()


def text(value):
    """A value as the strings of a TXT record."""
    return " ".join(f'"{value[i:i + 250]}"' for i in range(0, len(value), 250))


def zone(good, keys):
    lines = [f'pass.test TXT "v=spf1 ip4:{good} -all"', *(key.record for key in keys)]
    # loops
    lines += ["cname-loop.test CNAME cname-loop.test", "cname-a.test CNAME cname-b.test", "cname-b.test CNAME cname-a.test",
              'include-loop.test TXT "v=spf1 include:include-loop.test -all"', 'redirect-loop.test TXT "v=spf1 redirect=redirect-loop.test"']
    lines += [f"chain{i}.test CNAME chain{i + 1}.test" for i in range(30)] + [f'chain30.test TXT "v=spf1 ip4:{good} -all"']
    # very large, and very many
    lines += ["huge.test TXT " + " ".join(f'"{"x" * 255}"' for _ in range(235)),
              'hugespf.test TXT "v=spf1 " ' + " ".join('"' + "ip4:192.0.2.1 " * 18 + '"' for _ in range(235)) + ' "-all"',
              "many.test MX 10 none.many.test", *(f'many.test TXT "text {i} {"y" * 200}"' for i in range(250)),
              'many.test TXT "v=spf1 -all"']
    lines += ['mx.test TXT "v=spf1 mx -all"', *(f"mx.test MX 10 m{i}.mx.test" for i in range(200)),
              'ptr.test TXT "v=spf1 ptr -all"']
    # terms that each cost a look-up: a tree of includes, and names that do not exist
    lines += ['tree.test TXT "v=spf1 ' + " ".join(f"include:t{i}.tree.test" for i in range(9)) + ' -all"']
    lines += [f't{i}.tree.test TXT "v=spf1 ' + " ".join(f"include:t{j}.tree.test" for j in range(9)) + ' -all"' for i in range(9)]
    lines += ['void.test TXT "v=spf1 a:n1.void.test a:n2.void.test a:n3.void.test a:n4.void.test -all"',
              'macro.test TXT "v=spf1 exists:' + "%{l}" * 50 + '.macro.test -all"']
    # silent, late, and lying
    lines += ["silent.test TIMEOUT", "late.test LATE 1.5", f'late.test TXT "v=spf1 ip4:{good} -all"', "garbage.test GARBAGE",
              'slow-tree.test TXT "v=spf1 a:s1.slow-tree.test a:s2.slow-tree.test a:s3.slow-tree.test -all"',
              *(f"s{i}.slow-tree.test TIMEOUT" for i in (1, 2, 3))]
    # odd octets
    lines += [r'nul.test TXT "v=spf1 a:x\000y.nul.test -all"', r'nulend.test TXT "v=spf1 ip4:192.0.2.1 -all\000"',
              r'octets.test TXT "v=spf1 a:\195\188.octets.test -all"',
              r"nulmx.test MX 10 a\000b.nulmx.test", 'nulmx.test TXT "v=spf1 mx -all"', r"a\000b.nulmx.test A 192.0.2.9",
              r"nulcname.test CNAME a\000\.b.nulcname.test", fr'a\000\.b.nulcname.test TXT "v=spf1 ip4:{good} -all"']
    # keys and policies
    lines += ["huge._domainkey.keys.test TXT " + '"v=DKIM1; p=" ' + " ".join(f'"{"A" * 255}"' for _ in range(230)),
              "loop._domainkey.keys.test CNAME loop._domainkey.keys.test", "silent._domainkey.keys.test TIMEOUT",
              "garbage._domainkey.keys.test GARBAGE", r'nul._domainkey.keys.test TXT "v=DKIM1; p=\000\000\000"',
              f"monster16k._domainkey.keys.test TXT {text('v=DKIM1; p=' + monstrous_key(16384))}",
              f"monster64k._domainkey.keys.test TXT {text('v=DKIM1; p=' + monstrous_key(65536))}",
              "*.flood._domainkey.keys.test LATE 0.2", "keys.test A 192.0.2.1"]
    lines += ['_dmarc.huge-policy.test TXT "v=DMARC1; p=reject; " ' + " ".join(f'"{"z" * 255}"' for _ in range(230)),
              "_dmarc.loop-policy.test CNAME _dmarc.loop-policy.test", "_dmarc.silent-policy.test TIMEOUT"]
    return "\n".join(lines)


SPF = {
    "cname-loop.test": "temperror", "cname-a.test": "temperror", "chain0.test": "temperror", "include-loop.test": "permerror",
    "redirect-loop.test": "permerror", "huge.test": "none", "hugespf.test": "fail", "many.test": "fail", "mx.test": "permerror",
    "ptr.test": "fail", "tree.test": "permerror", "void.test": "permerror", "macro.test": "fail", "silent.test": "temperror",
    "late.test": "pass", "garbage.test": "temperror", "slow-tree.test": "temperror", "nul.test": "permerror", "nulend.test": "permerror",
    "octets.test": "permerror", "nulmx.test": "fail", "nulcname.test": "pass",
}


class World:
    def __init__(self, lab):
        self.good = lab.address()
        self.keys = {bits: DkimKey("keys.test", f"rsa{bits}", bits) for bits in (512, 1024, 4096)}
        self.pass_key = DkimKey("pass.test")
        self.down = lab.sink()
        self.dns = lab.dns(zone(self.good, [*self.keys.values(), self.pass_key]))
        self.relay = lab.backstop(dns=self.dns, client_session_rate=0, top='auth { spf-timeout = "3s" key-timeout = "3s" }')
        self.relay.tenant("acme", "tenant.test", self.down.endpoint)
        self.count = 0
        self.exchange("a@pass.test")  # what is only made once is made
        self.before = self.memory()

    def memory(self):
        """The largest resident set that any of its processes has had so far."""
        return max(int(line.split()[1]) * 1024 for pid in self.relay.pids()
                   for line in open(f"/proc/{pid}/status") if line.startswith("VmHWM"))

    def exchange(self, sender, content=None, extra="", fields=""):
        """(the log's line, how long the transaction took); the session goes on after it."""
        self.count += 1
        message_id = f"<hostile{self.count}@client.test>"
        content = content(message_id) if content else message(sender, "x@tenant.test", message_id=message_id, extra=extra)
        content = fields.encode("latin-1") + content
        with Smtp(self.relay.server, source=self.good, timeout=60) as client:
            began = time.monotonic()
            reply = client.transaction(sender, "x@tenant.test", content)
            took = time.monotonic() - began
            assert reply.code == 250, reply
            assert client.transaction("b@pass.test", "x@tenant.test").code == 250, "the session goes on"
        return self.relay.wait_event("message", message_id=message_id), took


@pytest.fixture(scope="module")
def world(shared_lab):
    made = World(shared_lab)
    pids = made.relay.pids()
    yield made
    assert made.relay.pids() == pids and made.relay.process.alive(), "nobody died"
    assert not made.relay.events("service_exit")
    assert made.memory() - made.before < MEMORY


@pytest.mark.parametrize("domain", SPF)
def test_a_name_server_that_means_harm_costs_no_more_than_the_time_allowed(world, domain):
    event, took = world.exchange(f"a@{domain}")
    assert event["spf"] == SPF[domain], event
    assert event["proof"] == ("spf" if event["spf"] == "pass" else "none")
    assert took < 3 + 3 + 4, took


def test_a_reverse_zone_that_points_everywhere_costs_ten_look_ups_at_most(world):
    reverse = ".".join(reversed(world.good.split("."))) + ".in-addr.arpa"
    world.dns.add("\n".join(f"{reverse} PTR p{i}.ptr2.test" for i in range(300)) + '\nptr2.test TXT "v=spf1 ptr -all"')
    event, took = world.exchange("a@ptr2.test")
    assert event["spf"] == "fail" and took < 3
    asked = sum(world.dns.asked(f"p{i}.ptr2.test", kind) for i in range(300) for kind in ("A", "AAAA"))
    assert asked <= 20, asked


@pytest.mark.parametrize("selector, result", [
    ("huge", "permerror"), ("nul", "permerror"), ("loop", "temperror"), ("garbage", "temperror"), ("silent", "temperror"), ("none", "permerror"),
    ("monster16k", "permerror"), ("monster64k", "permerror")])
def test_keys_from_a_name_server_that_means_harm(world, selector, result):
    event, took = world.exchange("a@pass.test", extra=SIGNATURE.format(domain="keys.test", selector=selector))
    assert event["dkim"] == result, event
    assert event["proof"] == "spf" and took < 5


@pytest.mark.parametrize("bits, result", [(512, "policy"), (1024, "pass"), (4096, "pass")])
def test_keys_of_unusual_size(world, bits, result):
    def content(message_id):
        return world.keys[bits].sign(message("a@keys.test", "x@tenant.test", message_id=message_id))
    event, took = world.exchange("a@keys.test", content)
    assert event["dkim"] == result and event["proof"] == ("dkim" if event["dkim"] == "pass" else "none"), event
    assert took < 5


@pytest.mark.parametrize("author, result", [("huge-policy.test", "fail"), ("loop-policy.test", "temperror"), ("silent-policy.test", "temperror")])
def test_policies_from_a_name_server_that_means_harm(world, author, result):
    event, took = world.exchange("a@pass.test", lambda message_id: message(f"ceo@{author}", "x@tenant.test", message_id=message_id))
    assert event["dmarc"] == result, event
    assert event["proof"] == "spf" and took < 5


FLOOD = "DKIM-Signature: v=1; a=rsa-sha256; d=d{n}.keys.test; s=s{n}.flood; h=from; bh=AAAA; b=AAAA\r\n"
ARC = ("ARC-Seal: i={n}; a=rsa-sha256; cv=pass; d=d{n}.keys.test; s=s{n}.flood; b=AAAA\r\n"
       "ARC-Message-Signature: i={n}; a=rsa-sha256; d=d{n}.keys.test; s=s{n}.flood; h=from; bh=AAAA; b=AAAA\r\n"
       "ARC-Authentication-Results: i={n}; d{n}.keys.test; spf=pass\r\n")
HEADERS = {  # fields that are added to a message; each set is under 256 KiB
    "500 signatures of one domain": SIGNATURE.format(domain="keys.test", selector="none") * 400,
    "signatures of very many domains": "".join(FLOOD.format(n=n) for n in range(2500)),
    "10,000 empty signatures": "DKIM-Signature: v=1\r\n" * 10000,
    "one signature with 60,000 tags": "DKIM-Signature: v=1; a=rsa-sha256; d=keys.test; s=none; "
                                      + "\r\n ".join("x=1;" * 200 for _ in range(300)) + "\r\n",
    "one signature over 30,000 fields": "DKIM-Signature: v=1; a=rsa-sha256; d=keys.test; s=rsa1024; b=AAAA;\r\n"
                                        "\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; h=from"
                                        + "\r\n ".join(":x" * 400 for _ in range(80)) + "\r\n" + "X: y\r\n" * 20000,
    "250 KiB of one field": "X-Long: " + "\r\n ".join("z" * 900 for _ in range(280)) + "\r\n",
    "3,000 forged results": "Authentication-Results: mx.relay.test; spf=pass (((((((((((((((((((((((((((\r\n" * 3000,
    "250 KiB of nested comments": "Authentication-Results: " + "\r\n ".join("(" * 900 for _ in range(280)) + "\r\n",
    "60,000 authors": "From: " + ",\r\n ".join("a@b,a@b,a@b,a@b,a@b,a@b,a@b,a@b,a@b,a@b" for _ in range(6000)) + "\r\n",
    "ARC sets without end": "".join(ARC.format(n=n) for n in range(800, 0, -1)),
    "octets that are no text": "DKIM-Signature: v=1; a=rsa-sha256; d=\x00\xff\xfe; s=\x01; h=\x00:from; bh=\x80; b=\x00\r\n",
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_means_harm_costs_a_moment(world, name):
    assert len(HEADERS[name]) < 255 << 10, "below header-size-limit"
    event, took = world.exchange("a@pass.test", fields=HEADERS[name])
    assert event["spf"] == "pass" and event["proof"] == "spf"
    assert event["dkim"] != "pass" and event.get("arc", "none") != "pass"
    assert took < 5, took
    got = world.down.wait_for(lambda m: m.field("Message-ID") == event["message_id"])
    assert got.header.startswith("Authentication-Results: mx.relay.test;")
    ours = got.field("Authentication-Results")
    assert len(ours) < 8000 and ours.isascii() and ours.replace("\t", "").isprintable(), "what we write has bounds too"


def test_a_flood_of_signatures_asks_the_dns_for_some_of_them_only(world):
    world.exchange("a@pass.test", fields=HEADERS["signatures of very many domains"])
    assert sum(world.dns.asked(f"s{n}.flood._domainkey.d{n}.keys.test", "TXT") for n in range(2500)) <= 20


def test_everybody_else_is_served_while_name_servers_are_silent(world):
    """Twenty sessions wait for DNS; a new one does not."""
    clients = []
    try:
        for i in range(20):
            client = Smtp(world.relay.server, source=world.good)
            client.mail(f"a{i}@silent.test")
            client.rcpt("x@tenant.test")
            client.command("DATA")
            client.send(message() + b".\r\n")
            clients.append(client)
        began = time.monotonic()
        with Smtp(world.relay.server, source=world.good) as client:
            assert client.transaction("c@pass.test", "x@tenant.test").code == 250
        assert time.monotonic() - began < 2
        assert [client.reply().code for client in clients] == [250] * 20
    finally:
        for client in clients:
            client.close()


def test_a_reload_and_new_keys_while_senders_are_looked_up_do_no_harm(world):
    """What the waiting sessions hold of the old configuration and keys stays until they are done."""
    clients = []
    try:
        for i in range(10):
            client = Smtp(world.relay.server, source=world.good)
            client.mail(f"r{i}@silent.test")
            client.rcpt("x@tenant.test")
            client.command("DATA")
            client.send(message() + b".\r\n")
            clients.append(client)
        ready = len(world.relay.events("reloaded"))
        world.relay.reload()
        wait_until(lambda: len(world.relay.events("reloaded")) > ready, 10, "the reload")
        world.relay.cli("tenant", "set", "acme", "--tags", "prvs").ok()
        world.relay.cli("keys", "rotate", "--tenant", "acme", "--tags").ok()
        assert [client.reply().code for client in clients] == [250] * 10
    finally:
        for client in clients:
            client.close()
        world.relay.cli("tenant", "set", "acme", "--tags", "off").ok()


def test_a_client_that_goes_while_its_sender_is_looked_up_leaves_nothing_behind(world):
    sessions = world.relay.metric("smtp_sessions_open")
    for i in range(20):
        with Smtp(world.relay.server, source=world.good) as client:
            client.mail(f"gone{i}@silent.test")
            client.rcpt("x@tenant.test")
    world.exchange("a@pass.test")
    assert sessions is None or world.relay.metric("smtp_sessions_open") <= sessions + 1


@pytest.mark.parametrize("size", [1 << 20, 20 << 20])
def test_a_large_signed_message_is_read_once_and_holds_up_nobody(world, size):
    body = ("x" * 76 + "\r\n") * (size // 78)

    def content(message_id):
        return world.pass_key.sign(message("a@pass.test", "x@tenant.test", message_id=message_id, body=body))
    event, took = world.exchange("a@pass.test", content)
    assert event["dkim"] == "pass" and took < 30
