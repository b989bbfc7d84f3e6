# SPDX-License-Identifier: Apache-2.0
"""The storm breaker: while somebody is forged in a campaign, answers to him about mail that is not known are held, over all tenants;
genuine ones leave as ever, and so does what goes to others."""
import concurrent.futures
import time

import pytest
from lab import Smtp, wait_until
from lab.smtp import message

ZONE = 'victim.test TXT "v=spf1 ip4:{good} -all"\nmany.test TXT "v=spf1 ip4:{good} -all"'
LIMITS = 'storm { address = 6 domain = 8 window = "8s" lull = "1s" }'


class Weather:
    """Two tenants; the world is a sink."""

    def __init__(self, lab, limits=LIMITS):
        self.lab, self.good, self.world = lab, lab.address(), lab.sink()
        pools = {name: ([lab.address()], f"{name}.relay.test") for name in ("bounce", "ndr")}
        self.relay = lab.backstop(dns=lab.dns(ZONE.format(good=self.good)), routes={"*": self.world.endpoint}, pools=pools, top=limits)
        self.sources = {}
        for name in ("acme", "zeta"):
            self.sources[name] = lab.address()
            self.relay.tenant(name, f"{name}.test", lab.sink().endpoint, [f"{self.sources[name]}/32"])
        self.count = 0

    def bounce(self, tenant, to, about=None, message_id=None):
        """Sends one; "held" or "queued"."""
        self.count += 1
        message_id = message_id or f"<bounce{self.count}.{time.time_ns()}@{tenant}.test>"
        content = (f"From: MAILER-DAEMON@{tenant}.test\r\nTo: <{to}>\r\nSubject: Undelivered\r\nMessage-ID: {message_id}\r\n"
                   'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
                   "--b\r\n\r\nIt could not be delivered.\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
                   f"From: {to}\r\nMessage-ID: {about or f'<never-seen{self.count}@bot.test>'}\r\n\r\n--b--\r\n").encode()
        with Smtp(self.relay.server, source=self.sources[tenant]) as client:
            reply = client.transaction("", to, content)
        assert reply.code == 250, reply
        return reply.text.split()[0]

    def campaign(self, addresses):
        """A bounce to each, of both tenants in turn, at once."""
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda x: self.bounce(("acme", "zeta")[x[0] % 2], x[1]), enumerate(addresses)))

    def receive(self, sender):
        """Genuine mail comes in; its Message-ID."""
        self.count += 1
        message_id = f"<original{self.count}@client.test>"
        with Smtp(self.relay.server, source=self.good) as client:
            assert client.transaction(sender, "x@acme.test", message(sender, "x@acme.test", message_id=message_id)).code == 250
        return message_id

    def storms(self):
        return self.relay.cli("status", "--json").ok().rows[0]["storms"]

    def held(self, to):
        return [r for r in self.relay.cli("held", "list", "--json").ok().rows if to in r["to"]]


@pytest.fixture
def weather(lab):
    return Weather(lab)


def test_a_campaign_against_an_address_from_its_beginning_to_its_end(weather):
    victim = "forged@victim.test"
    assert weather.campaign([victim] * 4) == ["queued"] * 4, "a few are no storm"
    results = weather.campaign([victim] * 8)
    begun = weather.relay.wait_event("storm-begin")
    assert begun["against"] == victim and begun["kind"] == "address" and 5 <= int(begun["suspects"]) <= 8
    assert results.count("held") >= 5
    assert weather.bounce("acme", victim.upper()) == "held"
    # whom it does not concern
    assert weather.bounce("acme", "other@victim.test") == "queued"
    about = weather.receive(victim)
    began = time.monotonic()
    assert weather.bounce("acme", victim, about) == "queued"
    got = weather.world.wait_for(lambda m: m.recipients == [victim] and about in m.data.decode())
    assert got.ehlo == "bounce.relay.test" and time.monotonic() - began < 10, "genuine ones are not delayed"

    held = weather.held(victim)
    assert held and all(r["reason"].startswith(f"answers mail that is not known, to {victim}, while a forged campaign against {victim} lasts [")
                        and not r["answer"] for r in held)
    said, = wait_until(weather.storms, 5, "the storm in status")
    assert said["against"] == victim and said["kind"] == "address" and abs(said["since"] - time.time()) < 60
    assert wait_until(lambda: weather.storms()[0]["held"] == results.count("held") + 1, 5, "the number of those held")
    assert f"against {victim}, for" in weather.relay.cli("status").ok().out
    assert weather.relay.metric("answers_stormed") == results.count("held") + 1 and weather.relay.metric("storms_open") == 1
    line = weather.relay.wait_event("answer", to=victim, storm=victim)
    assert line["verdict"] == "unknown"

    ended = weather.relay.wait_event("storm-end", timeout=30, against=victim)
    assert int(ended["held"]) == results.count("held") + 1
    assert weather.bounce("zeta", victim) == "queued"
    wait_until(lambda: weather.storms() == [], 5, "no storm in status")
    # what was held stays so until its owner lets it go
    assert len(weather.held(victim)) == len(held)
    sent = len(weather.world.messages)
    weather.relay.cli("held", "release", held[0]["id"]).ok()
    assert weather.world.wait_for(lambda m: weather.world.messages.index(m) >= sent and m.recipients == [victim]).ehlo == "ndr.relay.test"


def test_a_campaign_against_a_domain(weather):
    results = weather.campaign([f"user{n}@many.test" for n in range(16)])
    assert weather.relay.wait_event("storm-begin")["kind"] == "domain"
    assert 8 <= results.count("held") <= 10
    assert weather.bounce("acme", "somebody-else@many.test") == "held"
    assert weather.bounce("acme", "x@elsewhere.test") == "queued"
    about = weather.receive("real@many.test")
    assert weather.bounce("acme", "real@many.test", about) == "queued"
    assert {e["against"] for e in weather.relay.events("storm-begin")} == {"many.test"}


def test_one_answer_that_is_sent_again_and_again_is_one(weather):
    for _ in range(8):
        assert weather.bounce("acme", "unlucky@victim.test", message_id="<the-same@acme.test>") == "queued"
    assert weather.relay.events("storm-begin") == []


def test_a_domain_to_which_genuine_answers_go_is_not_taken_for_a_victim(weather):
    for n in range(8):
        assert weather.bounce("acme", f"friend{n}@many.test", weather.receive(f"friend{n}@many.test")) == "queued"
    assert weather.campaign([f"user{n}@many.test" for n in range(14)]) == ["queued"] * 14
    assert weather.relay.events("storm-begin") == []


def test_thresholds_change_by_a_reload(lab):
    weather = Weather(lab, 'storm { address = 0 domain = 0 }')
    assert set(weather.campaign(["forged@victim.test"] * 12)) == {"queued"}
    weather.relay.top = LIMITS
    weather.relay.write_config()
    weather.relay.reload()
    weather.relay.wait_event("reloaded", service="backstop")
    assert "held" in weather.campaign(["forged@victim.test"] * 12)
