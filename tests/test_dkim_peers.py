# SPDX-License-Identifier: Apache-2.0
"""DKIM with others: what we sign they verify, what they sign we verify, and what was changed on the way nobody does.

The peers are dkimpy, Mail::DKIM and libopendkim (lab/dkim_peers.py)."""
import json
import os
import subprocess
import time

import pytest
from lab.backstop import program
from lab.dkim_peers import Dkimpy, Key, MailDkim, OpenDkim

NOW = int(time.time())  # dkimpy and libopendkim sign with the time of day
DOMAIN = "sign.test"
WAYS = ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"]

HEADER = (b"Received: from b.test by c.test; Tue, 14 Nov 2023 22:13:21 +0000\r\n"
          b"Received: from a.test\r\n\tby b.test; Tue, 14 Nov 2023 22:13:20 +0000\r\n"
          b"From: \"Joe  Six-Pack\" <joe@sign.test>\r\n"
          b"To: suzie@shopping.test,\r\n  other@shopping.test\r\n"
          b"Subject: Is   dinner\tready? \r\n"
          b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
          b"Message-ID: <1@sign.test>\r\n")
BODY = b"Hi.\r\n\r\nWe lost the game.  Are you\thungry yet? \r\n\r\nJoe.\r\n"
MESSAGES = {
    "plain": HEADER + b"\r\n" + BODY,
    "no line end": HEADER + b"\r\nHi.\r\n\r\nJoe",
    "empty body": HEADER + b"\r\n",
    "only empty lines": HEADER + b"\r\n\r\n\r\n\r\n",
    "empty lines at the end": HEADER + b"\r\n" + BODY + b"\r\n\r\n\r\n",
    "empty lines at the beginning": HEADER + b"\r\n\r\n\r\n" + BODY,
    "lines of blanks": HEADER + b"\r\n \t\r\nHi. \r\n   \r\n\t\r\n",
    "blanks at both ends": HEADER + b"\r\n  Hi.\t \r\n\tJoe  \r\n",
    "8-bit": HEADER + "X-Name: Jos\u00e9\r\n\r\nGr\u00fc\u00dfe\r\n".encode() + b"\xff\xfe\r\n",
    "repeated fields": b"X-A: 1\r\nX-A: 2\r\nComments: a\r\n" + HEADER + b"Comments: b\r\nX-A:3\r\n\r\n" + BODY,
    "folded fields": HEADER + b"References: <a@b.test>\r\n <c@d.test>\r\n\t<e@f.test>\r\n  \t <g@h.test>\r\n\r\n" + BODY,
    "empty fields": HEADER + b"Cc:\r\nComments: \r\nKeywords:\r\n \r\n\r\n" + BODY,
    "dots": HEADER + b"\r\n.\r\n..\r\nHi.\r\n",
    "long lines": HEADER + b"\r\n" + b"x" * 5000 + b"\r\n" + b"a  " * 3000 + b"\r\n",
    "big": HEADER + b"\r\n" + b"We lost the game.  Are you hungry yet?\r\n" * 10000,
}


@pytest.fixture(scope="module")
def keys(shared_lab):
    folder = shared_lab.folder("keys")
    return {"rsa": Key(folder, "rsa", "rsa", 2048), "ed25519": Key(folder, "ed25519", "ed25519"),
            "short": Key(folder, "short", "rsa", 1024), "tiny": Key(folder, "tiny", "rsa", 512), "other": Key(folder, "other", "rsa", 2048)}


@pytest.fixture(scope="module")
def records(keys):
    made = {f"{name}._domainkey.{DOMAIN}": key.record for name, key in keys.items()}
    made[f"bare._domainkey.{DOMAIN}"] = keys["rsa"].bare_record
    return made


@pytest.fixture(scope="module")
def peers(shared_lab):
    return {"dkimpy": Dkimpy(), "Mail::DKIM": shared_lab.add(MailDkim()), "libopendkim": OpenDkim()}


@pytest.fixture(scope="module")
def server(shared_lab, records):
    def text(record):
        return " ".join(f'"{record[i:i + 200]}"' for i in range(0, len(record), 200))
    return shared_lab.dns("\n".join(f"{name} TXT {text(record)}" for name, record in records.items()))


class Ours:
    def __init__(self, folder, endpoint):
        self.folder, self.endpoint = folder, endpoint

    def file(self, name, octets):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(octets)
        return path

    def run(self, *words, stdin=None):
        done = subprocess.run([program(), *map(str, words)], input=stdin, capture_output=True, timeout=120)
        assert b"Sanitizer" not in done.stderr, done.stderr.decode()
        return done

    def sign(self, message, key, selector, *more):
        done = self.run("dkim-sign", "--key", key.path, "--domain", DOMAIN, "--selector", selector, "--now", NOW, *more, "-",
                        stdin=message)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def verify(self, messages, *more, **options):
        """{name: message} -> {name: answer}, in one batch."""
        lines = [json.dumps({"id": name, "file": self.file(f"{i}.eml", message), "now": NOW, **options})
                 for i, (name, message) in enumerate(messages.items())]
        done = self.run("dkim", "--json", "--batch", "--resolver", self.endpoint, *more, stdin="\n".join(lines).encode() + b"\n")
        assert done.returncode == 0, done.stderr.decode()
        answers = {row["id"]: row for row in map(json.loads, done.stdout.decode().splitlines())}
        assert set(answers) == set(messages)
        return answers

    def wrong(self, messages, result="pass", **options):
        """The names of those that have another result, with the answers."""
        return {name: answer for name, answer in self.verify(messages, **options).items() if answer.get("result") != result}


@pytest.fixture(scope="module")
def ours(shared_lab, server):
    return Ours(shared_lab.folder("messages"), server.endpoint)


def lf(message):
    return message.replace(b"\r\n", b"\n")


# ---- what we sign ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_what_we_sign_everybody_verifies(ours, peers, keys, records, kind):
    signed = {name: ours.sign(message, keys[kind], kind) for name, message in MESSAGES.items()}
    for name, message in MESSAGES.items():
        assert signed[name].endswith(b"\r\n" + message), name
        assert max(map(len, signed[name][:-len(message)].split(b"\r\n"))) < 78
        in_lf = ours.sign(lf(message), keys[kind], kind)
        assert b"\r" not in in_lf.replace(lf(message), b"")
        if kind == "ed25519":  # always the same
            assert in_lf == lf(signed[name])
        for peer in peers:
            if kind in peers[peer].kinds and (peers[peer].adds_line_end or message.endswith(b"\r\n")):
                assert peers[peer].verify(signed[name], records), f"{peer}: {name}"
    assert not ours.wrong(signed)


def test_the_fields_that_are_named_are_signed(ours, peers, keys, records):
    signed = ours.sign(MESSAGES["repeated fields"], keys["rsa"], "rsa", "--headers", "x-a:Comments:received:list-id")
    assert b"h=From:From:x-a:x-a:x-a:Comments:Comments:received:received;" in signed.replace(b"\r\n\t", b"").replace(b" h=", b"h=")
    for peer in peers.values():
        assert peer.verify(signed, records)
        assert not peer.verify(b"From: evil@sign.test\r\n" + signed, records), "From is oversigned"
    assert ours.verify({"x": b"From: evil@sign.test\r\n" + signed})["x"]["result"] == "fail"
    assert ours.verify({"x": b"X-B: 1\r\n" + signed})["x"]["result"] == "pass"


def test_signing_complains(ours, keys, shared_lab):
    def sign(message, *more):
        return ours.run("dkim-sign", "--domain", DOMAIN, "--selector", "rsa", *more, "-", stdin=message)
    assert sign(b"To: x\r\n\r\n", "--key", keys["rsa"].path).returncode == 1
    assert sign(b"From: x\r\nFrom: y\r\n\r\n", "--key", keys["rsa"].path).returncode == 1
    assert sign(MESSAGES["plain"], "--key", shared_lab.file("no.pem", "nonsense")).returncode == 3
    assert sign(MESSAGES["plain"], "--key", "/nonexistent").returncode == 3
    assert sign(MESSAGES["plain"]).returncode == 2
    bad = ours.run("dkim-sign", "--domain", "not a domain", "--selector", "rsa", "--key", keys["rsa"].path, "-", stdin=b"")
    assert bad.returncode == 2 and b"not a domain" in bad.stderr


# ---- what they sign ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["dkimpy", "Mail::DKIM", "libopendkim"])
def test_what_others_sign_we_verify(ours, peers, keys, name, way):
    peer, signed = peers[name], {}
    for title, message in MESSAGES.items():
        for kind in peer.kinds if peer.adds_line_end or message.endswith(b"\r\n") else ():
            made = peer.sign(message, way, DOMAIN, kind, keys[kind])
            assert made.endswith(message) and made.startswith(b"DKIM-Signature:")
            signed[f"{title}, {kind}"] = made
            signed[f"{title}, {kind}, LF"] = lf(made)
    assert not ours.wrong(signed)


def test_the_other_form_of_key_record_works(ours, peers, keys):
    assert not ours.wrong({"x": peers["dkimpy"].sign(MESSAGES["plain"], "relaxed/relaxed", DOMAIN, "bare", keys["rsa"])})


def test_sha1_and_short_keys_pass_only_when_allowed(ours, peers, keys):
    old = {name: peers[name].sign(MESSAGES["plain"], "relaxed/simple", DOMAIN, "rsa", keys["rsa"], algorithm="rsa-sha1")
           for name in ("Mail::DKIM", "libopendkim")}
    assert not ours.wrong(old, "policy")
    assert not ours.wrong(old, "pass", allow_sha1=True)
    short = {"x": peers["dkimpy"].sign(MESSAGES["plain"], "relaxed/simple", DOMAIN, "short", keys["short"])}
    assert not ours.wrong(short, "pass")
    assert not ours.wrong(short, "policy", min_rsa_bits=2048)
    assert ours.verify(short, "--min-rsa-bits", "1025")["x"]["result"] == "policy"
    tiny = {"x": peers["Mail::DKIM"].sign(MESSAGES["plain"], "relaxed/simple", DOMAIN, "tiny", keys["tiny"])}
    assert not ours.wrong(tiny, "policy")
    assert not ours.wrong(tiny, "pass", min_rsa_bits=512)


def test_a_length_leaves_what_follows_unsigned(ours, peers, keys):
    for way in WAYS:
        signed = peers["dkimpy"].sign(MESSAGES["plain"], way, DOMAIN, "rsa", keys["rsa"], length=True)
        assert b" l=" in signed
        answers = ours.verify({"whole": signed, "more": signed + b"unsigned\r\n", "less": signed[:-8]})
        assert answers["whole"]["result"] == "pass" and not answers["whole"]["signatures"][0]["partial"]
        assert answers["more"]["result"] == "pass" and answers["more"]["signatures"][0]["partial"]
        assert answers["less"]["result"] == "fail"


def test_a_signature_has_its_time(ours, peers, keys):
    signed = {"x": peers["Mail::DKIM"].sign(MESSAGES["plain"], "relaxed", DOMAIN, "rsa", keys["rsa"], Timestamp=NOW, Expiration=NOW + 60)}
    for now, result in ((NOW, "pass"), (NOW + 60, "pass"), (NOW + 61, "fail"), (NOW - 1000, "fail")):
        assert not ours.wrong(signed, result, now=now), now


def test_identities_below_the_domain_pass(ours, peers, keys):
    for identity in (b"joe@sign.test", b"@mail.sign.test"):
        signed = peers["dkimpy"].sign(MESSAGES["plain"], "relaxed/relaxed", DOMAIN, "rsa", keys["rsa"], identity=identity)
        answer = ours.verify({"x": signed})["x"]
        assert answer["result"] == "pass" and answer["signatures"][0]["identity"] == identity.decode()


def test_several_signatures_are_judged_each(ours, peers, keys):
    message = MESSAGES["plain"]
    for peer, way in (("libopendkim", "simple/simple"), ("Mail::DKIM", "relaxed/simple"), ("dkimpy", "relaxed/relaxed")):
        message = peers[peer].sign(message, way, DOMAIN, "rsa", keys["rsa"])
    message = ours.sign(message, keys["ed25519"], "ed25519")
    answer = ours.verify({"x": message})["x"]
    assert [s["result"] for s in answer["signatures"]] == ["pass"] * 4
    assert [s["algorithm"] for s in answer["signatures"]] == ["ed25519-sha256"] + ["rsa-sha256"] * 3
    answer = ours.verify({"x": message.replace(b"lost the", b"lost  the")})["x"]
    assert [s["result"] for s in answer["signatures"]] == ["pass", "pass", "fail", "fail"] and answer["result"] == "pass"
    assert peers["dkimpy"].verify(message, {f"ed25519._domainkey.{DOMAIN}": keys["ed25519"].record})


def test_another_key_does_not_verify(ours, peers, keys):
    signed = {"x": peers["dkimpy"].sign(MESSAGES["plain"], "relaxed/relaxed", DOMAIN, "other", keys["rsa"])}
    assert not ours.wrong(signed, "fail")


# ---- what was changed --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_every_octet_counts(ours, peers, keys, way):
    """All of the message is signed but the Received fields. A changed octet, a removed one, and one put in are seen each."""
    names = [b"from", b"to", b"subject", b"date", b"message-id"]
    signed = peers["dkimpy"].sign(MESSAGES["plain"], way, DOMAIN, "rsa", keys["rsa"], names=names)
    start = signed.index(b"From: ")
    changed = {f"{i} changed": signed[:i] + bytes([signed[i] ^ 0x15]) + signed[i + 1:] for i in range(start, len(signed))}
    header, body = way.split("/")
    blank = b" \t\r\n"
    for i in range(start, len(signed)):
        in_body = i >= signed.index(b"\r\n\r\n")
        relaxed = (body if in_body else header) == "relaxed"
        if signed[i] not in blank and not (relaxed and signed[i:i + 1] == b":"):
            changed[f"{i} removed"] = signed[:i] + signed[i + 1:]
            changed[f"{i} put in"] = signed[:i] + b"~" + signed[i:]
    passed = {name for name, answer in ours.verify(changed).items() if answer["result"] == "pass"}
    assert not passed, {name: changed[name][start:] for name in passed}
    unsigned = signed.replace(b"from b.test", b"from z.test").replace(b"by c.test", b"by y.test")
    assert unsigned != signed and not ours.wrong({"x": unsigned})


RELAXED = {  # changes that relaxed canonicalisation does not see: of the header, or of the body
    "header": [(b"From: ", b"FROM:   "), (b"Joe  Six", b"Joe Six"), (b"test,\r\n  other", b"test,  other"),
               (b"Is   dinner\tready? ", b"Is\r\n dinner ready?"), (b"Date:", b"Date \t:"), (b"<1@sign.test>", b"<1@sign.test> \t")],
    "body": [(b"Hi.\r\n", b"Hi. \t\r\n"), (b"game.  Are", b"game. Are"), (b"you\thungry", b"you  hungry"), (b"yet? \r", b"yet?\r"),
             (b"Joe.\r\n", b"Joe.\r\n\r\n \r\n"), (b"Joe.\r\n", b"Joe.")],
}
SIMPLE_BODY_TOO = [(b"Joe.\r\n", b"Joe.\r\n\r\n\r\n"), (b"Joe.\r\n", b"Joe.")]


@pytest.mark.parametrize("way", WAYS)
def test_only_relaxed_does_not_see_white_space(ours, peers, keys, way):
    signed = peers["dkimpy"].sign(MESSAGES["plain"], way, DOMAIN, "rsa", keys["rsa"])
    at = signed.index(b"From: ")
    for part, how in zip(("header", "body"), way.split("/")):
        changed = {f"{part} {i}": signed[:at] + signed[at:].replace(*change) for i, change in enumerate(RELAXED[part])}
        assert all(message != signed for message in changed.values())
        answers = ours.verify(changed)
        for i, change in enumerate(RELAXED[part]):
            expected = "pass" if how == "relaxed" or (part == "body" and change in SIMPLE_BODY_TOO) else "fail"
            assert answers[f"{part} {i}"]["result"] == expected, (way, change)


def test_we_agree_with_dkimpy_on_changed_signature_fields(ours, peers, keys, records):
    """One octet of the signature field itself is changed: dkimpy and we say the same, or ours is the stricter one."""
    signed = peers["dkimpy"].sign(MESSAGES["plain"], "relaxed/relaxed", DOMAIN, "rsa", keys["rsa"])
    end = signed.index(b"\r\nReceived:")
    changed = {str(i): signed[:i] + bytes([signed[i] ^ 1]) + signed[i + 1:] for i in range(end)}
    answers = ours.verify(changed)
    for name, message in changed.items():
        if answers[name]["result"] == "pass":
            assert peers["dkimpy"].verify(message, records), message[:end]
