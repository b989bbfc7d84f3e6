# SPDX-License-Identifier: Apache-2.0
"""The list from end to end: a Postfix that accepts and bounces a forged campaign onto traps is listed with evidence, over DNS too; its
bounces are refused, its ordinary mail is not; one behind Backstop is never listed; once it is mended the listing decays."""
import time

import dns.message
import dns.query
import dns.rdatatype
import pytest
from lab import Smtp, free_port, wait_until
from lab.net import new_address
from lab.smtp import message

ZONE = "bl.example.test"
DAY = 86400


class World:
    """The open one, a Postfix that takes all and bounces later; the guarded one, the same behind a Backstop; and our own side."""

    def __init__(self, lab, other):
        self.lab = lab
        self.dns_server = (new_address(), 0)
        self.dns_server = (self.dns_server[0], free_port(self.dns_server[0], udp=True))
        self.inbox = lab.sink()
        self.relay = lab.backstop(dns=lab.dns("friend.test A 192.0.2.1"), top=f"""
keeper {{ trap = {{"trap.test"}} list-reserved = true }}
dns {{ listen = {{"%s:%d"}} zone = "{ZONE}" nameserver = {{"ns1.example.test"}} }}
web {{ public-url = "https://bl.example.test" }}""" % self.dns_server)
        self.relay.tenant("acme", "acme.test", self.inbox.endpoint, [f"{lab.address()}/32"])
        world = f"[{self.relay.address}]:{self.relay.port}"
        takes_all = {"local_recipient_maps": "", "relayhost": world}
        self.open_source, self.guarded_source = new_address(), new_address()
        self.open = lab.postfix("open", domain="open.test", source=self.open_source, **takes_all)
        # the guarded server sends to the world through its Backstop, whose every address is guarded_source
        server = new_address()
        self.guard = other.backstop(dns=lab.dns("friend.test A 192.0.2.1"), routes={"*": self.relay.endpoint},
                                  pools={pool: [self.guarded_source] for pool in ("regular", "bounce", "ndr", "risk")})
        self.guarded = lab.postfix("guarded", domain="guarded.test", source=server,
                                   **{**takes_all, "relayhost": f"[{self.guard.address}]:{self.guard.port}",
                                      "smtpd_discard_ehlo_keywords": "dsn"})  # else it is asked to stay silent, and is
        self.guard.tenant("guarded", "guarded.test", self.guarded.endpoint, [f"{server}/32"])

    def ask(self, address, tree="safe", kind="A"):
        name = ".".join(reversed(address.split("."))) + f".{tree}.{ZONE}"
        answer = dns.query.tcp(dns.message.make_query(name, kind), self.dns_server[0], port=self.dns_server[1], timeout=5)
        return [rr.to_text() for rrset in answer.answer for rr in rrset if rrset.rdtype == dns.rdatatype.from_text(kind)]

    def campaign(self, server, domain, victims):
        """Forged mail to users that do not exist; what the server says to each."""
        codes = []
        for victim in victims:
            with Smtp(server) as client:
                codes.append(client.transaction(victim, f"nobody-{len(codes)}@{domain}", message(victim, f"x@{domain}", "cheap pills")).code)
        return codes


@pytest.fixture(scope="module")
def world(labs):
    return World(labs(), labs())


def listed(world, source):
    return world.relay.cli("list", "show", source, "--json").rows[0]


@pytest.fixture(scope="module")
def campaign(world):
    """The same campaign against both."""
    victims = [f"user{i}@trap.test" for i in range(4)]
    assert world.campaign(world.open.server, "open.test", victims) == [250] * 4
    world.guarded_said = world.campaign(world.guard.server, "guarded.test", victims)
    world.open.wait_log("never sends mail", count=4)
    wait_until(lambda: listed(world, world.open_source)["listed"], 10, "the open server to be listed")
    return world


def test_the_open_server_is_listed_with_evidence(campaign):
    row = listed(campaign, campaign.open_source)
    assert row["classes"] == ["bounce"] and row["targets"] >= 3 and row["by"] == ["keeper"]
    text = campaign.relay.cli("list", "show", campaign.open_source, "--evidence").ok().out
    assert "MAILER-DAEMON" in text and "trap.test" not in text, text
    assert campaign.ask(campaign.open_source) == ["127.0.0.2"]
    sentence, = campaign.ask(campaign.open_source, kind="TXT")
    assert campaign.open_source in sentence and f"https://bl.example.test/lookup/{campaign.open_source}" in sentence
    assert campaign.ask(campaign.open_source, tree="any") == [], "four bounces do not show that it sends nothing else"
    found = campaign.relay.cli("lookup", "--local", "--json", campaign.open_source).ok().rows[0]
    assert found["listed"] and found["classes"] == ["bounce"] and found["targets"] == row["targets"] and found["events"] >= 4


def test_the_guarded_server_is_not(campaign):
    """It takes all, so its Backstop cannot know that nobody is there; but no bounce leaves."""
    held = wait_until(lambda: [m for m in campaign.guard.cli("held", "list", "--json").ok().rows] or None, 20, "its bounces to be held")
    assert campaign.guarded_said == [250] * 4 and held
    wait_until(lambda: len(campaign.guard.cli("held", "list", "--json").rows) == 4, 20, "all of them")
    assert not listed(campaign, campaign.guarded_source)["listed"]
    assert campaign.relay.cli("evidence", "list", campaign.guarded_source, "--json").rows == []
    assert campaign.ask(campaign.guarded_source) == []


def test_its_bounces_are_refused_and_its_ordinary_mail_is_not(campaign):
    with Smtp(campaign.open.server) as client:  # a forged one whose victim is a customer of ours
        assert client.transaction("ann@acme.test", "nobody-9@open.test", message("ann@acme.test", "nobody-9@open.test", "pills")).code == 250
    line = campaign.relay.wait_event("refused", client=campaign.open_source, reason="listed_safe_mode")
    assert line["stage"] == "RCPT"
    campaign.open.wait_log(r"550.5\.7\.1.*https://bl\.example\.test/")
    with Smtp(campaign.open.server) as client:  # and one of its users writes to the same customer
        assert client.transaction("games@open.test", "ann@acme.test", message("games@open.test", "ann@acme.test", "hello")).code == 250
    assert b"hello" in campaign.inbox.wait_for(lambda m: m.sender == "games@open.test").data


def test_bounces_of_the_guarded_server_are_heard(campaign):
    with Smtp(campaign.relay.server, source=campaign.guarded_source) as client:
        assert client.mail("").code == 250


def test_once_it_is_mended_the_listing_decays_on_schedule(campaign):
    """Few acts: a week, by the clock that is passed in."""
    row = listed(campaign, campaign.open_source)
    assert row["expires"] == row["last_seen"] + 7 * DAY
    shown = campaign.relay.cli("list", "show", campaign.open_source, "--json", "--now", str(row["expires"] - 1)).rows[0]
    assert shown["listed"]
    campaign.relay.cli("keeper", "--once", "--dry-run", "--now", str(row["expires"] - 1)).ok()
    out = campaign.relay.cli("keeper", "--once", "--now", str(row["expires"] + 1)).ok().out
    assert not listed(campaign, campaign.open_source)["listed"], out
    assert campaign.ask(campaign.open_source) == []
    assert time.time() < row["expires"]
