# SPDX-License-Identifier: Apache-2.0
"""Bounces, auto-replies and challenges that come to a tenant: whose is the original? Genuine ones are believed by any one witness,
also when another is lost; forged ones are refused once the tenant's bounces are known to be confirmed, and never before."""
import base64
import itertools
import re
import shutil

import pytest
from lab import Smtp, wait_until
from lab.clock import DAY, shifted
from lab.smtp import message

USER = "user@tenant.test"
HEADER = "X-Backstop-Bounce"


# ---- a relay with a tenant, and what leaves through it --------------------------------------------------------------------------------


SPF = 'tenant.test TXT "v=spf1 ip4:192.0.2.1 -all"'


def make(lab, *options, env=None, reporter=False):
    """relay.world takes what leaves, relay.down is the tenant's server. reporter: relay.postfix takes all for post.test, and bounces."""
    world, down, source = lab.sink(), lab.sink(), lab.address()
    relay = lab.backstop(start=False, dns=lab.dns(SPF), routes={"*": world.endpoint}, retry_schedule=["1s"])
    relay.lab, relay.world, relay.down, relay.source = lab, world, down, source
    if reporter:
        relay.postfix = lab.postfix("mx", domain="post.test", local_recipient_maps="", source=lab.address(),
                                    relayhost=f"[{relay.address}]:{relay.port}")
        relay.routes["post.test"] = relay.postfix.endpoint
        relay.write_config()
    relay.start(env=env)
    relay.tenant("acme", "tenant.test", down.endpoint, [f"{source}/32"], *options)
    return relay


def restart(relay, env=None, forget=False):
    """forget: the ledger is lost meanwhile."""
    relay.stop()
    if forget:
        shutil.rmtree(f"{relay.state}/ledger")
    relay.start(env=env)


def send_out(relay, count=1, sender=USER, recipient="friend@world.test"):
    """The messages as they arrived in the world."""
    ids = []
    with Smtp(relay.server, source=relay.source) as client:
        for _ in range(count):
            content = message(sender, recipient, f"letter {len(ids)}")
            ids.append(re.search(rb"(?im)^Message-ID: (\S+)", content).group(1).decode())
            assert client.transaction(sender, recipient, content).code == 250
    wanted = set(ids)
    wait_until(lambda: wanted <= {m.field("Message-ID") for m in relay.world.messages}, 30, "what was sent")
    found = {m.field("Message-ID"): m for m in relay.world.messages}
    return [found[i] for i in ids]


def signing(relay, env=None):
    """The tenant gets a key that signs at once."""
    relay.cli("keys", "rotate", "--tenant", "acme", "--dkim", "--now", "--algorithm", "ed25519", env=env).ok()
    wait_until(lambda: send_out(relay)[0].fields("DKIM-Signature"), 10, "a signature", every=0.2)


# ---- reports --------------------------------------------------------------------------------------------------------------------------


numbers = itertools.count()


def header_of(mail):
    return mail.data.partition(b"\r\n\r\n")[0] + b"\r\n"


def report(header, recipient="friend@world.test", subject="Undelivered Mail Returned to Sender", text="The user does not exist.",
           returned="text/rfc822-headers"):
    """As RFC 3464 has it."""
    return (f"From: MAILER-DAEMON@world.test\r\nTo: {USER}\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
            f"Message-ID: <report-{next(numbers)}@world.test>\r\nDate: Thu, 26 Nov 2026 01:00:00 +0000\r\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
            f"--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
            f"Reporting-MTA: dns; mx.world.test\r\n\r\nFinal-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
            f"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n--b\r\nContent-Type: {returned}\r\n\r\n").encode() \
        + header + b"\r\n--b--\r\n"


def forged_header(number=0, origin="203.0.113.9"):
    return (f"Received: from bot.test (bot.test [{origin}]) by mx.world.test with ESMTP id f{number}; Thu, 26 Nov 2026 00:59:00 +0000\r\n"
            f"From: {USER}\r\nTo: friend@world.test\r\nSubject: pills\r\nDate: Thu, 26 Nov 2026 00:58:00 +0000\r\n"
            f"Message-ID: <forged-{number}@bot.test>\r\nMIME-Version: 1.0\r\n").encode()


def without(header, *names):
    """Fields of those names are taken out."""
    pattern = "|".join(map(re.escape, names))
    return re.sub(rf"(?im)^(?:{pattern}):[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*".encode(), b"", header)


def send_in(relay, content, to=USER, sender=""):
    with Smtp(relay.server) as client:
        return client.transaction(sender, to, content)


class Seen:
    """What became of a report: the reply, the log's event, and the field its server saw (None: it has not got the report)."""

    def __init__(self, relay, content, to=USER, sender=""):
        before, count = len(relay.events("bounce")), len(relay.down.messages)
        self.reply = send_in(relay, content, to, sender)
        self.events = wait_until(lambda: relay.events("bounce")[before:], 10, "the event")
        self.event = self.events[0]
        self.verdict, self.evidence, self.action = (self.event[name] for name in ("verdict", "evidence", "action"))
        self.field = None
        if self.reply.code == 250:
            got = relay.down.wait_for_count(count + 1)[count]
            self.field, = got.fields(HEADER)
            assert self.field.startswith(f"{self.verdict}; class={self.event['class']};")
            assert got.recipients == [re.sub(r"prvs=[^=]*=", "", to)]

    def witness(self, name):
        return re.search(rf"\b{name}=(\w+)", self.evidence).group(1)

    def __repr__(self):
        return f"{self.reply} {self.event}"


def coverage(relay):
    return relay.cli("tenant", "show", "acme", "--json").ok().rows[0]["coverage"]


def status_coverage(relay):
    return relay.cli("status", "--json").ok().rows[0]["coverage"]


def cover(relay, count=50):
    """So many genuine bounces come, each about a message of its own; returns when they count."""
    wanted = coverage(relay)["confirmed"] + count
    sent = send_out(relay, count)
    with Smtp(relay.server) as client:
        for mail in sent:
            assert client.transaction("", USER, report(header_of(mail))).code == 250
    return wait_until(lambda: (c := coverage(relay))["confirmed"] >= wanted and c, 20, "the coverage", every=0.2)


# ---- each witness alone is believed -----------------------------------------------------------------------------------------------------


def test_a_bounce_to_a_tagged_address_is_genuine_whatever_it_says(lab):
    relay = make(lab, "--tags", "prvs")
    mail, = send_out(relay)
    restart(relay, forget=True)
    text = (f"From: MAILER-DAEMON@world.test\r\nTo: {USER}\r\nSubject: failure notice\r\n\r\nHi. This is the qmail-send program.\r\n"
            "I'm afraid I wasn't able to deliver your message to the following addresses.\r\n\r\n<friend@world.test>:\r\n"
            "Sorry, no mailbox here by that name. (#5.1.1)\r\n").encode()
    seen = Seen(relay, text, to=mail.sender)
    assert (seen.verdict, seen.witness("tag"), seen.action) == ("genuine", "for", "passed"), seen
    assert Seen(relay, text).verdict == "unknown", "without the tag nothing tells"


def test_our_signature_on_the_returned_header_is_enough_also_when_the_ledger_is_lost(lab):
    relay = make(lab)
    signing(relay)
    mail, = send_out(relay)
    restart(relay, forget=True)
    seen = Seen(relay, report(without(header_of(mail), "Received")))
    assert (seen.verdict, seen.witness("dkim"), seen.witness("ledger")) == ("genuine", "for", "silent"), seen
    changed = without(header_of(mail), "Received").replace(b"Subject: letter", b"Subject: litter")
    assert Seen(relay, report(changed)).verdict == "unknown", "a header that was changed proves nothing"


def test_a_retired_key_still_proves_but_not_for_ever(lab):
    """Who has one message of the tenant's could otherwise show its header to all for ever."""
    relay = make(lab)
    signing(relay)
    retired, = send_out(relay)
    signing(relay)
    restart(relay, forget=True)
    seen = Seen(relay, report(header_of(retired)))
    assert (seen.verdict, seen.witness("dkim")) == ("genuine", "for"), seen
    restart(relay, env=shifted(90 * DAY), forget=True)
    keys = relay.cli("keys", "show", "--tenant", "acme", "--json", env=shifted(90 * DAY)).ok().rows
    assert "expired" in str(keys)
    seen = Seen(relay, report(header_of(retired)))
    assert (seen.verdict, seen.witness("dkim")) == ("unknown", "silent") and "of long ago" in seen.evidence, seen


def test_the_ledger_and_our_received_field_are_enough_each(shared):
    first, second, third = send_out(shared, 3)
    seen = Seen(shared, report(without(header_of(first), "Received")))
    assert (seen.verdict, seen.witness("ledger"), seen.witness("received")) == ("genuine", "for", "silent"), seen
    seen = Seen(shared, report(without(header_of(second), "Message-ID")))
    assert (seen.verdict, seen.witness("ledger"), seen.witness("received")) == ("genuine", "silent", "for"), seen
    seen = Seen(shared, report(header_of(third)), to="other@tenant.test")
    assert (seen.verdict, seen.witness("ledger")) == ("unknown", "against"), "another user did not send it"


@pytest.fixture(scope="module")
def shared(labs):
    return make(labs())


def test_a_bounce_that_comes_at_once_is_believed(lab):
    """The other server answers faster than the ledger is written."""
    relay = make(lab)
    for _ in range(5):
        mail, = send_out(relay)
        assert Seen(relay, report(header_of(mail))).verdict == "genuine"


# ---- forged ones --------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def covered(labs):
    """All that the tenant sends has been signed for long, and its bounces show it."""
    relay = make(labs(), reporter=True)
    signing(relay, env=shifted(-20 * DAY))
    seen = Seen(relay, report(forged_header()))
    assert (seen.reply.code, seen.verdict, seen.action) == (250, "unknown", "passed"), "nothing is refused before it is known"
    text = relay.cli("tenant", "show", "acme").ok().out
    assert "nothing is refused before 50 have come" in text, text
    assert status_coverage(relay) == {"complete": 0, "refusing": 0, "marking": 0}
    c = cover(relay, 150)
    assert c == {"days": 30, "bounces": 150, "confirmed": 150, "strong": 150, "ledger": False, "complete": True, "odd": []}, c
    text = relay.cli("tenant", "show", "acme").ok().out
    assert re.search(r"coverage +150 bounces in 30 days, 100\.0 % confirmed: backscatter is refused", text), text
    assert status_coverage(relay) == {"complete": 1, "refusing": 1, "marking": 0}
    assert "well enough that backscatter is refused: 1, marked: 0" in relay.cli("status").ok().out
    return relay


def test_backscatter_is_refused_at_the_end_of_data_with_its_reason(covered):
    before = len(covered.down.messages)
    seen = Seen(covered, report(forged_header(1)))
    assert (seen.reply.code, seen.reply.enhanced) == (550, "5.7.1") and "forged" in seen.reply.text, seen.reply
    assert "https://" not in seen.reply.text or "/backscatter" in seen.reply.text
    assert (seen.verdict, seen.action, seen.event["kind"]) == ("backscatter", "refused", "failed")
    end = covered.wait_event("message", id=seen.event["id"])
    assert (end["result"], end["reason"]) == ("refused", "backscatter")
    assert len(covered.down.messages) == before
    assert covered.metric("bounces_refused") >= 1
    wait_until(lambda: "backscatter" in [row["reason"] for row in covered.cli("ledger", "--recipient", USER, "--json").rows], 10,
               "the ledger's entry")
    act, = wait_until(lambda: covered.cli("evidence", "list", "--json").rows, 10, "its evidence")
    assert (act["ip"], act["class"], act["witness"], act["strength"], act["reporter"]) == ("127.0.0.1", "bounce", "judge", 90, None)
    assert "tenant.test" not in act["specimen"] and covered.wait_event("evidence", id=seen.event["id"], witness="judge")


def test_genuine_ones_pass_meanwhile(covered):
    mail, = send_out(covered)
    seen = Seen(covered, report(header_of(mail)))
    assert seen.verdict == "genuine" and not [e for e in covered.events("evidence") if e["id"] == seen.event["id"]]


def test_without_a_header_nothing_is_refused(covered):
    text = (f"From: MAILER-DAEMON@world.test\r\nTo: {USER}\r\nSubject: failure notice\r\n\r\nHi. This is the qmail-send program.\r\n"
            "I'm afraid I wasn't able to deliver your message to the following addresses.\r\n\r\n<friend@world.test>:\r\n"
            "Sorry, no mailbox here by that name. (#5.1.1)\r\n").encode()
    seen = Seen(covered, text)
    assert (seen.reply.code, seen.verdict) == (250, "unknown") and "no header" in seen.event["why"]


def test_an_auto_reply_with_a_sender_passes_and_is_marked(covered):
    content = message("bob@world.test", USER, "Out of office: Re: your letter", extra="Auto-Submitted: auto-replied\r\nX-Autoreply: yes\r\n",
                      body="I am on vacation until Monday and will answer your message when I am back.\r\n")
    seen = Seen(covered, content, sender="bob@world.test")
    assert (seen.reply.code, seen.event["class"], seen.verdict) == (250, "autoreply", "unknown"), seen


def test_a_bounce_that_a_person_forwards_is_that_persons_mail(covered):
    inner = report(forged_header(90))
    content = (f"From: Bob <bob@world.test>\r\nTo: {USER}\r\nSubject: Fwd: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n"
               "User-Agent: Mozilla Thunderbird\r\nMessage-ID: <fwd@world.test>\r\nDate: Thu, 26 Nov 2026 02:00:00 +0000\r\n"
               'Content-Type: multipart/mixed; boundary="f"\r\n\r\n--f\r\nContent-Type: text/plain\r\n\r\nHi, what does this mean? Bob\r\n\r\n'
               "--f\r\nContent-Type: message/rfc822\r\n\r\n").encode() + inner + b"\r\n--f--\r\n"
    assert send_in(covered, content, sender="bob@world.test").code == 250
    got = covered.down.wait_for(lambda m: m.field("Subject") == "Fwd: Undelivered Mail Returned to Sender")
    assert got.fields(HEADER) == []


def test_a_flood_of_forgeries_does_not_undo_the_coverage(covered):
    """The tenant's SPF record says that it does not send from there."""
    before = coverage(covered)
    with Smtp(covered.server) as client:
        replies = [client.transaction("", USER, report(forged_header(100 + i, origin=f"203.0.113.{i}"))).code for i in range(50)]
    assert set(replies) == {550}
    mail, = send_out(covered)
    assert Seen(covered, report(header_of(mail))).verdict == "genuine"
    after = wait_until(lambda: (c := coverage(covered))["bounces"] > before["bounces"] and c, 10, "the count", every=0.2)
    assert after["complete"] and after["bounces"] - after["confirmed"] == before["bounces"] - before["confirmed"], "only genuine ones count"


def test_made_up_bounces_do_not_end_the_coverage(covered):
    """One outsider's: three count. What comes from there after that passes, as it may be another server of the tenant's."""
    outsider, before = covered.lab.address(), cover(covered, 150)

    def make_up(n):
        with Smtp(covered.server, source=outsider) as client:
            header = forged_header(700 + n, origin="10.0.0.9")  # nobody can say whence it came
            return client.transaction("", USER, report(header)).code
    assert [make_up(n) for n in range(12)] == [550] * 3 + [250] * 9
    c = wait_until(lambda: (c := coverage(covered))["bounces"] >= before["bounces"] + 3 and c, 10, "the count", every=0.2)
    assert c["complete"] and c["bounces"] == before["bounces"] + 3 and c["odd"] == [outsider.rpartition(".")[0] + ".0/24"], c
    assert f"also sends by {c['odd'][0]}" in covered.cli("tenant", "show", "acme").ok().out
    assert "often reports what no witness knows" in covered.events("bounce")[-1]["why"]
    assert Seen(covered, report(forged_header(790))).reply.code == 550, "from others they are refused as before"
    with Smtp(covered.server, source=outsider) as client:
        assert client.transaction("", USER, report(forged_header(791))).code == 550, "the tenant's SPF record says that it does not send there"


def test_fields_of_our_name_from_outside_are_taken_out(covered):
    spoof = f"{HEADER}: genuine; class=ndr;\r\n\twhy=\"trust me\"\r\nx-backstop-dmarc: pass\r\n"
    content = message("bob@world.test", USER, "an ordinary letter", extra=spoof)
    assert send_in(covered, content, sender="bob@world.test").code == 250
    got = covered.down.wait_for(lambda m: m.field("Subject") == "an ordinary letter")
    assert got.fields(HEADER) == [] and got.fields("X-Backstop-DMARC") == [] and b"trust me" not in got.data
    mail, = send_out(covered)
    seen = Seen(covered, spoof.encode() + report(header_of(mail)))
    assert seen.field.startswith("genuine;") and "trust me" not in seen.field


def test_with_prdr_each_recipient_has_its_own_answer(covered):
    other = covered.lab.sink()
    covered.tenant("other", "other.test", other.endpoint)
    with Smtp(covered.server) as client:
        assert client.mail("postmaster@world.test", "PRDR").code == 250
        assert client.rcpt(USER).code == 250 and client.rcpt("x@other.test").code == 250
        assert client.data(report(forged_header(2))).code == 353
        replies = [client.reply() for _ in range(3)]
    assert [r.code for r in replies] == [550, 250, 250], replies
    assert other.wait_for().field(HEADER).startswith("unknown;")


def test_several_recipients_of_one_answer_are_refused_together_or_not_at_all(covered):
    """Without PRDR there is one answer: one of them did send it."""
    mail, = send_out(covered, sender="second@tenant.test")
    content = report(without(header_of(mail), "DKIM-Signature"))
    with Smtp(covered.server) as client:
        assert client.transaction("postmaster@world.test", [USER, "second@tenant.test"], content).code == 250
        assert client.transaction("postmaster@world.test", [USER, "second@tenant.test"], report(forged_header(5))).code == 550


def test_a_real_postfix_reports(covered):
    """What it accepts and bounces: of a genuine message the bounce arrives, of a forged one it does not."""
    before = len(covered.down.messages)
    with Smtp(covered.server, source=covered.source) as client:
        assert client.transaction(USER, "missing@post.test", message(USER, "missing@post.test", "genuine")).code == 250
    got = covered.down.wait_for(lambda m: m.sender == "" and b"Subject: genuine" in m.data)
    assert got.field(HEADER).startswith("genuine; class=ndr; kind=failed;")
    with Smtp(covered.postfix.server) as client:
        forged = message(USER, "missing@post.test", "forged", extra="Date: Thu, 26 Nov 2026 00:58:00 +0000\r\n")
        assert client.transaction(USER, "missing@post.test", forged).code == 250
    covered.postfix.wait_log(r"status=bounced \(host [^ ]+ said: 550 5\.7\.1 the mail that this answers was not sent from here")
    assert len(covered.down.messages) == before + 1


def test_a_tenant_may_have_it_marked_instead(covered):
    covered.cli("tenant", "set", "acme", "--backscatter", "tag").ok()
    try:
        seen = wait_until(lambda: (s := Seen(covered, report(forged_header(3)))).reply.code == 250 and s, 10, "the new choice", every=0.2)
        assert (seen.verdict, seen.action) == ("backscatter", "marked") and seen.field.startswith("backscatter; class=ndr; kind=failed;")
        assert covered.wait_event("message", id=seen.event["id"])["noted"] == "backscatter"
        assert status_coverage(covered) == {"complete": 1, "refusing": 0, "marking": 1}
        assert "marked in the header" in covered.cli("tenant", "show", "acme").ok().out
    finally:
        covered.cli("tenant", "set", "acme", "--backscatter", "refuse").ok()
    wait_until(lambda: Seen(covered, report(forged_header(4))).reply.code == 550, 10, "refusals again", every=0.2)


def test_what_the_tenant_lets_others_send_is_never_refused(covered):
    seen = Seen(covered, report(forged_header(6, origin="192.0.2.1")))
    assert (seen.reply.code, seen.verdict) == (250, "unknown") and "lets send" in seen.event["why"]


def test_a_message_id_from_the_archive_of_a_list_does_not_make_a_forgery_genuine(covered):
    """The ledger knows it, but all that the tenant sends is signed, and this is not."""
    mail, = send_out(covered)
    known = mail.field("Message-ID").encode()
    seen = Seen(covered, report(forged_header(7).replace(b"<forged-7@bot.test>", known)))
    assert (seen.verdict, seen.witness("ledger"), seen.witness("dkim")) == ("unknown", "for", "against"), seen
    assert seen.reply.code == 250, "it may be what a list made of it"
    whole = report(header_of(mail).replace(b"<" + USER.encode(), b"<" + USER.encode()))
    assert Seen(covered, whole).verdict == "genuine"


TEXT = b"Sorry.\r\n"


def plain(header, intro, subject="failure notice"):
    return (f"From: MAILER-DAEMON@world.test\r\nTo: {USER}\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + intro).encode() + header + b"\r\nHi.\r\n"


QMAIL = ("Hi. This is the qmail-send program at world.test.\r\nI'm afraid I wasn't able to deliver your message to the following addresses.\r\n"
         "This is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n<friend@world.test>:\r\n"
         "Sorry, no mailbox here by that name. (#5.1.1)\r\n\r\n--- Below this line is a copy of the message.\r\n\r\n")
GERMAN = ("Ihre Nachricht konnte nicht zugestellt werden.\r\n\r\n<friend@world.test>: 550 5.1.1 Empfänger unbekannt\r\n\r\n"
          "--- Die ursprüngliche Nachricht ---\r\n\r\n")


def quoted(header):
    return b"".join(b"> " + line + b"\r\n" for line in header.split(b"\r\n"))


FORMS = {  # how a genuine bounce may look, and what it may be found to be
    "the whole message": (lambda h: report(h + b"\r\nHi.\r\n", returned="message/rfc822"), {"genuine"}),
    "German": (lambda h: report(h, subject="Unzustellbar", text="Ihre Nachricht konnte nicht zugestellt werden."), {"genuine"}),
    "Japanese": (lambda h: report(h, subject="=?utf-8?B?" + base64.b64encode("配信不能".encode()).decode() + "?="), {"genuine"}),
    "qmail's": (lambda h: plain(h, QMAIL), {"genuine"}),
    "German text": (lambda h: plain(h, GERMAN, "Unzustellbar: Brief"), {"genuine", "unknown"}),
    "quoted": (lambda h: plain(quoted(h), QMAIL), {"genuine", "unknown"}),
    "more fields on top": (lambda h: report(b"X-Filter: seen\r\nReceived: by inner.world.test id 1\r\n" + h), {"genuine"}),
    "fields folded anew": (lambda h: report(re.sub(rb"(?m)^Subject: ", b"Subject:\r\n ", h)), {"genuine"}),
    "cut off in the signature": (lambda h: report(h[:h.index(b"b=") + 20].rstrip() + b"\r\n"), {"genuine", "unknown"}),
    "cut off before the author": (lambda h: report(h[:h.index(b"From:")]), {"genuine", "unknown"}),
    "only three fields": (lambda h: report(b"\r\n".join(x for x in h.split(b"\r\n") if x[:5] in (b"From:", b"Date:", b"Messa")) + b"\r\n"),
                          {"genuine", "unknown"}),
    "changed on the way": (lambda h: report(h.replace(b"Subject: letter", b"Subject: [list] letter")), {"unknown"}),
}


def test_a_server_that_returns_a_few_fields_does_not_count_against_the_coverage(covered):
    """Their Message-ID is known; that is not enough to believe it, and no silence either."""
    before = cover(covered, 1)
    for mail in send_out(covered, 3):
        seen = Seen(covered, FORMS["only three fields"][0](header_of(mail)))
        assert (seen.reply.code, seen.verdict, seen.witness("ledger")) == (250, "unknown", "for"), seen
    after = cover(covered, 1)
    assert after["bounces"] - after["confirmed"] == before["bounces"] - before["confirmed"], (before, after)


@pytest.mark.parametrize("lost", [False, True], ids=["all is known", "the ledger is lost"])
def test_a_genuine_bounce_passes_however_it_looks(covered, lost):
    sent = dict(zip(FORMS, send_out(covered, len(FORMS))))
    if lost:
        restart(covered, forget=True)
    cover(covered, 120)
    assert Seen(covered, report(forged_header(8 + lost))).reply.code == 550, "forged ones are refused meanwhile"
    for name, (form, verdicts) in FORMS.items():
        seen = Seen(covered, form(header_of(sent[name])))
        assert seen.reply.code == 250 and (seen.verdict in verdicts or (lost and seen.verdict == "unknown")), (name, seen)
        if lost and name in ("the whole message", "German", "Japanese", "qmail's", "more fields on top", "fields folded anew"):
            assert seen.verdict == "genuine", (name, "by the signature")


# ---- what is counted, and how far it goes ------------------------------------------------------------------------------------------------


def test_without_keys_the_ledger_counts_once_it_reaches_back_and_no_longer_when_it_is_lost(lab):
    relay = make(lab, env=shifted(-20 * DAY))
    send_out(relay)
    restart(relay)
    c = cover(relay)
    assert c == {"days": 30, "bounces": 50, "confirmed": 50, "strong": 0, "ledger": True, "complete": True, "odd": []}, c
    assert Seen(relay, report(forged_header())).reply.code == 550
    with Smtp(relay.server, source=relay.source) as client:
        content = without(message(USER, "nameless@world.test"), "Message-ID")
        assert client.transaction(USER, "nameless@world.test", content).code == 250
    nameless = relay.world.wait_for(lambda m: m.recipients == ["nameless@world.test"])
    seen = Seen(relay, report(b"Message-ID: <added@world.test>\r\n" + without(header_of(nameless), "Received")))
    assert seen.verdict == "unknown" and "without a Message-ID" in seen.event["why"], (seen, "somebody on the way gave it one")
    mail, = send_out(relay)
    restart(relay, forget=True)
    assert coverage(relay)["complete"] is False
    assert "by tag or signature, which alone count" in relay.cli("tenant", "show", "acme").ok().out
    assert Seen(relay, report(forged_header(1))).reply.code == 250
    assert Seen(relay, report(without(header_of(mail), "Received"))).verdict == "unknown"


def test_one_message_that_is_returned_again_and_again_counts_once(lab):
    relay = make(lab)
    signing(relay)
    mail, = send_out(relay)
    for _ in range(5):
        assert Seen(relay, report(header_of(mail))).verdict == "genuine"
    assert wait_until(lambda: coverage(relay)["bounces"], 10, "the count", every=0.2) == 1


@pytest.mark.parametrize("hours", [24, -24])
def test_a_clock_that_is_off_by_a_day_changes_nothing(lab, hours):
    relay = make(lab, "--tags", "prvs")
    signing(relay)
    mail, = send_out(relay)
    restart(relay, env=shifted(hours * 3600))
    seen = Seen(relay, report(header_of(mail)), to=mail.sender)
    assert [seen.witness(name) for name in ("tag", "dkim", "ledger", "received")] == ["for"] * 4, seen
