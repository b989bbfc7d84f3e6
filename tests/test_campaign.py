# SPDX-License-Identifier: Apache-2.0
"""A forged campaign against tenants whose servers take everything and then bounce it, answer by themselves, or go away: nothing at
all reaches whoever was forged, and every genuine sender whose mail failed is told exactly once."""
import email
import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from lab import Lab, Smtp, SmtpError, wait_until
from lab.bouncing import LIST, OPEN, Accepting, BehindPostfix, BouncingExim, ContainedExim, DirectExim, Strict
from lab.signing import DkimKey
from lab.smtp import message

RETURNS = "returns.relay.test"

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


# ---- the campaign ---------------------------------------------------------------------------------------------------------------


class World:
    """The relay, a tenant's server behind a gate, and two servers of the world: that of the genuine senders and that of the forged."""

    def __init__(self, lab, kind):
        self.lab, self.returns, self.genuine_domains = lab, RETURNS, list(GENUINE)
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
