# SPDX-License-Identifier: Apache-2.0
"""Answers about mail that the ledger has forgotten: the stamp in our Received field, and in the envelope id, says whether it had
proved itself. Everything comes in first, then the ledger is lost, then the tenant's server answers."""
import os
import re
import shutil

import pytest
from lab import Smtp, wait_until
from lab.signing import DkimKey
from lab.smtp import message

STAMP = r"[0-9a-z]{13}-([ups])[0-9a-z]{30}"
SENDERS = {"proven@pass.test": "p", "forged@pass.test": "u", "Capital@Pass.test": "p", "prvs=1234abcdef=tagged@pass.test": "p",
           "signed@signed.test": "p", "unsigned@signed.test": "u", "copier@pass.test": "p", "own-id@pass.test": "p"}


def send(relay, sender, source=None, mail="", sign=None):
    content = message(sender, "x@tenant.test", "hello", message_id=f"<{sender}>")
    with Smtp(relay.server, source=source) as client:
        assert client.mail(sender, mail).code == 250
        assert client.rcpt("x@tenant.test").code == 250
        assert client.data(sign.sign(content) if sign else content).code == 250


@pytest.fixture(scope="module")
def relay(labs):
    lab = labs()
    good, key = lab.address(), DkimKey("signed.test")
    zone = f'pass.test TXT "v=spf1 ip4:{good} -all"\nsigned.test TXT "v=spf1 -all"\n{key.record}\n'
    down, world = lab.sink(), lab.sink()
    made = lab.backstop(dns=lab.dns(zone), routes={"*": world.endpoint},
                        pools={name: ([lab.address()], f"{name}.relay.test") for name in ("regular", "bounce", "ndr")})
    made.lab, made.down, made.world, made.source = lab, down, world, lab.address()
    made.tenant("acme", "tenant.test", down.endpoint, [f"{made.source}/32"])
    for sender in SENDERS:
        if sender == "copier@pass.test":  # the envelope id of mail that somebody else proved
            copied = re.search(r"ENVID=(\S+)", arrived(made, "proven@pass.test").mail_parameters).group(1)
            send(made, sender, good, f"ENVID={copied}")
        elif sender == "own-id@pass.test":
            send(made, sender, good, "ENVID=their-own-p0000000000000000000000000000000")
        else:
            send(made, sender, None if "forged" in sender or "signed" in sender else good,
                 sign=key if sender.startswith("signed") else None)
    made.stop()
    shutil.rmtree(os.path.join(made.state, "ledger"))
    made.start()
    return made


def arrived(relay, sender):
    return relay.down.wait_for(lambda m: m.field("Message-ID") == f"<{sender}>")


def answer(relay, sender, returned=None, envelope_id=None, to=None):
    """The event of the log, and the message that left: None when it is held."""
    to = to or sender
    parts = ["Content-Type: text/plain\r\n\r\nSorry.\r\n",
             "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; tenant.test\r\n"
             + (f"Original-Envelope-Id: {envelope_id}\r\n" if envelope_id else "")
             + "\r\nFinal-Recipient: rfc822; x@tenant.test\r\nAction: failed\r\nStatus: 5.2.2\r\n"]
    if returned is not None:
        parts.append(f"Content-Type: text/rfc822-headers\r\n\r\n{returned}\r\n")
    seen = len(relay.events("answer"))
    content = (f"From: MAILER-DAEMON@tenant.test\r\nTo: <{to}>\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
               'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n'
               + "\r\n--b\r\n".join(parts) + "\r\n--b--\r\n").encode()
    with Smtp(relay.server, source=relay.source) as client:
        reply = client.transaction("", to, content)
        assert reply.code == 250
    event = relay.events("answer")[seen]
    if "held as" in reply.text:
        return event, None
    number = re.search(r"queued as (\w+)", reply.text).group(1)
    return event, relay.world.wait_for(lambda m: number in m.header)


def test_what_is_known_of_the_return_path_is_stamped(relay):
    for sender, kind in SENDERS.items():
        received = arrived(relay, sender).field("Received")
        assert re.search(rf"\bid {STAMP}\b", received).group(1) == kind, (sender, received)


def test_the_command_line_reads_an_id_with_its_stamp(relay):
    send(relay, "late@pass.test")
    number = re.search(r"\bid ([\w-]+)", arrived(relay, "late@pass.test").field("Received")).group(1)
    assert "-" in number
    shown = wait_until(lambda: relay.cli("ledger", "show", number, "--json").out, 10, "the ledger's entry")
    assert "late@pass.test" in shown


@pytest.mark.parametrize("sender", SENDERS)
def test_the_returned_header_tells(relay, sender):
    event, left = answer(relay, sender, arrived(relay, sender).header)
    assert event["verdict"] == ("genuine" if SENDERS[sender] == "p" else "backscatter") and "received=" in event["evidence"], event
    assert (left is not None and left.ehlo == "bounce.relay.test") == (SENDERS[sender] == "p")


@pytest.mark.parametrize("sender", ["proven@pass.test", "forged@pass.test", "signed@signed.test", "unsigned@signed.test"])
def test_the_envelope_id_tells(relay, sender):
    """Also of who was proven at the end of data only: the server was asked anew."""
    envelope_id = re.search(r"ENVID=(\S+)", arrived(relay, sender).mail_parameters).group(1)
    assert re.fullmatch(STAMP, envelope_id).group(1) == SENDERS[sender]
    event, left = answer(relay, sender, envelope_id=envelope_id)
    assert event["verdict"] == ("genuine" if SENDERS[sender] == "p" else "backscatter"), event
    assert bool(left) == (SENDERS[sender] == "p")


def test_an_envelope_id_of_ours_that_a_client_hands_in_is_not_handed_on(relay):
    own, copied = (re.search(r"ENVID=(\S+)", arrived(relay, s).mail_parameters).group(1) for s in ("copier@pass.test", "proven@pass.test"))
    assert own != copied and re.fullmatch(STAMP, own)
    kept = arrived(relay, "own-id@pass.test").mail_parameters
    assert "ENVID=their-own-p0000000000000000000000000000000" in kept, "what is not ours stays"


def test_nothing_is_gained_by_changing_a_stamp(relay):
    header = arrived(relay, "forged@pass.test").header
    event, left = answer(relay, "forged@pass.test", re.sub(r"(id \w{13}-)u", r"\1p", header))
    assert event["verdict"] == "unknown" and event["after_loss"] == "true" and left is None


def test_a_stamp_is_of_one_return_path(relay):
    event, left = answer(relay, "x", arrived(relay, "proven@pass.test").header, to="victim@elsewhere.test")
    assert event["verdict"] == "backscatter" and left is None


def test_a_new_secret_leaves_the_old_stamps_good_and_a_removed_one_does_not(relay):
    header = arrived(relay, "proven@pass.test").header
    number = relay.cli("keys", "show", "--json").ok().rows[0]["number"]
    relay.cli("keys", "rotate", "--srs").ok()
    assert answer(relay, "proven@pass.test", header)[0]["verdict"] == "genuine"
    relay.cli("keys", "remove", "--srs", "--number", number).ok()
    assert answer(relay, "proven@pass.test", header)[0]["verdict"] == "unknown"
