# SPDX-License-Identifier: Apache-2.0
"""backstop lookup: the list of this installation, and lists over DNS, by a DNS server of the lab that plays them."""
import json
import subprocess

import pytest
from lab.backstop import program

ZONE = """
7.100.51.198.zen.spamhaus.org A 127.0.0.4
7.100.51.198.zen.spamhaus.org A 127.0.0.10
7.100.51.198.zen.spamhaus.org TXT "https://check.spamhaus.org/query/ip/198.51.100.7"
7.100.51.198.ips.backscatterer.org A 127.0.0.2
8.100.51.198.ips.backscatterer.org A 127.0.0.2
9.100.51.198.refuses.test A 127.255.255.254
9.100.51.198.parked.test A 203.0.113.80
9.100.51.198.silent.test TIMEOUT
9.100.51.198.broken.test SERVFAIL
9.100.51.198.lists.test A 127.0.0.3
9.100.51.198.lists.test TXT "seen"
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.lists.test A 127.0.0.2
"""
CONTRACT = ["ip", "listed", "classes", "first_seen", "last_seen", "expires", "events", "targets", "exposure", "grade", "safe_mode_only",
            "meaning", "zones"]


@pytest.fixture(scope="module")
def resolver(shared_lab):
    return shared_lab.dns(ZONE).endpoint


def look(*words, resolver=None, stdin=None):
    command = [program(), "lookup", "--json", *(["--resolver", resolver] if resolver else []), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, input=stdin)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def zones(answer):
    return {z["zone"]: z for z in answer["zones"]}


def test_public_lists(resolver):
    done, [a] = look("198.51.100.7", resolver=resolver)
    assert done.returncode == 0 and [k for k in CONTRACT if k not in a] == []
    assert a["listed"] is True and a["source"] == "zones" and len(a["zones"]) >= 10
    zen = zones(a)["zen.spamhaus.org"]
    assert zen["listed"] is True and zen["answer"] == "127.0.0.4, 127.0.0.10" and zen["text"].startswith("https://check.spamhaus.org/")
    assert "reasons of their own" in a["meaning"]
    assert [z for z in a["zones"] if z["listed"]] == [zen, zones(a)["ips.backscatterer.org"]]


def test_only_a_list_of_backscatterers_is_no_reason_to_refuse_real_mail(resolver):
    _, [a] = look("198.51.100.8", resolver=resolver)
    assert "against bounces only" in a["meaning"]


def test_nowhere(resolver):
    done, [a] = look("198.51.100.200", resolver=resolver)
    assert done.returncode == 1 and a["listed"] is False and not any(z["listed"] for z in a["zones"])


@pytest.mark.parametrize("zone, listed, problem", [
    ("lists.test", True, None), ("none.test", False, None), ("refuses.test", None, "refuses"), ("parked.test", None, "not one of a list"),
    ("broken.test", None, "cannot be asked"), ("bad..name", None, "not a name")])
def test_zones_of_ones_own(resolver, zone, listed, problem):
    done, [a] = look("--zone", zone, "198.51.100.9", resolver=resolver)
    [z] = a["zones"]
    assert z["listed"] is listed and done.returncode == (0 if listed else 1)
    assert problem is None and z["problem"] is None or problem in z["problem"]


def test_one_that_is_silent_does_not_hold_up_the_others(resolver):
    _, [a] = look("--zone", "silent.test", "--zone", "lists.test", "198.51.100.9", resolver=resolver)
    silent, lists = a["zones"]
    assert silent["listed"] is None and silent["problem"] and lists["listed"] is True and lists["text"] == "seen"


def test_ipv6(resolver):
    _, [a] = look("--zone", "lists.test", "2001:db8::1", resolver=resolver)
    assert a["zones"][0]["listed"] is True


def test_batch_and_bad_lines(resolver):
    lines = '{"id":1,"ip":"198.51.100.9"}\n{"id":2,"ip":"nonsense"}\nnonsense\n{"id":4,"ip":"198.51.100.1"}\n'
    done, answers = look("--batch", "--zone", "lists.test", resolver=resolver, stdin=lines)
    by_id = {a["id"]: a for a in answers if a["id"]}
    assert done.returncode == 0 and by_id[1]["listed"] is True and by_id[4]["listed"] is False
    assert "not an address" in by_id[2]["error"] and len(answers) == 4


@pytest.mark.parametrize("words", [[], ["nonsense"], ["192.0.2.1", "192.0.2.2"], ["192.0.2.1/24"]])
def test_usage(words):
    done, _ = look("--local", *words)
    assert done.returncode == 2 and "backstop lookup:" in done.stderr


def test_the_list_of_this_installation(lab):
    relay = lab.backstop(start=False)
    relay.cli("list", "add", "198.51.100.20", "--reason", "sends what nobody asked for").ok()
    relay.cli("list", "add", "2001:db8:1:2::5").ok()
    found = relay.cli("lookup", "--json", "--local", "198.51.100.20")
    [a] = found.rows
    assert found.code == 0 and a["listed"] is True and a["source"] == "local" and a["reason"] == "sends what nobody asked for"
    assert a["safe_mode_only"] is True and a["expires"] is None and "Ordinary mail" in a["meaning"]
    assert relay.cli("lookup", "--json", "--local", "2001:db8:1:2:ffff::1").rows[0]["listed"] is True
    other = relay.cli("lookup", "--json", "--local", "198.51.100.21")
    assert other.code == 1 and other.rows[0]["listed"] is False
    assert "LISTED" in relay.cli("lookup", "--local", "198.51.100.20").out
    relay.cli("list", "remove", "198.51.100.20").ok()
    assert relay.cli("lookup", "--local", "198.51.100.20").code == 1


def test_a_configuration_that_is_not_there(lab):
    done, _ = look("--local", "-c", "/nonexistent/backstop.conf", "192.0.2.1")
    assert done.returncode == 3 and "/nonexistent" in done.stderr
