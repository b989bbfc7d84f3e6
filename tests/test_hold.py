# SPDX-License-Identifier: Apache-2.0
"""Mail that could not be delivered and may not be bounced: it is held where its owner sees it, told of, released or dropped."""
import email
import email.policy
import time

import pytest
from lab import Slow, Smtp, wait_until
from lab.smtp import message


def make(lab, world, **settings):
    """A relay with the tenant acme (tenant.test) whose server is a sink of its own; the world is another sink."""
    downstream = lab.sink()
    settings.setdefault("retry_schedule", ["1s"])
    pools = {"bounce": ([lab.address()], "bounce.relay.test")}
    relay = lab.backstop(pools=pools, routes={"*": world.endpoint}, **settings)
    relay.tenant("acme", "tenant.test", downstream.endpoint, "127.0.0.1/32")
    relay.downstream, relay.bounce = downstream, pools["bounce"][0][0]
    return relay


def send(relay, sender="", recipient="victim@world.test", content=None):
    """From the tenant to the world."""
    with Smtp(relay.server) as client:
        assert client.transaction(sender, recipient, content or message(sender, recipient, subject="about your mail")).code == 250


def held(relay, count=1, *options):
    """The rows of held list, as soon as there are so many."""
    def rows():
        found = relay.cli("held", "list", "--json", *options).ok().rows
        return (True, found) if len(found) == count else None
    return wait_until(rows, 20, f"{count} held messages")[1]


@pytest.fixture
def refusing(lab):
    """A world that knows nobody."""
    return lab.sink(rcpt="550 5.1.1 no such user")


def test_a_bounce_that_fails_is_held_and_shown(lab, refusing):
    relay = make(lab, refusing)
    send(relay)
    row, = held(relay)
    assert row["tenant"] == "acme" and row["from"] == "" and row["to"] == ["victim@world.test"]
    assert "550 5.1.1 no such user" in row["reason"] and row["answer"] is False and row["proof"] in ("none", "source")
    assert abs(row["since"] - time.time()) < 30 and row["expires"] - row["since"] > 29 * 86400 and row["size"] > 100
    listed = relay.cli("held", "list").ok().out
    assert row["id"] in listed and "550 5.1.1 no such user" in listed and "acme" in listed

    shown = relay.cli("held", "show", row["id"]).ok().out
    assert "Subject: about your mail" in shown and "Hi." not in shown
    assert "Hi." in relay.cli("held", "show", row["id"], "--body").ok().out
    whole, = relay.cli("held", "show", row["id"], "--body", "--json").ok().rows
    assert {"name": "Subject", "value": "about your mail"} in whole["header"] and "Hi.\r\n" in whole["message"]
    assert whole["recipients"][0]["last_reply"].startswith("550") and whole["kind"] == "outbound"

    queued, = relay.queue()
    assert queued["hold"] is True and queued["id"] == row["id"]
    assert relay.wait_event("held", id=row["id"])["tenant"] == "acme"
    assert relay.metric("held_added") == 1 and relay.metric("queue_held") == 1


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_what_is_released_is_delivered_and_says_why_it_was_held(lab, refusing, running):
    relay = make(lab, refusing)
    send(relay)
    row, = held(relay)
    if not running:
        relay.stop()
    refusing.script["rcpt"] = None
    assert relay.cli("held", "release", row["id"]).ok().out == "1 released\n"
    if not running:
        relay.start()
    got = refusing.wait_for(lambda m: True)
    why = got.field("X-Backstop-Held")
    assert "550 5.1.1 no such user" in why and f"id={row['id']}" in why and "; since=" in why, why
    assert got.header.startswith("X-Backstop-Held:") and len(refusing.messages) == 1
    assert all(len(line) <= 78 for line in got.header.splitlines()[:2])
    relay.wait_queue(0)
    assert held(relay, 0) == []


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_what_is_released_to_another_address_goes_to_the_tenants_server(lab, refusing, running):
    relay = make(lab, refusing)
    send(relay)
    row, = held(relay)
    if not running:
        relay.stop()
    refused = relay.cli("held", "release", row["id"], "--to", "friend@world.test")
    assert refused.code == 1 and "not in a domain of its tenant acme" in refused.err
    relay.cli("held", "release", row["id"], "--to", "boss@tenant.test").ok()
    if not running:
        relay.start()
    got = relay.downstream.wait_for(lambda m: True)
    assert got.recipients == ["boss@tenant.test"] and got.sender == "" and got.field("X-Backstop-Held")
    relay.wait_queue(0)
    assert not refusing.messages


def test_what_is_released_and_fails_again_is_held_again_with_the_new_reason(lab, refusing):
    relay = make(lab, refusing)
    send(relay)
    row, = held(relay)
    refusing.script["rcpt"] = "550 5.7.1 not you again"
    relay.cli("held", "release", row["id"]).ok()
    wait_until(lambda: "not you again" in held(relay)[0]["reason"], 20, "the new reason")
    assert relay.wait_event("released", id=row["id"])
    assert len(relay.events("held")) == 2 and not refusing.messages and not relay.downstream.messages


def test_several_and_all_of_a_tenant_are_released_and_dropped(lab, refusing):
    relay = make(lab, refusing)
    for _ in range(5):
        send(relay)
    ids = [row["id"] for row in held(relay, 5)]
    assert relay.cli("held", "drop", ids[0], ids[1]).ok().out == "2 dropped\n"
    assert [row["id"] for row in held(relay, 3, "--tenant", "acme")] == ids[2:]
    assert relay.cli("held", "drop", ids[0]).code == 1
    refusing.script["rcpt"] = None
    assert relay.cli("held", "release", "--all", "--tenant", "acme", "--json").ok().rows == [{"released": 3}]
    refusing.wait_for_count(3)
    relay.wait_queue(0)
    assert relay.cli("held", "drop", "--all", "--tenant", "acme").ok().out == "0 dropped\n"
    assert len([e for e in relay.events("delivery") if e["result"] == "dropped"]) == 2


def test_wrong_words_are_usage_and_impossible_wishes_are_no(lab, refusing):
    relay = make(lab, refusing)
    for words in (["held"], ["held", "bounce"], ["held", "show"], ["held", "show", "x"], ["held", "release"],
                  ["held", "release", "--all"], ["held", "drop", "--to", "a@tenant.test", "0" * 13], ["held", "list", "--body"],
                  ["held", "list", "extra"], ["held", "release", "0" * 13, "--to", "nobody"], ["held", "list", "--held"]):
        result = relay.cli(*words)
        assert result.code == 2 and result.err, words
    for words in (["held", "show", "0" * 13], ["held", "release", "0" * 13], ["held", "drop", "0" * 13],
                  ["held", "list", "--tenant", "nobody"], ["held", "drop", "--all", "--tenant", "nobody"]):
        result = relay.cli(*words)
        assert result.code == 1 and result.err, words
    help_text = relay.cli("help", "held", config=False).ok().out
    for word in ("list", "show", "release", "drop", "--to", "--all", "--tenant", "--body", "--json", "--config"):
        assert word in help_text


def test_a_message_that_is_not_on_hold_is_not_released(lab):
    relay = make(lab, lab.sink(rcpt="450 4.2.0 later"), retry_schedule=["1h"])
    send(relay, "user@tenant.test")
    row, = relay.wait_queue(1)
    for verb in ("show", "release", "drop"):
        result = relay.cli("held", verb, row["id"])
        assert result.code == 1 and "is not on hold" in result.err
    assert relay.wait_queue(1) and held(relay, 0) == []


def test_a_hold_that_is_over_ends_with_one_line(lab, refusing):
    relay = make(lab, refusing, hold_lifetime="3s")
    send(relay)
    row, = held(relay)
    relay.wait_queue(0)
    ends = [e for e in relay.events("delivery") if e["id"] == row["id"] and e["result"] == "expired"]
    assert len(ends) == 1 and "550 5.1.1 no such user" in ends[0]["reply"]
    assert relay.metric("held_expired") == 1


# ---- the digest ---------------------------------------------------------------------------------------------------------------


def digests(relay):
    return [m for m in relay.downstream.messages if m.field("Auto-Submitted") == "auto-generated"]


def test_a_tenant_is_told_once_of_what_is_held_across_restarts_and_kills(lab, refusing):
    relay = make(lab, refusing, digest_interval="4s")
    send(relay)
    send(relay, recipient="other@world.test")
    rows = held(relay, 2)
    got = relay.downstream.wait_for(lambda m: m.recipients == ["postmaster@tenant.test"])
    assert got.sender == "" and got.field("Subject") == "Mail held for acme: 2 new messages"
    parsed = email.message_from_bytes(got.data, policy=email.policy.default)
    text = " ".join(parsed.get_content().split())
    for row in rows:
        assert row["id"] in text and "550 5.1.1 no such user" in text
    assert "backstop held show ID" in text and "kept until" in text and len(got.data.splitlines()) < 60
    assert relay.wait_event("digest", tenant="acme", messages=2)
    for again in range(2):
        relay.kill() if again else relay.stop()
        relay.start()
        time.sleep(5)
    assert len(digests(relay)) == 1
    send(relay, recipient="third@world.test")
    held(relay, 3)
    wait_until(lambda: len(digests(relay)) == 2, 20, "a second digest")
    second = digests(relay)[1].data.decode()
    assert "third@world.test" in second and "other@world.test" not in second and "2 more are held" in second
    assert relay.wait_queue(3)


def test_a_digest_goes_where_the_tenant_wants_it_or_nowhere(lab, refusing):
    world = lab.sink()
    relay = make(lab, refusing, digest_interval="2s")
    relay.cli("tenant", "set", "acme", "--digest", "none").ok()
    send(relay)
    held(relay)
    time.sleep(4)
    assert not relay.downstream.messages and not relay.events("digest")
    refusing.script["rcpt"] = None
    relay.cli("tenant", "set", "acme", "--digest", "boss@elsewhere.test").ok()
    got = refusing.wait_for(lambda m: m.recipients == ["boss@elsewhere.test"])
    assert got.peer[0] == relay.bounce and got.ehlo == "bounce.relay.test"
    assert world.messages == []


# ---- reports are made once -----------------------------------------------------------------------------------------------------


def test_kill_minus_9_at_a_failure_leaves_one_report(lab):
    """The world refuses for good; the relay is killed again and again; each sender hears exactly once."""
    world = lab.sink(rcpt="550 5.1.1 no such user")
    relay = make(lab, world)
    relay.downstream.script["rcpt"] = "450 4.2.0 later"  # reports stay in the queue, so they can be counted
    for n in range(30):
        send(relay, f"user{n}@tenant.test", content=message(f"user{n}@tenant.test", "victim@world.test", subject=f"number {n}"))
        if n % 10 == 9:
            relay.kill()
            relay.start()
    rows = wait_until(lambda: all(r["kind"] == "report" for r in relay.queue()) and relay.queue(), 30, "reports only")
    assert sorted(r["recipients"][0]["address"] for r in rows) == sorted(f"user{n}@tenant.test" for n in range(30))
    relay.downstream.script["rcpt"] = None
    relay.cli("queue", "retry", "--all").ok()
    relay.wait_queue(0)
    assert sorted(m.recipients[0] for m in relay.downstream.messages) == sorted(f"user{n}@tenant.test" for n in range(30))


# ---- mail that came in while its server was away ---------------------------------------------------------------------------------

ZONE = """
sender.test TXT "v=spf1 ip4:127.0.0.0/8 -all"
forged.test TXT "v=spf1 -all"
"""


def make_inbound(lab, **settings):
    """The tenant's server is away, its list is complete; the world is a sink. Strangers come from relay.stranger."""
    world, downstream = lab.sink(), lab.sink(greeting="421 4.3.2 not now")
    settings.setdefault("retry_schedule", ["1s"])
    pools = {"bounce": ([lab.address()], "bounce.relay.test")}
    relay = lab.backstop(dns=lab.dns(ZONE), pools=pools, routes={"*": world.endpoint}, **settings)
    relay.tenant("acme", "tenant.test", downstream.endpoint, f"{lab.address()}/32")
    relay.recipients("acme", ["ann@tenant.test", "gone@tenant.test"])
    relay.world, relay.downstream, relay.bounce = world, downstream, pools["bounce"][0][0]
    return relay


def arrive(relay, sender, recipient, parameters=""):
    with Smtp(relay.server) as client:
        assert client.mail(sender).code == 250
        reply = client.rcpt(recipient, parameters)
        return client.data(message(sender, recipient, subject="a question", body="secret\r\n")) if reply.code == 250 else reply


def test_mail_of_a_proven_sender_is_kept_and_delivered_when_its_server_is_back(lab):
    relay = make_inbound(lab)
    assert arrive(relay, "joe@sender.test", "ann@tenant.test", "NOTIFY=SUCCESS").code == 250
    row, = relay.wait_queue(1)
    assert row["kind"] == "inbound" and row["verified"] is True and row["proof"] == "spf"
    relay.downstream.script["greeting"] = None
    got = relay.downstream.wait_for(lambda m: m.recipients == ["ann@tenant.test"])
    assert got.sender == "joe@sender.test" and got.field("Subject") == "a question"
    relay.wait_queue(0)
    assert not relay.world.messages and not relay.events("report")  # NOTIFY=SUCCESS of a stranger is not answered


@pytest.mark.parametrize("killed", [False, True], ids=["", "killed"])
def test_a_proven_sender_is_told_once_through_pool_bounce(lab, killed):
    relay = make_inbound(lab)
    assert arrive(relay, "joe@sender.test", "gone@tenant.test").code == 250
    if killed:
        relay.kill()
        relay.start()
    relay.downstream.script.update(greeting=None, rcpt="550 5.1.1 moved away")
    got = relay.world.wait_for(lambda m: m.recipients == ["joe@sender.test"])
    assert got.sender == "" and got.peer[0] == relay.bounce and got.ehlo == "bounce.relay.test"
    assert b"5.1.1 moved away" in got.data and b"secret" not in got.data
    relay.wait_queue(0)
    if killed:
        relay.kill()
        relay.start()
        time.sleep(2)
    assert len(relay.world.messages) == 1 and held(relay, 0) == []
    assert relay.wait_event("report", action="failed", pool="bounce", proof="spf", to="joe@sender.test")


@pytest.mark.parametrize("sender", ["joe@forged.test", "joe@nothing.test", ""])
def test_mail_of_an_unproven_sender_is_left_to_its_server(lab, sender):
    relay = make_inbound(lab)
    reply = arrive(relay, sender, "ann@tenant.test")
    assert 400 <= reply.code < 500, reply
    assert relay.queue() == [] and not relay.world.messages


def test_an_answer_to_a_forged_sender_is_held_told_of_and_released_only_to_the_tenant(lab):
    """The tenant's server takes forged mail and bounces it: that bounce does not leave."""
    world, downstream = lab.sink(), lab.sink()
    relay = lab.backstop(dns=lab.dns(ZONE), routes={"*": world.endpoint}, digest_interval="2s")
    inside = lab.address()
    relay.tenant("acme", "tenant.test", downstream.endpoint, f"{inside}/32")
    relay.recipients("acme", ["ann@tenant.test"])
    with Smtp(relay.server) as client:
        assert client.transaction("joe@forged.test", "ann@tenant.test",
                                  message("joe@forged.test", "ann@tenant.test", message_id="<1@forged.test>")).code == 250
    original = downstream.wait_for(lambda m: m.recipients == ["ann@tenant.test"])
    bounce = ("From: MAILER-DAEMON@tenant.test\r\nTo: joe@forged.test\r\nSubject: Undelivered\r\nMessage-ID: <2@tenant.test>\r\n"
              "Auto-Submitted: auto-replied\r\nIn-Reply-To: <1@forged.test>\r\nReferences: <1@forged.test>\r\nMIME-Version: 1.0\r\n"
              "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\n"
              "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; tenant.test\r\n\r\n"
              "Final-Recipient: rfc822; ann@tenant.test\r\nAction: failed\r\nStatus: 5.2.2\r\n\r\n--b\r\n"
              "Content-Type: text/rfc822-headers\r\n\r\n" + original.header + "\r\n\r\n--b--\r\n")
    with Smtp(relay.server, source=inside) as client:
        assert client.transaction("", "joe@forged.test", bounce.encode()).code == 250
    row, = held(relay)
    assert row["answer"] is True and row["to"] == ["joe@forged.test"] and row["tenant"] == "acme"
    digest = downstream.wait_for(lambda m: m.field("Auto-Submitted") == "auto-generated")
    assert row["id"].encode() in digest.data and digest.recipients == ["postmaster@tenant.test"]
    for words in (["held", "release", row["id"]], ["queue", "release", row["id"]],
                  ["held", "release", "--all", "--tenant", "acme"]):
        refused = relay.cli(*words)
        assert refused.code == 1 and "is not known to have sent" in refused.err and "--to" in refused.err, refused
    relay.cli("held", "release", row["id"], "--to", "ann@tenant.test").ok()
    assert downstream.wait_for(lambda m: m.field("X-Backstop-Held")).recipients == ["ann@tenant.test"]
    relay.wait_queue(0)
    assert not world.messages


def test_kill_minus_9_while_kept_mail_fails_leaves_one_report_for_each_sender(lab):
    relay = make_inbound(lab, destination_concurrency=1)
    relay.world.script["greeting"] = "421 4.3.2 not now"  # reports stay in the queue, so they can be counted
    senders = [f"joe{n}@sender.test" for n in range(40)]
    for sender in senders:
        assert arrive(relay, sender, "gone@tenant.test").code == 250

    def reports():
        return [row["recipients"][0]["address"] for row in relay.queue() if row["kind"] == "report"]
    relay.downstream.script.update(greeting=None, rcpt=lambda session, argument: Slow(0.05, "550 5.1.1 moved away"))
    counts = []
    while len(reports()) < len(senders):
        time.sleep(0.3)
        relay.kill()
        counts.append(len(reports()))
        relay.start()
    assert len(set(counts)) > 3, counts  # it was killed in the middle of it
    wait_until(lambda: len(relay.queue()) == len(senders), 30, "nothing but reports")
    assert sorted(reports()) == sorted(senders)
    relay.world.script["greeting"] = None
    relay.cli("queue", "retry", "--all").ok()
    relay.wait_queue(0)
    assert sorted(m.recipients[0] for m in relay.world.messages) == sorted(senders)
    assert {m.peer[0] for m in relay.world.messages} == {relay.bounce}
