# SPDX-License-Identifier: Apache-2.0
"""What a tenant's server sends is an answer by what it is, not only by <>: a vacation reply with a return path, a challenge, a report of
nobody's postmaster; and a person's mail is none, whatever it quotes."""
import time

import pytest
from lab import Reset, Smtp, wait_until
from lab.smtp import message

ZONE = 'pass.test TXT "v=spf1 ip4:{good} -all"\nother.test TXT "v=spf1 ip4:{good} -all"'


def whom(message_id):
    """To whom that message went: reports say that they do not exist, which the relay believes, so each goes to another."""
    return f"joe{''.join(filter(str.isdigit, message_id))}@tenant.test"


class Mill:
    """A relay with one tenant; mail from pass.test proves itself from the good address."""

    def __init__(self, lab):
        self.lab = lab
        self.good, self.down, self.world, self.source = lab.address(), lab.sink(), lab.sink(), lab.address()
        pools = {name: ([lab.address()], f"{name}.relay.test") for name in ("regular", "bounce", "ndr")}
        self.relay = lab.backstop(dns=lab.dns(ZONE.format(good=self.good)), routes={"*": self.world.endpoint}, pools=pools)
        self.relay.tenant("acme", "tenant.test", self.down.endpoint, [f"{self.source}/32"])
        self.count = 0

    def receive(self, sender, good):
        """The Message-ID of mail that came in."""
        self.count += 1
        message_id = f"<original{self.count}@client.test>"
        to = whom(message_id)
        with Smtp(self.relay.server, source=self.good if good else None) as client:
            assert client.transaction(sender, to, message(sender, to, message_id=message_id)).code == 250
        return message_id

    def send(self, sender, to, content):
        """Its end in the log, with the answer's line in "answer" if it counted as one; and by what it left: None: it is held."""
        self.count += 1
        message_id = f"<sent{self.count}.{time.time_ns()}@tenant.test>"
        with Smtp(self.relay.server, source=self.source) as client:
            reply = client.transaction(sender, to, f"Message-ID: {message_id}\r\n{content}".encode())
            assert reply.code == 250, reply
        event = self.relay.wait_event("message", message_id=message_id)
        event["answer"] = next((e for e in self.relay.events("answer") if e["id"] == event["id"]), None)
        if event["result"] == "held":
            return event, None
        got = self.world.wait_for(lambda m: m.field("Message-ID") == message_id)
        return event, got.ehlo.partition(".")[0]


@pytest.fixture(scope="module")
def mill(shared_lab):
    return Mill(shared_lab)


def vacation(to, about, extra=""):
    return (f"From: Joe <joe@tenant.test>\r\nTo: <{to}>\r\nSubject: Automatic reply: hello\r\n{extra}"
            f"In-Reply-To: {about}\r\nReferences: {about}\r\n\r\nI am out of the office until Monday and will read your mail then.\r\n")


def challenge(to, about):
    return (f"From: Joe <joe@tenant.test>\r\nTo: <{to}>\r\nSubject: Please confirm your message\r\nIn-Reply-To: {about}\r\n"
            "X-TMDA-Confirm: yes\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
            "This message was created automatically by mail delivery software (TMDA).\r\n\r\n"
            "Your message attached below is being held because the address has not been verified.\r\n\r\n"
            "To release your message for delivery, please send an empty message to the following address, or use your mailer's "
            "\"Reply\" feature.\r\n\r\n   joe-confirm-1.2.3@tenant.test\r\n\r\nThis confirmation verifies that your message is "
            "legitimate and not junk-mail.\r\n")


def report(to, about, sender="Mail system <mailsystem@tenant.test>", kind="delivery-status", action="failed"):
    return (f"From: {sender}\r\nTo: <{to}>\r\nSubject: Undeliverable: hello\r\nMIME-Version: 1.0\r\n"
            f'Content-Type: multipart/report; report-type={kind}; boundary="b"\r\n\r\n'
            f"--b\r\nContent-Type: text/plain\r\n\r\nYour message could not be delivered to {whom(about)}.\r\n"
            "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; tenant.test\r\n\r\n"
            f"Final-Recipient: rfc822; {whom(about)}\r\nAction: {action}\r\nStatus: {5 if action == 'failed' else 2}.1.1\r\n\r\n"
            f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: {to}\r\nMessage-ID: {about}\r\n\r\n--b--\r\n")


def success(to, about):
    return report(to, about, action="delivered").replace("could not be", "was successfully").replace("Undeliverable", "Delivered")


# (name, its return path, what it is, class, ground)
ANSWERS = [
    ("a vacation reply with a return path", "joe@tenant.test", vacation, "autoreply", "classed"),
    ("one that says so", "joe@tenant.test",
     lambda to, about: vacation(to, about, "Auto-Submitted: auto-replied\r\n"), "autoreply", "marked"),
    ("a challenge", "joe-confirm@tenant.test", challenge, "challenge", "classed"),
    ("a report of nobody's postmaster", "mailsystem@tenant.test", report, "ndr", "classed"),
    ("a report of success", "mailsystem@tenant.test", success, "ndr", "classed"),
    ("what <> sends although it looks like a letter", "",
     lambda to, about: f"From: joe@tenant.test\r\nTo: {to}\r\nSubject: Lunch\r\nIn-Reply-To: {about}\r\n\r\nAt noon?\r\n",
     "other", "marked"),
]


@pytest.mark.parametrize("path, make, cls, ground", [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS])
@pytest.mark.parametrize("good", [True, False], ids=["proven", "unproven"])
def test_an_answer_is_judged_by_what_it_is(mill, path, make, cls, ground, good):
    victim = f"victim{mill.count}@pass.test"
    about = mill.receive(victim, good)
    event, pool = mill.send(path, victim, make(victim, about))
    said = event["answer"]
    assert said and (said["class"], said["ground"]) == (cls, ground), said
    assert said["verdict"] == ("genuine" if good else "backscatter") and said["signals"]
    row, = wait_until(lambda: mill.relay.cli("ledger", "show", event["id"], "--json").rows, 10, "the ledger's entry")
    assert row["class"] == cls
    assert event["class"] == cls and 0.5 <= float(event["probability"]) <= 1
    assert pool == ("bounce" if good else None)
    if not good:
        row, = [r for r in mill.relay.cli("held", "list", "--json").ok().rows if r["to"] == [victim]]
        assert row["answer"] and f"{victim}: it would be backscatter [" in row["reason"]


@pytest.mark.parametrize("make", [vacation, challenge, report])
def test_an_answer_about_mail_that_is_not_known_leaves_by_the_ndr_pool(mill, make):
    event, pool = mill.send("joe@tenant.test", f"stranger{mill.count}@elsewhere.test", make("stranger@elsewhere.test", "<never@seen.test>"))
    assert event["answer"]["verdict"] == "unknown" and pool == "ndr"


def letter(to, about, subject, body, extra=""):
    return (f"From: Joe Bloggs <joe@tenant.test>\r\nTo: <{to}>\r\nSubject: {subject}\r\nIn-Reply-To: {about}\r\nReferences: {about}\r\n"
            f"Date: Mon, 01 Jan 2024 00:00:00 +0000\r\n{extra}\r\n{body}")


QUOTED_BOUNCE = ("-------- Forwarded Message --------\r\nSubject: Undelivered Mail Returned to Sender\r\nFrom: MAILER-DAEMON@mx.pass.test\r\n"
                 "To: joe@tenant.test\r\n\r\nThis is the mail system at host mx.pass.test.\r\n\r\nI'm sorry to have to inform you that your "
                 "message could not\r\nbe delivered to one or more recipients. It's attached below.\r\n\r\n<x@pass.test>: host "
                 "mx.pass.test said: 550 5.1.1 user unknown\r\n")

# What a person writes in answer to mail that proved nothing: it leaves as ordinary mail, without a look at the ledger.
LETTERS = [
    ("quotes a bounce", lambda to, about: letter(to, about, "Fwd: Undelivered Mail Returned to Sender", "What is this?\r\n\r\n" + QUOTED_BOUNCE)),
    ("quotes one, and does not say that it forwards", lambda to, about: letter(
        to, about, "mail trouble", "Dear helpdesk, I got this:\r\n\r\n" + QUOTED_BOUNCE.replace("\r\n", "\r\n> "))),
    ("forwards a bounce as a file", lambda to, about: letter(
        to, about, "Fwd: Undeliverable: hello", "--o\r\nContent-Type: text/plain\r\n\r\nWhat is this?\r\n--o\r\n"
        "Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n" + report("joe@tenant.test", about) + "\r\n--o--\r\n",
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="o"\r\nUser-Agent: Mozilla Thunderbird\r\n')),
    ("answers an automatic reply", lambda to, about: letter(
        to, about, "Re: Automatic reply: budget", "Thanks. Then I ask Carol.\r\n\r\n> I am out of the office until Monday.\r\n")),
    ("is away", lambda to, about: letter(to, about, "Re: lunch", "I am out of the office next week; on Monday?\r\n")),
    ("an ordinary answer", lambda to, about: letter(to, about, "Re: hello", "Yes.\r\n\r\n> Hi.\r\n")),
]


@pytest.mark.parametrize("make", [case[1] for case in LETTERS], ids=[case[0] for case in LETTERS])
def test_a_persons_mail_leaves_whatever_it_quotes(mill, make):
    friend = f"friend{mill.count}@pass.test"
    about = mill.receive(friend, False)
    event, pool = mill.send("joe@tenant.test", friend, make(friend, about))
    assert event["answer"] is None and event["result"] == "queued" and pool == "regular", event


def test_reports_for_people_who_asked_for_them_are_ordinary(mill):
    complaint = ('From: postmaster@tenant.test\r\nTo: abuse@pass.test\r\nSubject: complaint\r\nMIME-Version: 1.0\r\n'
                 'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n--b\r\n\r\nSpam.\r\n--b\r\n'
                 "Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\n\r\n--b\r\n"
                 f"Content-Type: message/rfc822\r\n\r\nFrom: x@pass.test\r\nMessage-ID: {mill.receive('x@pass.test', False)}\r\n\r\nBuy!\r\n--b--\r\n")
    event, pool = mill.send("postmaster@tenant.test", "abuse@pass.test", complaint)
    assert event["class"] == "arf" and event["answer"] is None and event["result"] == "queued"
    assert pool == "ndr", "as all that postmaster@ sends"


@pytest.mark.parametrize("to, judged", [("abuse@pass.test", False), ("x@pass.test", True)], ids=["to a desk", "to the author"])
def test_a_complaint_from_the_null_return_path(mill, to, judged):
    """Who gets complaints has asked for them, so it answers nobody; but not when that is the address in the mail itself."""
    about = mill.receive("x@pass.test", False)
    complaint = (f'From: abuse@tenant.test\r\nTo: {to}\r\nSubject: complaint\r\nMIME-Version: 1.0\r\n'
                 'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n--b\r\n\r\nSpam.\r\n--b\r\n'
                 "Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\n\r\n--b\r\n"
                 f"Content-Type: message/rfc822\r\n\r\nFrom: x@pass.test\r\nMessage-ID: {about}\r\n\r\nBuy!\r\n--b--\r\n")
    event, pool = mill.send("", to, complaint)
    assert event["class"] == "arf", event
    assert (event["result"], pool) == (("held", None) if judged else ("queued", "ndr")), event
    assert (event["answer"] or {}).get("verdict") == ("backscatter" if judged else None)


def test_a_name_that_only_references_bear_is_not_enough(mill):
    """A program may take them over from the forged message, whose author chose them."""
    victim = f"thread{mill.count}@pass.test"
    good = f"<thread{mill.count}@pass.test>"
    receive_as(mill, victim, f"Message-ID: {good}\r\n", good=True)
    away = vacation(victim, good).replace(f"In-Reply-To: {good}\r\n", "")
    assert mill.send("", victim, away)[1] == "bounce"
    receive_as(mill, victim, f"Message-ID: <forged{mill.count}@x>\r\nReferences: {good}\r\n")
    event, pool = mill.send("", victim, away)
    assert pool is None and event["answer"]["verdict"] == "backscatter", event
    assert mill.send("", victim, vacation(victim, good))[1] == "bounce", "In-Reply-To names what is answered"


def test_a_known_name_in_a_whole_header_that_did_not_come_through_us(mill):
    """The server was also reached by another way, with a Message-ID from the archive of a list: it is not known what it answers."""
    victim = f"archived{mill.count}@pass.test"
    good = mill.receive(victim, True)
    made_up = (f"Received: from bot.test (bot.test [203.0.113.9]) by mx.tenant.test with ESMTP id 1; Mon, 01 Jan 2024 00:00:00 +0000\r\n"
               f"Date: Mon, 01 Jan 2024 00:00:00 +0000\r\nFrom: {victim}\r\n")
    content = report(victim, good).replace(f"From: {victim}\r\nMessage-ID", f"{made_up}Message-ID")
    event, pool = mill.send("", victim, content)
    assert event["answer"]["verdict"] == "unknown" and pool == "ndr", event
    assert mill.send("", victim, report(victim, good))[1] == "bounce"


def test_tenants_that_share_a_server(mill):
    """All that the server answers comes as one tenant's; what it answers may have come for the other."""
    mill.relay.tenant("beta", "beta.test", mill.down.endpoint, [f"{mill.lab.address()}/32"])
    victim, about = f"shared{mill.count}@pass.test", f"<shared{mill.count}@client.test>"
    with Smtp(mill.relay.server) as client:
        assert client.transaction(victim, "x@beta.test", message(victim, "x@beta.test", message_id=about)).code == 250
    event, pool = mill.send("", victim, report(victim, about))
    assert pool is None and event["answer"]["verdict"] == "backscatter", event


def test_a_tenant_may_have_them_thrown_away(mill):
    """With one line that says why; what is not known, or proven, is not concerned."""
    source = mill.lab.address()
    mill.relay.tenant("brief", "brief.test", mill.down.endpoint, [f"{source}/32"], "--unproven", "discard")
    assert "are thrown away" in mill.relay.cli("tenant", "show", "brief").ok().out
    victim, about, before = f"thrown{mill.count}@pass.test", f"<thrown{mill.count}@client.test>", mill.relay.metric("answers_discarded")

    def answer(to, about):
        with Smtp(mill.relay.server, source=source) as client:
            return client.transaction("", to, report(to, about).encode())
    with Smtp(mill.relay.server) as client:
        assert client.transaction(victim, "x@brief.test", message(victim, "x@brief.test", message_id=about)).code == 250
    reply = answer(victim, about)
    assert reply.code == 250 and "discarded as" in reply.text, reply
    event = mill.relay.wait_event("discarded", to=victim, tenant="brief")
    assert "did not prove to be from" in event["reason"]
    end = mill.relay.wait_event("message", id=event["id"])
    assert end["result"] == "discarded" and mill.relay.metric("answers_discarded") == before + 1
    row, = wait_until(lambda: mill.relay.cli("ledger", "show", event["id"], "--json").rows, 10, "the ledger's entry")
    assert row["result"] == "discarded"
    assert [r for r in mill.relay.cli("held", "list", "--json").ok().rows if r["tenant"] == "brief"] == []
    assert "queued as" in answer("stranger@elsewhere.test", "<never@seen.test>").text
    with Smtp(mill.relay.server, source=mill.good) as client:
        assert client.transaction("ann@pass.test", "x@brief.test", message("ann@pass.test", "x@brief.test", message_id="<ann@x>")).code == 250
    assert "queued as" in answer("ann@pass.test", "<ann@x>").text
    mill.relay.cli("tenant", "set", "brief", "--contain").ok()

    def contained():
        with Smtp(mill.relay.server) as client:
            assert client.transaction(victim, "x@brief.test", message(victim, "x@brief.test")).code == 250
        return next((m.sender for m in mill.down.messages if m.sender.startswith("SRS0=")), None)
    path = wait_until(contained, 10, "a contained return path", every=0.2)
    assert "discarded as" in answer(path, about).text


def test_what_was_classified_is_counted(mill):
    before = {name: mill.relay.metric(f"class_{name}") for name in ("ndr", "autoreply", "other")}
    mill.send("joe@tenant.test", "x@elsewhere.test", report("x@elsewhere.test", "<1@x>"))
    mill.send("joe@tenant.test", "x@elsewhere.test", letter("x@elsewhere.test", "<1@x>", "hello", "Hi.\r\n"))
    wait_until(lambda: mill.relay.metric("class_ndr") > before["ndr"] and mill.relay.metric("class_other") > before["other"], 5, "counters")


# ---- what a forger may write so that his mail is taken for another ----------------------------------------------------------------------


def receive_as(mill, path, fields, good=False):
    mill.count += 1
    with Smtp(mill.relay.server, source=mill.good if good else None) as client:
        content = f"{fields}From: x\r\nSubject: s\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\n\r\nhi\r\n"
        assert client.transaction(path, f"joe{mill.count}@tenant.test", content.encode()).code == 250


AMBIGUOUS = {
    "two fields": "Message-ID: {forged}\r\nMessage-ID: {good}\r\n",
    "two in one": "Message-ID: {forged} {good}\r\n",
    "with a comment": "Message-ID: (x) {good}\r\n",
    "encoded": "Message-ID: =?utf-8?q?=3C{bare}=3E?=\r\n",
    "none, but references": "References: {good}\r\n",
}


@pytest.mark.parametrize("kind", AMBIGUOUS)
@pytest.mark.parametrize("answer", [vacation, report])
def test_a_forged_message_does_not_pass_for_one_that_its_victim_sent(mill, kind, answer):
    """The server behind us takes the other Message-ID."""
    victim, bare = f"known{mill.count}@pass.test", f"good{mill.count}@pass.test"
    good = f"<{bare}>"
    receive_as(mill, victim, f"Message-ID: {good}\r\n", good=True)
    event, pool = mill.send("", victim, answer(victim, good))
    assert pool == "bounce", event
    receive_as(mill, victim, AMBIGUOUS[kind].format(good=good, bare=bare, forged=f"<forged{mill.count}@x>"))
    event, pool = mill.send("", victim, answer(victim, good))
    assert pool is None and event["answer"]["verdict"] == "backscatter", event


@pytest.mark.parametrize("form", ['"{0}{1}"', '"\\{0}{1}"'])
def test_a_forged_address_is_the_same_in_quotes(mill, form):
    user = f"victim{mill.count}"
    receive_as(mill, f"{user}@pass.test", "", good=True)
    receive_as(mill, form.format(user[0], user[1:]) + "@pass.test", "")
    event, pool = mill.send("", f"{user}@pass.test", vacation(f"{user}@pass.test", "").replace("In-Reply-To: \r\nReferences: \r\n", ""))
    assert pool is None, event


@pytest.mark.parametrize("given, answered", [("{}@bücher.test", "{}@xn--bcher-kva.test"), ("{}@XN--Bcher-KVA.Test", "{}@BÜCHER.test"),
                                             ("{}@Shop.Test", "{}@shop.TEST")], ids=["U-label", "A-label", "case"])
def test_a_forged_address_is_the_same_however_its_domain_is_spelled(mill, given, answered):
    user = f"victim{mill.count}"
    given, answered = given.format(user), answered.format(user)
    with Smtp(mill.relay.server) as client:
        assert client.mail(given, "" if given.isascii() else "SMTPUTF8").code == 250
        assert client.rcpt(f"joe{mill.count}@tenant.test").code == 250
        assert client.data(message(given, "joe@tenant.test", message_id="<spelled@x>")).code == 250
    mill.count += 1
    away = vacation(answered, "").replace("In-Reply-To: \r\nReferences: \r\n", "")
    with Smtp(mill.relay.server, source=mill.source) as client:
        client.mail("", "SMTPUTF8")
        assert client.rcpt(answered).code == 250
        assert client.data(f"Message-ID: <away{mill.count}@tenant.test>\r\n{away}".encode()).code == 250
    event = mill.relay.wait_event("answer", id=mill.relay.wait_event("message", message_id=f"<away{mill.count}@tenant.test>")["id"])
    assert event["verdict"] == "backscatter" and event["to"] == f"{user}@{'shop' if 'hop' in given else 'xn--bcher-kva'}.test", event

    rows = wait_until(lambda: mill.relay.cli("ledger", "--return-path", answered, "--json").rows, 10, "the ledger's entry")
    assert rows[0]["return_path"] == event["to"], rows


REPLY_TO = {  # (fields of the forged message, whose return path proves itself, what the answer says of what it answers)
    "the author": ("From: {victim}\r\nMessage-ID: <{n}@spam>\r\n", ""),
    "whom it asks to answer": ("From: x@other.test\r\nReply-To: Victim <{victim}>\r\nMessage-ID: <{n}@spam>\r\n", ""),
    "the author of what had no name": ("From: {victim}\r\n", "In-Reply-To: <given-by-the-server-{n}@tenant.test>\r\n"),
    "who is to get a receipt": ("From: x@other.test\r\nDisposition-Notification-To: <{victim}>\r\nMessage-ID: <{n}@spam>\r\n", ""),
    "who is named in a broken field": ("From: x <{victim}\r\nMessage-ID: <{n}@spam>\r\n", ""),
}


@pytest.mark.parametrize("fields, names", REPLY_TO.values(), ids=REPLY_TO)
def test_a_program_that_answers_the_author_does_not_reach_whoever_was_forged(mill, fields, names):
    """The return path is the spammer's own, and proves itself."""
    victim = f"author{mill.count}@elsewhere.test"
    away = (f"From: Joe <joe@tenant.test>\r\nTo: <{victim}>\r\nSubject: Automatic reply: s\r\nAuto-Submitted: auto-replied\r\n"
            f"{names.format(n=mill.count)}\r\nI am out of the office until Monday.\r\n")
    assert mill.send("", victim, away)[1] == "ndr", "nothing is known"
    with Smtp(mill.relay.server, source=mill.good) as client:
        content = f"{fields.format(victim=victim, n=mill.count)}Subject: s\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\n\r\nhi\r\n"
        assert client.transaction("spammer@other.test", "joe@tenant.test", content.encode()).code == 250
    event, pool = mill.send("", victim, away)
    assert pool is None and event["answer"]["verdict"] == "backscatter" and "in its name" in event["answer"]["evidence"], event
    shown = mill.relay.cli("ledger", "show", event["answer"]["about"], "--json").ok().rows[0]
    assert shown["authors"] == [victim] and shown["return_path"] == "spammer@other.test" and shown["verified"], shown


def receipt(to, about):
    named = f"Original-Message-ID: {about}\r\n" if about else ""
    return (f"From: Joe <joe@tenant.test>\r\nTo: <{to}>\r\nSubject: Return Receipt (displayed) - hello\r\nUser-Agent: Mozilla Thunderbird\r\n"
            'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=disposition-notification; boundary="b"\r\n\r\n'
            "--b\r\nContent-Type: text/plain\r\n\r\nThis is a Return Receipt for the mail that you sent to joe@tenant.test.\r\n"
            "--b\r\nContent-Type: message/disposition-notification\r\n\r\nReporting-UA: Thunderbird\r\nFinal-Recipient: rfc822;joe@tenant.test\r\n"
            f"{named}Disposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--b--\r\n")


def by_program(to, about):
    return vacation(to, about, "X-Mailer: Lotus Notes\r\nX-Autoreply: yes\r\n").replace(f"In-Reply-To: {about}\r\nReferences: {about}\r\n", "")


def set_up(subject, text, mailer="X-Mailer: Microsoft Outlook 16.0\r\n"):
    """A rule of a mail program: no field says that it answers, or what."""
    return lambda to, about: f"From: Joe <joe@tenant.test>\r\nTo: <{to}>\r\nSubject: {subject}\r\n{mailer}\r\n{text}\r\n"


RULES = [set_up("Automatic reply: hello", "Back on Monday."),
         set_up("Out of Office AutoReply: hello", "I will return on 4/5.", "X-MimeOLE: Produced By Microsoft Exchange V6.5\r\n"),
         set_up("Automatische Antwort: Angebot", "Ich bin bis Montag nicht im Haus.", "User-Agent: Mozilla Thunderbird\r\n"),
         set_up("Out of office", "This is an automatic reply. I am out of the office until May 5.")]
PEOPLE = [set_up("Out of office on Friday", "Hi all, I am out of the office on Friday, let's meet on Monday instead."),
          set_up("Re: Automatic reply: hello", "Then on Monday. Enjoy your vacation!"),
          set_up("our auto-reply", "Could you set the automatic reply for the holidays? We are out of the office until January 2.")]


@pytest.mark.parametrize("make", PEOPLE)
def test_a_person_who_writes_of_such_answers_is_none(mill, make):
    friend = f"colleague{mill.count}@pass.test"
    receive_as(mill, friend, f"Message-ID: <talk{mill.count}@pass.test>\r\n")
    event, pool = mill.send("joe@tenant.test", friend, make(friend, ""))
    assert event["answer"] is None and pool == "regular", event


@pytest.mark.parametrize("make, named", [(receipt, True), (receipt, False), (by_program, False), *[(rule, False) for rule in RULES]])
@pytest.mark.parametrize("good", [True, False], ids=["proven", "unproven"])
def test_a_mail_program_answers_by_itself(mill, make, named, good):
    victim = f"reader{mill.count}@pass.test"
    about = f"<read{mill.count}@pass.test>"
    receive_as(mill, victim, f"Message-ID: {about}\r\n" if named else "", good)
    event, pool = mill.send("joe@tenant.test", victim, make(victim, about if named else ""))
    assert event["answer"]["ground"] == "classed" and pool == ("bounce" if good else None), event


def test_a_server_that_took_the_message_and_did_not_say_so_answers_it_too(lab):
    """The connection to it broke after the final dot: the client was told to come again, and the server has the message."""
    mill = Mill(lab)
    mill.down.script["end"] = [Reset()]
    with Smtp(mill.relay.server) as client:
        content = message("victim@pass.test", "joe@tenant.test", message_id="<lost@x>")
        assert client.transaction("victim@pass.test", "joe@tenant.test", content).code == 451
    event, pool = mill.send("", "victim@pass.test", report("victim@pass.test", "<lost@x>"))
    assert pool is None and event["answer"]["verdict"] == "backscatter", event
