# SPDX-License-Identifier: Apache-2.0
"""The keeper: evidence becomes a listing at once, decays on schedule, is taken off on request and comes back sooner; who is
exempt is never listed; a keeper that is killed loses nothing."""
import calendar
import contextlib
import json
import os
import signal
import subprocess
import time

import pytest
from lab import Smtp, wait_until
from lab.backstop import value
from lab.net import new_address
from lab.smtp import message

DAY = 86400


def make(lab, start=True, **options):
    """A relay with a trap domain, and its keeper, which in a laboratory lists addresses of 127.0.0.0/8 too."""
    options = {"trap": ["trap.test"], "list-reserved": True, **options}
    top = "keeper { " + " ".join(f"{name} = {value(v)}" for name, v in options.items()) + " }"
    return lab.backstop(dns=lab.dns("client.test A 192.0.2.1"), top=top, start=start)


@pytest.fixture(scope="module")
def relay(labs):
    lab = labs()
    relay = make(lab)
    relay.lab = lab
    return relay


def add(relay, ip, targets, at=None, **fields):
    """Acts of an address against so many targets."""
    lines = [{"id": i, "ip": ip, "class": "bounce", "witness": "trap", "target": f"t{i}@trap.test", **fields,
              **({"time": at} if at else {})} for i in targets]
    rows = relay.cli("evidence", "add", "--batch", stdin="".join(json.dumps(line) + "\n" for line in lines)).ok().rows
    assert all(row.get("added") for row in rows), rows


def shown(relay, ip, *options):
    result = relay.cli("list", "show", ip, "--json", *options)
    assert result.code in (0, 1), result
    row, = result.rows
    assert row["listed"] == (result.code == 0)
    return row


def in_any(relay, ip):
    return not shown(relay, ip)["safe_mode_only"]


def wait_listed(relay, ip, listed=True):
    return wait_until(lambda: (lambda row: row if row["listed"] == listed else None)(shown(relay, ip)), 10,
                      f"{ip} to be {'' if listed else 'not '}listed", every=0.05)


def status(relay):
    """What `status` says of the list; whether everything runs is another matter."""
    return relay.cli("status", "--json").rows[0]["list"]


def moment(event):
    """The time of a log line, in seconds."""
    day, _, fraction = event["time"].rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(day, "%Y-%m-%dT%H:%M:%S")) + float("0." + fraction)


def test_bounces_to_traps_list_their_sender_at_once(relay):
    source = new_address()
    for i in range(3):
        with Smtp(relay.server, source=source) as client:
            assert client.mail("").code == 250
            assert client.rcpt(f"user{i}@trap.test").code == 250
            assert client.data(f"From: <MAILER-DAEMON@bad.test>\r\nTo: <user{i}@trap.test>\r\nSubject: Undelivered Mail Returned to Sender\r\n"
                               "Auto-Submitted: auto-replied\r\n\r\nNo such user.\r\n".encode()).code == 550
    event = relay.wait_event("listed", unit=source)
    assert event["classes"] == "bounce" and event["targets"] == "3" and event["why"] == "enough"
    last = [e for e in relay.events("evidence") if source in e.values()][-1]
    took = moment(event) - moment(last)
    print(f"\nlisted {took * 1000:.0f} ms after its evidence was logged")
    assert took < 1, "it is woken, it does not look"
    row = shown(relay, source, "--evidence")
    assert row["by"] == ["keeper"] and row["targets"] == 3 and row["grade"] == "only" and row["safe_mode_only"]
    assert len(row["evidence"]) == 3 and "MAILER-DAEMON" in row["evidence"][0]["specimen"]
    text = relay.cli("list", "show", source, "--evidence").ok().out
    assert f"{source} is listed" in text and "MAILER-DAEMON@bad.test" in text
    assert source in relay.cli("list", "show").ok().out
    with Smtp(relay.server, source=source) as client:
        client.mail("")
        refused = client.rcpt("anybody@elsewhere.test")
        assert refused.code >= 500


def test_one_target_or_one_reporter_lists_nobody(relay):
    many, reported, innocent = (new_address() for _ in range(3))
    add(relay, many, [1] * 50)
    add(relay, reported, range(30), witness="report", reporter="carl")
    add(relay, innocent, range(9), **{"class": "callout"})
    other = new_address()
    add(relay, other, range(3))
    wait_listed(relay, other)
    assert shown(relay, many)["why"] == "one_target" and not shown(relay, many)["listed"]
    assert shown(relay, reported)["why"] == "one_reporter"
    assert shown(relay, innocent)["why"] == "callouts"
    add(relay, reported, [40], witness="report", reporter="anna")
    after = new_address()
    add(relay, after, range(3))
    wait_listed(relay, after)
    assert shown(relay, reported)["why"] == "one_reporter", "carl's thirty count no more than anna's one"
    add(relay, reported, [41])
    wait_listed(relay, reported)


def test_who_sends_or_tries_to_send_other_things_is_not_in_any(lab):
    """Taken or not: spam to a trap, and mail to somebody whom we do not serve, show that it does not send backscatter only."""
    relay = make(lab, **{"any-senders": 0})
    spams, tries, quiet = (new_address() for _ in range(3))
    for source in (spams, tries, quiet):
        for day in range(6):
            add(relay, source, range(6), at=int(time.time()) - day * DAY)
    for source in (spams, tries, quiet):
        wait_until(lambda: in_any(relay, source), 10, f"{source} to be in any.")
    for source, to in ((spams, "anybody@trap.test"), (tries, "somebody@elsewhere.test")):
        with Smtp(relay.server, source=source) as client:
            assert client.transaction("ann@client.test", to, message("ann@client.test", to, "an offer")).code >= 550
    for source in (spams, tries):
        wait_until(lambda: not in_any(relay, source), 15, f"{source} to be out of any.", every=0.1)
        assert shown(relay, source)["listed"]
    assert in_any(relay, quiet)


def test_an_installation_that_sees_no_ordinary_mail_has_nobody_in_any(relay):
    source = new_address()
    for day in range(6):
        add(relay, source, range(6), at=int(time.time()) - day * DAY)
    row = wait_listed(relay, source)
    assert row["grade"] == "only" and row["safe_mode_only"]


def test_removal_on_request_is_granted_and_the_fuse_is_shorter_next_time(relay):
    source = new_address()
    add(relay, source, range(3))
    wait_listed(relay, source)
    relay.cli("list", "remove", source).ok()
    row = shown(relay, source)
    assert not row["listed"] and row["why"] == "removed" and row["removals"] == 1
    assert relay.cli("list", "remove", source).code == 1, "it is not listed"
    later = row["removed"] + 60
    add(relay, source, [0, 1], at=later)
    row = wait_listed(relay, source)
    assert row["why"] == "again" and row["expires"] == later + 28 * DAY, "two are enough now, and for the full time"
    refused = relay.cli("list", "remove", source)
    assert refused.code == 1 and "--force" in refused.err
    relay.cli("list", "remove", source, "--force").ok()
    assert shown(relay, source)["removals"] == 2


def test_who_is_exempt_is_not_listed_until_he_is_not_exempt_any_more(relay):
    source = new_address()
    add(relay, source, range(3))
    wait_listed(relay, source)
    relay.cli("list", "exempt", f"{source}/32", "--reason", "our friends").ok()
    row = shown(relay, source)
    assert not row["listed"] and row["why"] == "exempt" and row["exempt"]["reason"] == "our friends"
    assert f"{source}/32" in [e["prefix"] for e in relay.cli("list", "exempt", "list", "--json").ok().rows]
    add(relay, source, range(5))
    relay.cli("list", "exempt", "remove", source).ok()
    wait_listed(relay, source)


def test_an_ipv6_address_is_its_64(relay):
    for i in range(3):
        add(relay, f"2a00:1:2:3::{i}", [i])
    assert wait_listed(relay, "2a00:1:2:3:ffff::1")["unit"] == "2a00:1:2:3::/64"


def test_listings_by_hand_expire_without_anybody_asking(relay):
    serial = status(relay)["serial"]
    relay.cli("list", "add", "192.0.2.99", "--expires", "1s").ok()
    wait_until(lambda: status(relay)["serial"] == serial + 2 or None, 10, "it to be taken away", every=0.1)
    assert relay.cli("list", "show", "192.0.2.99").code == 1


def test_what_the_keeper_did_is_counted(relay):
    def counted():
        services = relay.cli("status", "--json").ok().rows[0]["services"]
        return next(s for s in services if s["name"] == "keeper")["metrics"]["keeper_listed"]
    wait_until(lambda: counted() or None, 5, "counters")
    assert status(relay)["published"] >= 1
    text = relay.cli("status").ok().out
    assert "keeper: running" in text and "list: " in text


def test_stricter_rules_take_off_and_laxer_ones_list_again(lab):
    relay = make(lab)
    source = new_address()
    add(relay, source, range(3))
    wait_listed(relay, source)
    relay.top = relay.top.replace("keeper {", "keeper { list-score = 1000 ")
    relay.write_config()
    relay.reload()
    assert wait_listed(relay, source, False)["why"] == "too_little"
    relay.top = relay.top.replace("1000", "200")
    relay.write_config()
    relay.reload()
    wait_listed(relay, source)


def offline(lab, **options):
    """Nothing runs: the clock is passed in."""
    relay = make(lab, **options)
    assert relay.stop() == 0
    return relay


def once(relay, now, *options):
    return {row["unit"]: row["change"] for row in relay.cli("keeper", "--once", "--json", "--now", now, *options).ok().rows}


def test_listings_decay_on_schedule_by_the_clock_that_is_passed_in(lab):
    relay = offline(lab)
    start = 1700000000
    few, many = "198.18.0.1", "198.18.0.2"
    add(relay, few, range(3), at=start)
    for day in range(4):
        add(relay, many, range(3), at=start + day * DAY)
    assert once(relay, start, "--dry-run") == {few: "listed", many: "listed"}
    assert not shown(relay, few, "--now", str(start))["listed"], "a dry run changes nothing"
    assert once(relay, start - 1) == {}
    assert once(relay, start) == {few: "listed", many: "listed"}
    assert once(relay, start + 3 * DAY) == {}
    assert once(relay, start + 7 * DAY - 1) == {}
    assert once(relay, start + 7 * DAY) == {few: "delisted"}
    assert shown(relay, few, "--now", str(start + 8 * DAY))["why"] == "expired"
    assert once(relay, start + 31 * DAY - 1) == {}
    assert once(relay, start + 31 * DAY) == {many: "delisted"}
    text = relay.cli("keeper", "--once", "--now", start + 32 * DAY).ok().out
    assert "2 addresses weighed" in text
    assert relay.cli("list", "show").ok().out.count("\n") == 1, "nobody is listed"


def test_reserved_and_own_addresses_are_never_listed(lab):
    relay = offline(lab, **{"list-reserved": False})
    own = new_address()
    relay.pools = {"regular": ["203.0.114.5"]}
    relay.write_config()
    for ip in (own, "10.1.2.3", "203.0.114.5", "203.0.114.6", "fe80::1"):
        add(relay, ip, range(6), at=1700000000)
    assert once(relay, 1700000000) == {"203.0.114.6": "listed"}
    assert shown(relay, own)["why"] == "reserved" and shown(relay, "203.0.114.5")["why"] == "own"


def keeper_pid(relay):
    for pid in relay.pids():
        if str(pid) in [e.get("pid") for e in relay.events("ready") if e.get("service") == "keeper"]:
            return pid
    return None


def test_a_keeper_that_is_killed_under_load_loses_nothing(lab):
    relay = make(lab)
    units = [f"198.18.{i // 256}.{i % 256}" for i in range(600)]
    for round_ in range(3):
        lines = "".join(json.dumps({"ip": ip, "class": "bounce", "witness": "trap", "target": f"t{round_}@trap.test"}) + "\n" for ip in units)
        pid = wait_until(lambda: keeper_pid(relay), 20, "a keeper", every=0.05)
        os.kill(pid, signal.SIGKILL)
        relay.cli("evidence", "add", "--batch", stdin=lines).ok()
        pid = wait_until(lambda: keeper_pid(relay), 20, "the next keeper", every=0.05)
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: status(relay)["published"] == len(units) or None, 30, "all to be listed", every=0.1)
    assert {row["unit"] for row in relay.cli("list", "show", "--json").ok().rows} == set(units)
    assert status(relay)["serial"] == 1 + len(units), "each was listed once"


def test_many_are_imported_and_bad_lines_are_told(lab):
    relay = offline(lab)
    lines = [f"198.18.{i // 256}.{i % 256} spams us" for i in range(20000)]
    lines += ["# a comment", "", "not an address", "2001:db8::1/64", '{"unit":"198.19.0.1","reason":"json","expires":4000000000}',
              '{"unit":7}']
    result = relay.cli("list", "import", "-", "--reason", "by the file", stdin="\n".join(lines))
    assert result.code == 1 and "line 20003" in result.err and "20001 listed, 3 lines were bad" in result.out, repr(result)
    row = shown(relay, "198.19.0.1")
    assert row["reason"] == "json" and row["expires"] == 4000000000 and row["by"] == ["hand"]
    assert shown(relay, "198.18.5.5")["reason"] == "spams us"
    assert status(relay)["published"] == 20001
    again = relay.cli("list", "import", "-", "--json", stdin=relay.cli("list", "show", "--json").ok().out).ok()
    assert again.rows == [{"listed": 20001, "bad": 0}]
    assert status(relay)["serial"] == 1 + 20001, "the same again changes nothing"


def test_a_keeper_that_cannot_write_says_so_and_goes_on_when_it_can(lab):
    relay = make(lab, start=False)
    units = [f"198.18.{i // 256}.{i % 256}" for i in range(500)]
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0777", "backstop-test", relay.state], check=True)
    try:
        relay.start()
        pid = wait_until(lambda: keeper_pid(relay), 20, "a keeper", every=0.05)
        os.kill(pid, signal.SIGSTOP)
        lines = "".join(json.dumps({"ip": ip, "class": "bounce", "witness": "trap", "target": f"t{i}@trap.test"}) + "\n"
                        for i in range(3) for ip in units)
        relay.cli("evidence", "add", "--batch", stdin=lines).ok()
        ballast = os.path.join(relay.state, "ballast")
        with open(ballast, "wb", buffering=0) as f, contextlib.suppress(OSError):
            while True:
                f.write(bytes(4096))
        os.kill(pid, signal.SIGCONT)
        relay.wait_event("keeper_failing")
        os.unlink(ballast)
        relay.wait_event("keeper_recovered")
        wait_until(lambda: status(relay)["published"] == len(units) or None, 30, "all to be listed", every=0.1)
        assert keeper_pid(relay) == pid, "it never died"
        relay.stop()
    finally:
        if relay.process:
            relay.kill()
        subprocess.run(["umount", "-l", relay.state], check=False)
