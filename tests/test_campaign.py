# SPDX-License-Identifier: Apache-2.0
"""A forged campaign against tenants whose servers take everything and then bounce it, answer by themselves, or go away: nothing at
all reaches whoever was forged, and every genuine sender whose mail failed is told exactly once."""
import email
import os
import pwd
import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from lab import Lab, Smtp, SmtpError, wait_until
from lab.signing import DkimKey
from lab.smtp import message

RETURNS = "returns.relay.test"
LIST, OPEN = "list.test", "open.test"  # of the one there is a complete list of recipients, of the other the server is asked

# Who sends, by the domain of his return path. Each line is what the DNS says of it.
GENUINE = {
    "spf.test": 'spf.test TXT "v=spf1 ip4:{good} -all"',
    "dkim.test": 'dkim.test TXT "v=spf1 -all"',  # forwarded, say: SPF fails, but the signature holds
    "bounces.dmarc.test": '_dmarc.dmarc.test TXT "v=DMARC1; p=reject"',  # From is dmarc.test, signed by news.dmarc.test
}
FORGED = {
    "fail.test": 'fail.test TXT "v=spf1 ip4:192.0.2.1 -all"',
    "softfail.test": 'softfail.test TXT "v=spf1 ip4:192.0.2.1 ~all"',
    "neutral.test": 'neutral.test TXT "v=spf1 ?all"',
    "none.test": "none.test A 192.0.2.1",
    "nothing.test": "",  # does not exist
    "permerror.test": 'permerror.test TXT "v=spf1 inlcude:fail.test -all"',
    "temperror.test": "temperror.test SERVFAIL",
    "unaligned.test": 'unaligned.test TXT "v=spf1 ?all"',  # signed, but by somebody else
}


@dataclass
class Try:
    """One transaction of the campaign. Its return path is its own, so that what comes back can be told apart."""
    number: int
    domain: str
    recipient: str
    codes: list = field(default_factory=list)

    @property
    def sender(self):
        return f"t{self.number}@{self.domain}"

    @property
    def genuine(self):
        return self.domain in GENUINE

    @property
    def user(self):
        return self.recipient.partition("@")[0]

    @property
    def code(self):
        return self.codes[-1]

    def __repr__(self):
        return f"t{self.number}: {self.sender} -> {self.recipient} {self.codes}"


# ---- the tenants' servers ------------------------------------------------------------------------------------------------------


class Accepting:
    """A Postfix that takes all mail and bounces what it cannot deliver; one mailbox has reached its limit."""
    known, fails, refuses, answers = ["games", "away"], ["news", "gone"], [], []
    speaks_dsn, smarthost, options = True, True, ()

    def __init__(self, world):
        self.source = world.lab.address()
        self.sources = [self.source]
        self.server = self.make(world)
        self.target = self.server.server
        path = os.path.join(self.server.maildirs, "news")
        with open(path, "wb") as f:
            f.truncate(200000)
        os.chown(path, pwd.getpwnam("news").pw_uid, -1)

    def make(self, world, **settings):
        settings = {"local_recipient_maps": "", **settings}
        return world.lab.postfix("down", domain=LIST, users=["games", "news"], aliases={"away": "games"}, source=self.source,
                                 mydestination=f"{LIST}, {OPEN}", relayhost=world.smarthost, message_size_limit="100000",
                                 mailbox_size_limit="200000", mail_spool_directory=os.path.join(world.lab.path, "down", "mail"),
                                 default_process_limit="60", **settings)

    def delivered(self):
        """All that is in the mailboxes, as one text."""
        text = b""
        for name in os.listdir(self.server.maildirs):
            with open(os.path.join(self.server.maildirs, name), "rb") as f:
                text += f.read()
        return text

    def wait_empty(self, timeout):
        self.server.wait_queue_empty(timeout)


class Strict(Accepting):
    """A Postfix that knows its users, and refuses others; the full mailbox it sees too late."""
    fails, refuses = ["news"], ["gone"]

    def make(self, world):
        return super().make(world, local_recipient_maps="inline:{ { games = x }, { news = x } }, $alias_maps")


class BouncingExim:
    """An Exim that takes all mail and bounces what it cannot deliver, and an autoresponder that answers everybody. It does not
    offer DSN and knows nothing of X-Auto-Response-Suppress: only the relay can stop what it writes."""
    known, fails, refuses, answers = ["games", "away"], ["news", "gone"], [], ["away"]
    speaks_dsn, smarthost, options = False, True, ()

    def __init__(self, world):
        self.source = world.lab.address()
        self.sources = [self.source] if self.smarthost else []
        self.server = world.lab.exim("down", domain=LIST, local_domains=f"{LIST} : {OPEN}", users=["games", "news", "away"],
                                     accept_all=True, source=self.source, main="queue_run_max = 20\n", **self.onward(world), maildir=(
                                         "  quota = ${if eq{$local_part}{news}{10}{0}}\n  quota_is_inclusive = true\n"), transports=(
                                         "vacation:\n  driver = autoreply\n  user = nobody\n  to = $sender_address\n"
                                         "  from = $local_part@$domain\n  subject = Away: $h_subject:\n  text = Back on Monday.\n"))
        self.target = self.server.server

    vacation = ("vacation:\n  driver = accept\n  unseen\n  domains = +local_domains\n  local_parts = away\n"
                "  senders = !:\n  transport = vacation\n")

    def onward(self, world):
        return {"relay_to": world.relay_server, "routers": self.vacation}

    def delivered(self):
        return b"\n".join(m for user in ("games", "away") for m in self.server.maildir(user))

    def wait_empty(self, timeout):
        self.server.wait_queue_empty(timeout)


class ContainedExim(BouncingExim):
    """The same, with containment."""
    options = ("--contain",)


class DirectExim(ContainedExim):
    """The same, but it does not send through the relay: it writes to the server of whoever it answers, and the relay is
    one of those (by its MX, here a table)."""
    smarthost = False

    def onward(self, world):
        table = {RETURNS: world.relay_server, "*": (world.victims.address, world.victims.port),
                 **{domain: (world.genuine.address, world.genuine.port) for domain in GENUINE}}
        routers = "".join(
            f"to{i}:\n  driver = manualroute\n  domains = {'!+local_domains' if domain == '*' else domain}\n"
            f"  route_list = * {host}::{port}\n  self = send\n  transport = smtp\n"
            for i, (domain, (host, port)) in enumerate(sorted(table.items(), reverse=True)))
        return {"routers": self.vacation + routers, "transport": "  hosts_try_fastopen =\n  allow_localhost\n"}


class BehindPostfix(Accepting):
    """A Postfix before a Dovecot: a small quota, users that Dovecot does not know, Sieve scripts that answer and that reject."""
    known, fails, answers = ["games", "away"], ["news", "gone", "picky"], ["away"]

    def __init__(self, world):
        self.source = world.lab.address()
        self.sources = [self.source, "127.0.0.1"]  # Dovecot's own answers come from there
        self.dovecot = world.lab.dovecot(
            "store", domain=LIST, users={"games": None, "away": None, "news": 500, "picky": None}, submission=world.smarthost_plain, sieve={
                "away": f'require "vacation";\nvacation :days 1 :addresses ["away@{LIST}"] "Back on Monday.";\n',
                "picky": 'require "reject";\nreject "I do not want this.";\n'})
        self.server = self.make(world, mailbox_transport=f"lmtp:inet:[{self.dovecot.address}]:{self.dovecot.port}", alias_maps="",
                                lmtp_dns_support_level="disabled")
        self.target = self.server.server

    def delivered(self):
        return b"\n".join(m for user in ("games", "away") for m in self.dovecot.maildir(user))


# ---- the campaign ---------------------------------------------------------------------------------------------------------------


class World:
    """The relay, a tenant's server behind a gate, and two servers of the world: that of the genuine senders and that of the forged."""

    def __init__(self, lab, kind):
        self.lab = lab
        self.good, self.bot = lab.address(), lab.address()
        self.genuine, self.victims = lab.sink(), lab.sink()
        self.keys = {"dkim.test": DkimKey("dkim.test"), "bounces.dmarc.test": DkimKey("news.dmarc.test"),
                     "unaligned.test": DkimKey("spammer.test")}
        zone = "\n".join([*GENUINE.values(), *FORGED.values(), *(key.record for key in self.keys.values())])
        self.pools = {name: [lab.address()] for name in ("regular", "bounce", "ndr")}
        self.relay = lab.backstop(
            start=False, dns=lab.dns(zone.format(good=self.good)), pools=self.pools, retry_schedule=["1s"], client_session_rate=0,
            session_unknown_limit=0, return_path_domain=RETURNS, downstream_connect_timeout="5s", downstream_connection_limit=10,
            destination_concurrency=10,
            routes={"*": self.victims.endpoint, **{domain: self.genuine.endpoint for domain in GENUINE}})
        self.relay_server = self.relay.server
        self.smarthost_plain = self.relay.endpoint
        self.smarthost = f"[{self.relay.address}]:{self.relay.port}"
        self.down = kind(self)
        self.gate = lab.gate(self.down.target)
        sources = [f"{a}/32" for a in self.down.sources]
        # the same addresses fail over and over here: what is learned of them is for test_learning.py and test_bounce_matrix.py
        self.relay.tenant("acme", [LIST, OPEN], self.gate.endpoint, sources, "--learn", "off", *kind.options)
        self.relay.recipients("acme", [f"{user}@{LIST}" for user in self.down.known + self.down.fails + self.down.refuses])
        self.relay.start()
        self.tries, self.lock = [], threading.Lock()

    def content(self, t):
        author = f"t{t.number}@" + {"bounces.dmarc.test": "dmarc.test", "unaligned.test": "spammer.test"}.get(t.domain, t.domain)
        text = message(author, t.recipient, f"campaign t{t.number}.", message_id=f"<t{t.number}@client.test>")
        return self.keys[t.domain].sign(text) if t.domain in self.keys else text

    def fire(self, t):
        source, name = (self.good, "mail.genuine.test") if t.genuine else (self.bot, "bot.spam.test")
        try:
            with Smtp(self.relay.server, source=source, ehlo=name) as client:
                t.codes.append(client.transaction(t.sender, t.recipient, self.content(t)).code)
        except (OSError, SmtpError) as error:
            t.codes.append(400)
            raise AssertionError(f"{t}: the relay did not answer: {error}") from error

    def fire_all(self, tries):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self.fire, tries))

    def make_tries(self):
        down = self.down
        recipients = [f"{user}@{LIST}" for user in down.known + down.fails + down.refuses + ["never-heard-of"]]
        recipients += [f"games@{OPEN}", f"gone@{OPEN}"]
        made = []
        for domain in [*GENUINE, *FORGED]:
            for recipient in recipients:
                made.append(Try(len(self.tries) + 1, domain, recipient))
                self.tries.append(made[-1])
        return made

    def again(self, tries, rounds=10):
        """As senders' servers do: what got 4xx is sent again. Spammers do so, too, here."""
        for _ in range(rounds):
            pending = [t for t in tries if t.code // 100 == 4]
            if not pending:
                return
            self.fire_all(pending)
        assert not [t for t in tries if t.code // 100 == 4], "what is put off for ever"

    def run(self):
        self.up = self.make_tries()
        self.fire_all(self.up)
        self.again(self.up)
        self.flapping = self.make_tries()
        self.gate.flap()
        self.fire_all(self.flapping)
        for _ in range(3):
            self.fire_all([t for t in self.flapping if t.code // 100 == 4])
        self.cuts = self.gate.count
        self.gate.shut()
        self.away = self.make_tries()
        self.fire_all(self.away)
        self.gate.open()
        self.again(self.flapping)
        self.again(self.away)
        self.settle()

    def settle(self, timeout=60):
        """Nothing is under way any more, here or there. Twice: a message may go from the one to the other while one looks."""
        for _ in range(2):
            self.down.wait_empty(timeout)
            wait_until(lambda: all(row["hold"] for row in self.relay.queue()), timeout, "an empty queue", every=0.1)

    # ---- what came of it ----

    def reports(self):
        """(how often each return path got a report of failure, how often an automatic reply)"""
        reports, replies = Counter(), Counter()
        for m in self.genuine.messages:
            assert m.accepted and m.sender == "", m.header
            kind = email.message_from_bytes(m.data).get_content_type()
            bounced = kind == "multipart/report" or m.field("X-Failed-Recipients")
            (reports if bounced else replies)[m.recipients[0]] += 1
        return reports, replies

    def held(self):
        return Counter(to for row in self.relay.cli("held", "list", "--json").ok().rows for to in row["to"])

    def endings(self):
        """{return path: results of its accepted messages}, by the log."""
        found = {}
        for event in self.relay.events("message"):
            if event["direction"] == "in" and event["from"] and event["result"] in ("delivered", "spooled"):
                found.setdefault(event["from"], []).append(event["result"])
        return found


@pytest.fixture(scope="module", params=[Accepting, Strict, BouncingExim, ContainedExim, DirectExim, BehindPostfix],
                ids=lambda kind: kind.__name__)
def world(request):
    with Lab() as lab:
        made = World(lab, request.param)
        made.run()
        yield made


def test_the_campaign_was_one(world):
    """What the other tests rest on: forged mail was taken, the server was away now and then, and mail was spooled for it."""
    assert len([t for t in world.up if not t.genuine and t.codes == [250]]) > 30
    assert world.cuts > 20 and {451, 250} <= {t.codes[0] for t in world.flapping}
    spooled = {event["from"] for event in world.relay.events("message") if event["result"] == "spooled"}
    assert spooled & {t.sender for t in world.flapping} and spooled & {t.sender for t in world.away}
    assert world.genuine.messages


def test_nobody_who_was_forged_hears_of_it(world):
    assert world.victims.messages == [] and world.victims.connections == []
    assert not [m for m in world.genuine.messages if not re.match(r"t\d+@", m.recipients[0])]


def test_every_genuine_sender_whose_mail_failed_is_told_exactly_once(world):
    reports, _ = world.reports()
    for t in world.tries:
        if not t.genuine:
            continue
        told = (t.code // 100 == 5) + reports[t.sender]
        assert told == (0 if t.user in world.down.known else 1), (t, reports[t.sender])


def test_what_can_be_delivered_is_delivered_exactly_once(world):
    arrived = Counter(re.findall(rb"(?m)^Subject: campaign (t\d+)\.", world.down.delivered()))
    for t in world.tries:
        want = 1 if t.user in world.down.known else 0
        assert arrived[b"t%d" % t.number] == want, t


def test_every_250_has_an_end_in_the_log_and_nothing_waits(world):
    endings = world.endings()
    delivery = {}
    for event in world.relay.events("delivery"):
        delivery.setdefault(event["from"], []).append(event["result"])
    for t in world.tries:
        if t.code != 250:
            assert t.code // 100 == 5 and t.sender not in endings, t
            continue
        result, = endings[t.sender]
        if result == "spooled":
            assert [r for r in delivery[t.sender] if r != "deferred"] in (["delivered"], ["failed"]), t
    assert all(row["hold"] for row in world.relay.queue())


def test_while_the_server_is_away_only_proven_mail_to_known_recipients_is_kept(world):
    for t in world.away:
        if t.user == "never-heard-of":
            assert t.codes[0] == 550, t
        elif t.recipient.endswith(OPEN) or not t.genuine:
            assert t.codes[0] == 451, t
        else:
            assert t.codes == [250], t
    spooled = {e["from"] for e in world.relay.events("message") if e["result"] == "spooled"}
    assert {t.sender for t in world.away if t.codes == [250]} <= spooled


def test_each_sender_is_taken_for_what_he_is(world):
    proofs = {"spf.test": {"spf"}, "dkim.test": {"dkim"}, "bounces.dmarc.test": {"dkim", "dmarc"}}
    seen = {}
    for event in world.relay.events("message"):
        if event["direction"] == "in" and event["from"]:
            seen.setdefault(event["from"].partition("@")[2], set()).add((event["spf"], event["proof"]))
    for domain in GENUINE:
        assert {proof for _, proof in seen[domain]} <= proofs[domain], (domain, seen[domain])
    for domain in FORGED:
        (spf, proof), = seen[domain]
        assert proof == "none" and spf == {"nothing": "none", "unaligned": "neutral"}.get(domain[:-5], domain[:-5]), domain


def test_what_the_server_writes_to_the_forged_is_held_where_its_owner_sees_it(world):
    """A server that speaks DSN is silent, since it was asked to be; what other programs write comes to the relay and stays."""
    held = world.held()
    for t in world.tries:
        if t.genuine or t.code != 250:
            assert held[t.sender] == 0, t
        elif t.user in world.down.fails:
            assert held[t.sender] == (0 if world.down.speaks_dsn and t.user != "picky" else 1), t
        elif t.user in world.down.answers:
            assert held[t.sender] == (0 if world.down.speaks_dsn else 1), t
        else:
            assert held[t.sender] == 0, t


def test_the_genuine_get_their_automatic_replies_and_reports_from_the_pool_for_proven_ones(world):
    _, replies = world.reports()
    for t in world.tries:
        if t.genuine and t.code == 250 and t.recipient.endswith(LIST):
            assert replies[t.sender] == (1 if t.user in world.down.answers else 0), t
    if world.down.smarthost:
        assert {m.peer[0] for m in world.genuine.messages} <= set(world.pools["bounce"])
