# SPDX-License-Identifier: Apache-2.0
"""What real servers answer, judged under every circumstance: Postfix, Exim and Dovecot take genuine and forged mail and then bounce it (no
such user, mailbox full, Sieve's reject) or answer by themselves (vacation), in several languages. Their reports are
collected, and each is handed to the relay as it is, reformatted, forwarded, cut off; while the ledger is there, was killed, is
lost, while the clock is a day off. Nothing about forged mail leaves, and the senders' own Backstop
believes what is about genuine mail, by the tag in the address or, of a tenant without tags, by its signature, its Received field or what it
remembers; also when it has lost that, and when its clock is off."""
import base64
import email
import os
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from lab import Lab, Smtp, wait_until
from lab.backstop import Backstop
from lab.bouncing import Accepting, BehindPostfix, BouncingExim
from lab.smtp import message

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
GERMAN = """\
failure_template = <<EOF
Charset: utf-8
From: MAILER-DAEMON (Mailsystem)
Subject: Unzustellbar: Ihre Nachricht kam nicht an

Dies ist das Mailsystem von $myhostname.

Ihre Nachricht konnte leider nicht an einen oder mehrere Empfänger zugestellt werden. Sie ist unten angefügt.
EOF
"""
FRENCH = """\
Subject: Echec de remise de votre message
****
Ce message a été créé automatiquement par le logiciel de remise du courrier.

Votre message n'a pas pu être remis à un ou plusieurs de ses destinataires :
****
****
"""


# ---- the tenants' servers ------------------------------------------------------------------------------------------------------------


class Postfix(Accepting):
    """Speaks DSN: it is silent about forged mail, and its reports name the envelope id."""
    name, domain, open_domain = "english", "english.test", "open.english.test"


class GermanPostfix(Accepting):
    """Does not speak DSN, so that it bounces forged mail too."""
    name, domain, open_domain, speaks_dsn = "german", "german.test", "open.german.test", False

    def make(self, world):
        return super().make(world, smtpd_discard_ehlo_keywords="dsn", bounce_template_file=world.lab.file("german.cf", GERMAN))


class FrenchExim(BouncingExim):
    name, domain, open_domain = "french", "french.test", "open.french.test"

    def more(self, world):
        return f"bounce_message_file = {world.lab.file('french.txt', FRENCH)}\n"


class RussianDovecot(BehindPostfix):
    name, domain, open_domain, speaks_dsn = "russian", "russian.test", "open.russian.test", False
    away_text, picky_text = "Вернусь в понедельник.", "Мне это не нужно."
    settings = {"smtpd_discard_ehlo_keywords": "dsn"}
    silent = ["away"]  # Dovecot's vacation heeds X-Auto-Response-Suppress


KINDS = [Postfix, GermanPostfix, FrenchExim, RussianDovecot]

# ---- what becomes of a report on its way -----------------------------------------------------------------------------------------------


def split(data):
    """(header, body) as texts with LF."""
    text = data.replace(b"\r\n", b"\n").decode("utf-8", "surrogateescape")
    header, _, body = text.partition("\n\n")
    return header, body


def join(header, body):
    return (header + "\n\n" + body).replace("\n", "\r\n").encode("utf-8", "surrogateescape")


def parts(data):
    """The words for a person, and the header that is returned, '' if none."""
    words, returned = "", ""
    for part in email.message_from_bytes(data).walk():
        kind = part.get_content_type()
        if kind == "message/rfc822":
            returned = returned or "".join(f"{k}: {v}\n" for k, v in part.get_payload(0).items()).replace("\r\n", "\n")
        elif kind == "text/rfc822-headers":
            returned = returned or part.get_payload(decode=True).decode("utf-8", "replace").replace("\r\n", "\n")
        elif kind == "text/plain" and not words:
            words = part.get_payload(decode=True).decode("utf-8", "replace").replace("\r\n", "\n")
    return words, returned


def outer(data):
    """The header without what tells of its form."""
    header, _ = split(data)
    return re.sub(r"(?m)^(Content-|MIME-)[^\n]*\n([ \t][^\n]*\n)*", "", header + "\n").rstrip("\n")


def as_it_is(data):
    return data


def refolded(data):
    """The returned header in base64, its fields on one line each, more on top."""
    words, returned = parts(data)
    if not returned:
        return data
    one_line = "X-Spam-Status: No\n" + re.sub(r"\n[ \t]+", " ", returned)
    return join(outer(data) + '\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="re"',
                f"--re\nContent-Type: text/plain; charset=utf-8\n\n{words}\n--re\nContent-Type: text/rfc822-headers\n"
                f"Content-Transfer-Encoding: base64\n\n{base64.encodebytes(one_line.encode()).decode()}\n--re--\n")


def in_text(data):
    """As old programs report: everything in one text."""
    words, returned = parts(data)
    return join(outer(data) + "\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8",
                f"{words}\n\nOriginal message headers:\n\n{returned}")


def forwarded(data):
    """One more hop that the original took in the tenant's house, and two that the report took."""
    hop = "Received: from mail.inner.test ([10.0.0.5])\n\tby store.inner.test with ESMTP id 42; Mon, 01 Jan 2024 00:00:00 +0000\n"
    header, body = split(data)
    body = re.sub(r"(?m)^(Return-Path: [^\n]*\n)?Received: ", lambda m: hop + m.group(0), body, count=1)
    return join(hop * 2 + header, body)


def cut_off(data):
    """In the middle of the returned header, after our field."""
    header, body = split(data)
    ours = body.rfind("by mx.relay.test")
    return data if ours < 0 else join(header, body[:body.index("\n", body.index(";", ours)) + 1] + "\tMon, 01 Jan")


def beheaded(data):
    """Nothing but words."""
    words, _ = parts(data)
    return join(outer(data) + "\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8", words)


FORMS = [as_it_is, refolded, in_text, forwarded, cut_off, beheaded]


@dataclass
class Report:
    kind: type
    user: str
    domain: str  # of who gets it
    source: str
    sender: str  # of the report
    to: str
    data: bytes

    @property
    def genuine(self):
        return self.domain != "victim.test"

    @property
    def has_trace(self):
        return b"by mx.relay.test" in self.data

    def expected(self, form, lost):
        """The verdict. Without the ledger it takes our trace: in a part of its own to be believed, anywhere to be held."""
        if lost and (not self.has_trace or form is beheaded or (self.genuine and form is in_text)):
            return "unknown"
        return "genuine" if self.genuine else "backscatter"

    def at_home(self, form, lost):
        """The verdict of the senders' own Backstop. Without a tag it takes a header of which enough is left, or any and a name that is known."""
        named = not lost and re.search(rb"(?m)^(In-Reply-To|References|Original-Message-ID): <", self.data)
        enough = self.has_trace and form is not beheaded and (form is not cut_off or named)
        return "genuine" if self.domain == "genuine.test" or enough else "unknown"

    def __repr__(self):
        return f"{self.kind.name} {self.user} {self.domain}"


# ---- the world -----------------------------------------------------------------------------------------------------------------------------


class World:
    """The relay with a tenant for each server, whose mail is collected at a hub; the Backstop of the genuine senders; the server of the
    forged."""

    def __init__(self, lab):
        self.lab, self.handed, self.home_lost = lab, 0, False
        self.hub, self.home, self.victims = lab.sink(), lab.sink(), lab.sink()
        self.relay_server = self.hub.address, self.hub.port
        self.smarthost, self.smarthost_plain = f"[{self.hub.address}]:{self.hub.port}", self.hub.endpoint
        good = lab.address()
        spf = f'TXT "v=spf1 ip4:{good} -all"'
        dns = lab.dns(f'genuine.test {spf}\nplain.test {spf}\nvictim.test TXT "v=spf1 -all"\n')
        calm = "storm { address = 0 domain = 0 }"  # storms are for another test
        self.theirs = lab.add(Backstop(lab.folder("theirs"), dns=dns, hostname="mx.genuine.test", pools={"regular": [good]}, top=calm,
                                       client_session_rate=0))
        self.pools = {name: [lab.address()] for name in ("regular", "bounce", "ndr")}
        self.relay = lab.backstop(start=False, dns=dns, pools=self.pools, top=calm, client_session_rate=0, session_unknown_limit=0,
                                  routes={"genuine.test": self.theirs.endpoint, "plain.test": self.theirs.endpoint, "*": self.victims.endpoint})
        self.theirs.routes = {"*": self.relay.endpoint}
        self.theirs.write_config()
        self.desk, self.plain_desk = lab.address(), lab.address()
        self.theirs.tenant("genuine", "genuine.test", self.home.endpoint, f"{self.desk}/32", "--tags", "prvs", "--tag-check", "refuse")
        self.theirs.tenant("plain", "plain.test", self.home.endpoint, f"{self.plain_desk}/32")
        self.theirs.cli("keys", "rotate", "--tenant", "plain", "--dkim", "--now", "--algorithm", "ed25519").ok()
        with ThreadPoolExecutor(len(KINDS)) as pool:
            self.downs = list(pool.map(lambda kind: kind(self), KINDS))
        for down in self.downs:
            self.relay.tenant(down.name, [down.domain, down.open_domain], "{}:{}".format(*down.target), f"{down.source}/32")
        self.theirs.start()
        self.relay.start()
        self.originals()
        self.reports = self.collect()

    def originals(self):
        """Genuine messages and a forged one to everybody whose mail is answered."""
        for down in self.downs:
            for user in down.fails + down.answers:
                name, to = f"{down.name}.{user}", f"{user}@{down.domain}"
                for server, source, domain in ((self.theirs, self.desk, "genuine.test"), (self.theirs, self.plain_desk, "plain.test"),
                                               (self.relay, None, "victim.test")):
                    with Smtp(server.server, source=source) as client:
                        content = message(f"{name}@{domain}", to, f"to {name}", message_id=f"<{name}@{domain}>")
                        assert client.transaction(f"{name}@{domain}", to, content).code == 250

    def collect(self):
        """All that the servers answer: genuine originals each once, forged ones where nothing asks the server to be silent."""
        wanted = {(down.name, user, domain) for down in self.downs for user in down.fails + down.answers
                  for domain in ("genuine.test", "plain.test", "victim.test")
                  if domain != "victim.test" or not (down.speaks_dsn or user in getattr(down, "silent", []))}
        found = {}

        def all_there():
            for m in list(self.hub.messages):
                name, user, domain = re.search(r"(\w+)\.(\w+)@(\w+\.test)$", m.recipients[0]).groups()
                down = next(d for d in self.downs if d.name == name)
                found[name, user, domain] = Report(type(down), user, domain, down.source, m.sender, m.recipients[0], m.data)
            return wanted <= set(found)
        wait_until(all_there, 40, "the reports of all servers", every=0.1)
        assert set(found) == wanted, "a server that was asked to be silent was not"
        return list(found.values())

    def hand_over(self, report, form):
        """Each under a Message-ID of its own, or it would be taken for a second copy."""
        header, _, body = form(report.data).partition(b"\r\n\r\n")
        self.handed += 1
        header, n = re.subn(rb"(?mi)^Message-ID: *<", b"Message-ID: <%d." % self.handed, header)
        assert n == 1, header
        with Smtp(self.relay.server, source=report.source) as client:
            reply = client.transaction(report.sender, report.to, header + b"\r\n\r\n" + body)
        assert reply.code == 250, (report, form.__name__, reply)
        return *re.search(r"(held|queued) as (\w+)", reply.text).groups(), re.search(rb"(?mi)^Message-ID: *(<\S+)", header).group(1).decode()

    def cases(self, forms):
        return [(r, form) for form in forms for r in self.reports]

    def judge(self, forms, lost=False):
        """Hands them over, checks each verdict, and waits until what may leave has left."""
        cases = self.cases(forms)
        with ThreadPoolExecutor(16) as pool:
            fates = list(pool.map(lambda case: self.hand_over(*case), cases))
        events = {e["id"]: e for e in self.relay.events("answer")}
        wrong = []
        for (report, form), (fate, number, _) in zip(cases, fates):
            expected = report.expected(form, lost)
            stays = expected == "backscatter" or (lost and expected == "unknown")
            if events[number]["verdict"] != expected or fate != ("held" if stays else "queued"):
                wrong.append((report, form.__name__, f"expected {expected}", fate, events[number]))
        assert not wrong, f"{len(wrong)} of {len(cases)}: " + "\n".join(map(repr, wrong[:5]))
        wait_until(lambda: all(row["hold"] for row in self.relay.queue()), 30, "what may leave to have left", every=0.2)
        self.judge_at_home([(r, form, name) for (r, form), (fate, _, name) in zip(cases, fates) if r.genuine and fate == "queued"])

    def judge_at_home(self, left):
        arrived = {e["message_id"]: e["id"] for e in self.theirs.events("message") if e["direction"] == "in"}
        verdicts = {e["id"]: e for e in self.theirs.events("bounce")}
        wrong = [(r, form.__name__, verdicts[arrived[name]]) for r, form, name in left
                 if verdicts[arrived[name]]["verdict"] != r.at_home(form, self.home_lost)]
        assert left and not wrong, f"{len(wrong)} of {len(left)}: " + "\n".join(map(repr, wrong[:5]))

    def restart(self, backstop, lose=False, clock=None, kill=False):
        if kill:
            backstop.kill()
        else:
            backstop.stop()
        if lose:
            shutil.rmtree(os.path.join(backstop.state, "ledger"))
        backstop.start(env={"LD_PRELOAD": FAKETIME, "FAKETIME": clock, "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                              "FAKETIME_DISABLE_SHM": "1"} if clock else None)


@pytest.fixture(scope="module")
def world():
    with Lab() as lab:
        yield World(lab)


# The tests go on from one another: the ledger is whole, then killed, then lost.


def test_the_servers_did_what_they_are_for(world):
    assert len(world.reports) == 2 * 2 + 2 * 3 + 3 * 3 + 4 * 2 + 3
    assert {r.kind for r in world.reports if b"Original-Envelope-Id" in r.data} == {Postfix}
    assert any("Unzustellbar" in split(r.data)[0] for r in world.reports) and any(b"n'a pas pu" in r.data for r in world.reports)
    assert {(r.kind, r.user) for r in world.reports if not r.has_trace} <= {(FrenchExim, "away"), (RussianDovecot, "away")}


def test_with_the_ledger_every_form_is_known(world):
    world.judge(FORMS)
    assert world.victims.messages == [] and world.victims.connections == []


def test_what_is_held_shows_what_it_is_about(world):
    """The join: which message, and that its return path did not prove itself."""
    rows = world.relay.cli("held", "list", "--json").ok().rows
    events = world.relay.events("answer")
    for report in [r for r in world.reports if not r.genuine]:
        own = [row for row in rows if row["to"] == [report.to]]
        assert len(own) == len(FORMS) and all("did not prove to be from" in row["reason"] for row in own), report
        event = next(e for e in events if e["to"] == report.to)
        passage, = world.relay.cli("ledger", "show", event["about"], "--json").ok().rows
        assert passage["return_path"] == report.to and passage["proof"] == "none", passage


def test_the_senders_own_backstop_believes_the_reports(world):
    assert len(world.home.messages) == len([r for r, _ in world.cases(FORMS) if r.genuine])
    events = world.theirs.events("bounce")
    assert len(events) == len(world.home.messages) and {e["verdict"] for e in events if e["tenant"] == "genuine"} == {"genuine"}
    assert [e["verdict"] for e in events if e["tenant"] == "plain"].count("genuine") > 30
    assert {e["client"] for e in world.theirs.events("message") if e["direction"] == "in"} == set(world.pools["bounce"])


@pytest.mark.parametrize("lose, clock", [(True, None), (False, "-1d"), (True, "+1d")])
def test_and_when_it_has_lost_its_ledger_or_has_another_day(world, lose, clock):
    """judge() looks at each verdict there."""
    world.restart(world.theirs, lose=lose, clock=clock)
    world.home_lost = True
    world.judge(FORMS)


def test_what_does_not_exist_was_learned(world):
    """By the reports of each server; what is full, or does not want a message, was not."""
    for down in world.downs:
        for user in down.known + down.fails:
            with Smtp(world.relay.server) as client:
                client.mail("late@victim.test")
                reply = client.rcpt(f"{user}@{down.domain}")
            assert reply.code == (550 if user == "gone" else 250), (down.name, user, reply)


def test_after_kill_9_and_with_a_clock_that_is_a_day_behind(world):
    world.restart(world.relay, kill=True, clock="-1d")
    world.judge(FORMS)
    assert world.victims.messages == [] and world.victims.connections == []


def test_when_the_ledger_is_lost_our_trace_tells(world):
    assert world.relay.events("ledger_lost") == [], "a ledger that was killed is the same"
    world.restart(world.relay, lose=True)
    assert world.relay.wait_event("ledger_lost")["seconds"] == "3600"
    world.judge(FORMS, lost=True)
    assert world.victims.messages == [] and world.victims.connections == [], "what nothing is known of waits for its owner"


def test_what_is_held_after_the_loss_says_so_and_may_be_let_go(world):
    said = world.relay.cli("status", "--json").ok().rows[0]["ledger"]
    assert abs(said["lost"] - time.time()) < 600 and "answers about mail that is not known are held" in world.relay.cli("status").ok().out
    unknown = [row for row in world.relay.cli("held", "list", "--json").ok().rows if "shortly after what is known was lost" in row["reason"]]
    assert len(unknown) == sum(r.expected(form, True) == "unknown" for r, form in world.cases(FORMS)) and not any(r["answer"] for r in unknown)
    assert world.relay.metric("answers_after_loss") == len(unknown)
    row = next(row for row in unknown if row["to"][0].endswith("@genuine.test"))
    before = len(world.home.messages)
    world.relay.cli("held", "release", row["id"]).ok()
    assert world.home.wait_for_count(before + 1)[before].recipients[0].endswith(row["to"][0].rpartition("=")[2])


@pytest.mark.parametrize("clock", ["+1d", "-1d"])
def test_when_it_is_lost_and_the_clock_is_a_day_off(world, clock):
    world.restart(world.relay, lose=True, clock=clock)
    world.judge(FORMS, lost=True)
    assert world.victims.messages == [] and world.victims.connections == []


def test_nothing_of_it_was_refused_at_home(world):
    events = world.theirs.events("bounce")
    assert {e["action"] for e in events} == {"passed"} and {e["verdict"] for e in events if e["tenant"] == "genuine"} == {"genuine"}
