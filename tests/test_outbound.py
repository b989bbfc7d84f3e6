# SPDX-License-Identifier: Apache-2.0
"""Mail from a tenant to the world: through the right pool, kept until delivered, and every failure told to the tenant's sender."""
import email
import email.policy
import os
import pwd
import re
import time

import pytest
from lab import Close, Drip, Hang, Reset, Slow, Smtp, wait_until
from lab.smtp import message


def make(lab, sink, sources=("127.0.0.1/32",), **settings):
    """A relay with one tenant (tenant.test, whose server is a sink of its own) and two pools, sending everything to sink."""
    pools = {"regular": ([lab.address()], "out.relay.test"), "ndr": ([lab.address()], "ndr.relay.test")}
    downstream = lab.sink()
    settings.setdefault("retry_schedule", ["1s"])
    relay = lab.backstop(pools=pools, routes={"*": sink.endpoint} if sink else {}, **settings)
    relay.tenant("acme", "tenant.test", downstream.endpoint, sources)
    relay.regular, relay.ndr, relay.downstream = pools["regular"][0][0], pools["ndr"][0][0], downstream
    return relay


def send(relay, sender="user@tenant.test", recipients="friend@world.test", content=None, **parameters):
    with Smtp(relay.server) as client:
        mail = client.mail(sender, parameters.get("mail", ""))
        assert mail.code == 250, mail
        for recipient in [recipients] if isinstance(recipients, str) else recipients:
            reply = client.rcpt(recipient, parameters.get("rcpt", ""))
            assert reply.code == 250, reply
        reply = client.data(content or message(sender, recipients if isinstance(recipients, str) else recipients[0]))
        assert reply.code == 250, reply
        return reply


def report(relay, timeout=20, predicate=lambda m: True):
    """The delivery report that the tenant's sender got, parsed."""
    got = relay.downstream.wait_for(lambda m: m.sender == "" and predicate(m), timeout)
    parsed = email.message_from_bytes(got.data, policy=email.policy.default)
    assert parsed.get_content_type() == "multipart/report", got.data
    return got, parsed


def status_fields(parsed):
    """The fields of the delivery-status part: (per message, [per recipient])."""
    part = next(p for p in parsed.walk() if p.get_content_type() in ("message/delivery-status", "message/global-delivery-status"))
    blocks = [{k.lower(): str(v) for k, v in block.items()} for block in part.get_payload()]
    return blocks[0], [b for b in blocks[1:] if b]


# ---- pools ------------------------------------------------------------------------------------------------------------------


def test_ordinary_mail_leaves_from_regular_and_null_and_postmaster_from_ndr(lab):
    sink = lab.sink()
    relay = make(lab, sink)
    send(relay, "user@tenant.test", content=message(subject="ordinary"))
    send(relay, "", content=message(subject="null"))
    send(relay, "PostMaster@tenant.test", content=message(subject="postmaster"))
    seen = {m.field("Subject"): (m.peer[0], m.ehlo) for m in sink.wait_for_count(3)}
    assert seen == {"ordinary": (relay.regular, "out.relay.test"), "null": (relay.ndr, "ndr.relay.test"),
                    "postmaster": (relay.ndr, "ndr.relay.test")}
    relay.wait_queue(0)


def test_a_bounce_that_a_real_postfix_makes_leaves_from_ndr(lab):
    """The tenant's Postfix accepts a message for a user whose mailbox turns out to be over its limit, and bounces it by itself."""
    sink = lab.sink()
    address = lab.address()
    relay = make(lab, sink, [f"{address}/32"])
    full = lab.file("full.mbox", "x" * 9000)
    os.chown(full, pwd.getpwnam("nobody").pw_uid, -1)
    postfix = lab.postfix("down", domain="tenant.test", users=["games"], aliases={"filled": full}, source=address,
                          relayhost=f"[{relay.address}]:{relay.port}", mailbox_size_limit="9000", message_size_limit="8000",
                          local_recipient_maps="")
    with Smtp(postfix.server) as client:
        assert client.transaction("stranger@world.test", "filled@tenant.test", message(subject="to a full mailbox")).code == 250
        assert client.transaction("games@tenant.test", "friend@world.test", message(subject="ordinary")).code == 250
    bounce = sink.wait_for(lambda m: m.sender == "")
    ordinary = sink.wait_for(lambda m: m.field("Subject") == "ordinary")
    assert (bounce.peer[0], bounce.recipients) == (relay.ndr, ["stranger@world.test"])
    assert ordinary.peer[0] == relay.regular
    assert relay.downstream.messages == []


def test_several_source_addresses_of_a_pool_are_all_used(lab):
    sink = lab.sink()
    sources = [lab.address() for _ in range(3)]
    relay = lab.backstop(pools={"regular": sources}, routes={"*": sink.endpoint}, destination_idle_time="0s")
    relay.tenant("acme", "tenant.test", (), ["127.0.0.1/32"])
    for _ in range(20):
        send(relay)
    assert {m.peer[0] for m in sink.wait_for_count(20)} <= set(sources)
    assert len({m.peer[0] for m in sink.messages}) > 1


# ---- where to ----------------------------------------------------------------------------------------------------------------


def test_a_pool_binds_its_ipv6_address_for_an_ipv6_server_and_its_ipv4_address_for_the_other(lab):
    six, four = lab.sink(address="::1"), lab.sink()
    address = lab.address()
    relay = lab.backstop(pools={"regular": ([address, "::1"], "out.relay.test")}, retry_schedule=["1s"],
                         routes={"six.test": f"[::1]:{six.port}", "four.test": four.endpoint})
    relay.tenant("acme", "tenant.test", (), ["127.0.0.1/32"])
    send(relay, recipients="x@six.test")
    send(relay, recipients="x@four.test")
    assert (six.wait_for().peer[0], four.wait_for().peer[0]) == ("::1", address)
    relay.wait_queue(0)


def test_mail_goes_by_mx_in_order_of_preference(lab):
    first, second = lab.sink(port=25), lab.sink(port=25)
    dns = lab.dns(f"""
        world.test MX 20 second.world.test
        world.test MX 10 first.world.test
        first.world.test A {first.address}
        second.world.test A {second.address}
    """)
    relay = make(lab, None, dns=dns)
    send(relay, content=message(subject="to the first"))
    assert first.wait_for().field("Subject") == "to the first" and second.messages == []
    first.pause()
    send(relay, content=message(subject="to the second"))
    assert second.wait_for().field("Subject") == "to the second"


def test_a_domain_without_mx_is_its_own_mail_server(lab):
    sink = lab.sink(port=25)
    relay = make(lab, None, dns=lab.dns(f"world.test A {sink.address}"))
    send(relay)
    assert sink.wait_for().recipients == ["friend@world.test"]


@pytest.mark.parametrize("zone, status", [
    ("world.test MX 0 .", "5.1.10"),
    ("elsewhere.test A 127.0.0.1", "5.1.2"),
])
def test_a_null_mx_and_a_domain_that_does_not_exist_fail_at_once(lab, zone, status):
    relay = make(lab, None, dns=lab.dns(zone))
    send(relay)
    _, parsed = report(relay)
    _, (recipient,) = status_fields(parsed)
    assert recipient["action"] == "failed" and recipient["status"] == status
    relay.wait_queue(0)


def test_a_dns_server_that_fails_means_later_not_never(lab):
    sink = lab.sink(port=25)
    dns = lab.dns("world.test SERVFAIL")
    relay = make(lab, None, dns=dns)
    send(relay)
    wait_until(lambda: relay.queue()[0].get("attempts", 0) > 0, 30, "an attempt")
    dns.set(f"world.test MX 10 mx.world.test\nmx.world.test A {sink.address}")
    wait_until(lambda: relay.cli("queue", "retry", "--all").code == 0 and sink.messages, 30, "the message", every=1)
    relay.wait_queue(0)


def test_mail_for_another_tenant_goes_to_that_tenants_server(lab):
    """Its MX is this relay: that is no loop. The message goes where inbound mail for that tenant goes."""
    other, address = lab.sink(), lab.address()
    dns = lab.dns(f"other.test MX 10 mx.relay.test\nmx.relay.test A {address}")
    relay = make(lab, None, dns=dns, address=address, port=25)
    relay.tenant("other", "other.test", other.endpoint)
    send(relay, recipients="x@other.test")
    assert other.wait_for().recipients == ["x@other.test"]
    relay.wait_queue(0)


# ---- failures: later ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["greeting", "mail", "rcpt", "data", "end"])
def test_a_4xx_at_any_stage_is_tried_again_and_then_delivered(lab, stage):
    sink = lab.sink(**{stage: ["421 4.3.2 try later" if stage == "greeting" else "451 4.3.0 try later"]})
    relay = make(lab, sink)
    send(relay)
    assert sink.wait_for(timeout=30).accepted
    relay.wait_queue(0)
    assert len([m for m in sink.messages if m.accepted]) == 1
    assert relay.downstream.messages == []


@pytest.mark.parametrize("stage", ["greeting", "ehlo", "mail", "rcpt", "data", "end"])
@pytest.mark.parametrize("act", [Close(), Reset(), Hang()], ids=lambda act: type(act).__name__)
def test_a_peer_that_vanishes_or_falls_silent_is_tried_again(lab, stage, act):
    sink = lab.sink(**{stage: [act]})
    relay = make(lab, sink, greeting_timeout="1s", delivery_command_timeout="1s", delivery_data_timeout="1s", delivery_end_timeout="1s")
    send(relay)
    assert sink.wait_for(timeout=30).accepted
    relay.wait_queue(0)
    assert relay.downstream.messages == []


def test_a_server_that_refuses_connections_is_tried_again(lab):
    sink = lab.sink()
    sink.pause()
    relay = make(lab, sink)
    send(relay)
    row = wait_until(lambda: next((r for r in relay.queue() if r.get("attempts")), None), 20, "an attempt")
    assert row
    sink.resume()
    assert sink.wait_for(timeout=30)
    relay.wait_queue(0)


def test_slow_answers_within_the_limits_are_waited_for(lab):
    sink = lab.sink(greeting=Slow(0.5), mail=Slow(0.5), end=Drip(0.02))
    relay = make(lab, sink)
    send(relay)
    assert sink.wait_for(timeout=30)
    assert len(sink.connections) == 1


def test_a_peer_that_reads_slowly_gets_its_message_and_holds_up_nobody_else(lab):
    slow, quick = lab.sink(read_rate=200000), lab.sink()
    pools = {"regular": [lab.address()]}
    relay = lab.backstop(pools=pools, routes={"slow.test": slow.endpoint, "*": quick.endpoint})
    relay.tenant("acme", "tenant.test", (), ["127.0.0.1/32"])
    send(relay, recipients="x@slow.test", content=message(body=("x" * 76 + "\r\n") * 10000))
    slow.wait_connection()
    started = time.monotonic()
    for _ in range(20):
        send(relay, recipients="x@quick.test")
    quick.wait_for_count(20)
    assert time.monotonic() - started < 5
    assert len(slow.wait_for(timeout=60).data) > 700000


def test_one_destination_that_hangs_does_not_hold_up_the_others(lab):
    stuck, quick = lab.sink(greeting=Hang()), lab.sink()
    relay = lab.backstop(routes={"stuck.test": stuck.endpoint, "*": quick.endpoint})
    relay.tenant("acme", "tenant.test", (), ["127.0.0.1/32"])
    for _ in range(50):
        send(relay, recipients="x@stuck.test")
    for _ in range(20):
        send(relay, recipients="x@quick.test")
    quick.wait_for_count(20, timeout=10)
    assert len(stuck.connections) <= 20, "destination-concurrency"


# ---- failures: never ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["greeting", "mail", "rcpt", "data", "end"])
def test_a_5xx_is_reported_to_the_tenants_own_sender(lab, stage):
    sink = lab.sink(**{stage: "554 5.7.1 go away, says the other side"})
    relay = make(lab, sink, queue_lifetime="20s")
    send(relay, content=message("user@tenant.test", subject="refused", body="secret body\r\n", message_id="<r@tenant.test>"),
         mail="ENVID=QQ314159", rcpt="ORCPT=rfc822;friend@world.test")
    if stage == "greeting":  # this host will have none of it now; another may (RFC 7504), so it is tried until it expires
        relay.cli("queue", "retry", "--all")
    got, parsed = report(relay, timeout=60)
    assert got.recipients == ["user@tenant.test"]
    per_message, (recipient,) = status_fields(parsed)
    assert per_message["original-envelope-id"] == "QQ314159"
    assert per_message["reporting-mta"].startswith("dns;")
    assert recipient["final-recipient"].replace(" ", "") == "rfc822;friend@world.test"
    assert recipient["original-recipient"].replace(" ", "") == "rfc822;friend@world.test"
    assert recipient["action"] == "failed" and recipient["status"].startswith("5." if stage != "greeting" else ("4.", "5."))
    assert "go away, says the other side" in got.data.decode()
    assert "<r@tenant.test>" in got.data.decode() and "secret body" not in got.data.decode()
    assert parsed["Auto-Submitted"].startswith("auto-") and parsed["To"] and parsed["Message-ID"] and parsed["Date"]
    relay.wait_queue(0)
    assert len(relay.downstream.messages) == 1


def test_only_the_recipients_that_failed_are_in_the_report(lab):
    sink = lab.sink(rcpt=lambda s, r: "550 5.1.1 unknown" if r.startswith("bad") else None)
    relay = make(lab, sink)
    send(relay, recipients=["good@world.test", "bad1@world.test", "bad2@world.test"])
    _, parsed = report(relay)
    _, recipients = status_fields(parsed)
    assert sorted(r["final-recipient"].split(";")[1].strip() for r in recipients) == ["bad1@world.test", "bad2@world.test"]
    assert sink.wait_for().recipients == ["good@world.test"]
    relay.wait_queue(0)


@pytest.mark.parametrize("sender, rcpt, reported", [
    ("user@tenant.test", "", True),
    ("user@tenant.test", "NOTIFY=FAILURE", True),
    ("user@tenant.test", "NOTIFY=NEVER", False),
    ("user@tenant.test", "NOTIFY=DELAY", False),
    ("", "", False),
])
def test_who_is_told_of_a_failure(lab, sender, rcpt, reported):
    sink = lab.sink(rcpt="550 5.1.1 unknown")
    relay = make(lab, sink)
    send(relay, sender, rcpt=rcpt)
    sink.wait_command("^RCPT")
    # What can be told to nobody is kept for the tenant to see; the rest is done with.
    wait_until(lambda: all(row["hold"] for row in relay.queue()), 30, "nothing waiting")
    assert bool(relay.queue()) == (sender == "")
    if reported:
        report(relay)
    else:
        time.sleep(0.5)  # nothing to wait for: nothing is to come
        assert relay.downstream.messages == [] and sink.messages == []


def test_a_message_that_cannot_be_delivered_in_its_lifetime_expires_with_a_report(lab):
    sink = lab.sink(rcpt="450 4.2.0 always later")
    relay = make(lab, sink, queue_lifetime="3s")
    send(relay)
    got, parsed = report(relay, timeout=40)
    _, (recipient,) = status_fields(parsed)
    assert recipient["action"] == "failed" and recipient["status"].startswith(("4.", "5.4.7"))
    assert "always later" in got.data.decode()
    relay.wait_queue(0)


def test_a_delay_notice_is_sent_once_to_who_asked(lab):
    sink = lab.sink(rcpt="450 4.2.0 later")
    relay = make(lab, sink, delay_notice="1s")
    send(relay, rcpt="NOTIFY=DELAY,FAILURE")
    _, parsed = report(relay, timeout=30)
    _, (recipient,) = status_fields(parsed)
    assert recipient["action"] == "delayed"
    attempts = len([c for _, c in sink.commands if c.startswith("RCPT")])
    sink.wait_command("^RCPT", count=attempts + 2, timeout=20)
    assert len(relay.downstream.messages) == 1


def test_success_reports_are_for_tenants_who_ask(lab):
    """The next server does not offer DSN, so the relay itself says "relayed" (RFC 3461 5.2.2)."""
    sink = lab.sink(extensions=["PIPELINING"])
    relay = make(lab, sink)
    send(relay, rcpt="NOTIFY=SUCCESS")
    sink.wait_for()
    _, parsed = report(relay)
    _, (recipient,) = status_fields(parsed)
    assert recipient["action"] == "relayed"


def test_dsn_wishes_are_passed_to_a_server_that_offers_dsn(lab):
    sink = lab.sink()
    relay = make(lab, sink)
    send(relay, mail="RET=HDRS ENVID=e1", rcpt="NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;friend@world.test")
    got = sink.wait_for()
    assert "RET=HDRS" in got.mail_parameters and "ENVID=e1" in got.mail_parameters
    assert "SUCCESS" in got.rcpt_parameters[0] and "ORCPT=rfc822;friend@world.test" in got.rcpt_parameters[0]
    relay.wait_queue(0)
    assert relay.downstream.messages == []


def test_8_bit_mail_for_a_7_bit_server_is_reported_and_not_mangled(lab):
    sink = lab.sink(extensions=["PIPELINING"])
    relay = make(lab, sink)
    send(relay, content=message(body="Grüße\r\n"), mail="BODY=8BITMIME")
    _, parsed = report(relay)
    _, (recipient,) = status_fields(parsed)
    assert recipient["status"] == "5.6.3"
    assert sink.messages == []


# ---- TLS ------------------------------------------------------------------------------------------------------------------------


def test_tls_is_used_where_it_is_offered(lab):
    sink = lab.sink(certificate=lab.certificate())
    relay = make(lab, sink)
    send(relay)
    assert sink.wait_for().tls


@pytest.mark.parametrize("failure", ["refused", "broken"])
def test_a_tls_failure_falls_back_to_plain_unless_tls_is_required(lab, failure):
    def break_tls(sink):
        if failure == "refused":
            sink.script["starttls"] = "454 4.7.0 TLS is not available"
        else:
            sink.broken_tls = True

    sink = lab.sink(certificate=lab.certificate())
    break_tls(sink)
    relay = make(lab, sink)
    send(relay)
    got = sink.wait_for(timeout=30)
    assert not got.tls


def test_required_tls_waits_for_tls(lab):
    sink = lab.sink(certificate=lab.certificate())
    sink.broken_tls = True
    relay = make(lab, sink, delivery_tls="require")
    send(relay)
    sink.wait_command("STARTTLS")
    wait_until(lambda: any(r.get("attempts") for r in relay.queue()), 20, "an attempt")
    assert sink.messages == []
    sink.broken_tls = False
    assert sink.wait_for(timeout=30).tls


# ---- many at once -----------------------------------------------------------------------------------------------------------------


def test_connections_are_reused(lab):
    sink = lab.sink()
    relay = make(lab, sink, destination_concurrency=2)
    with Smtp(relay.server) as client:
        for i in range(60):
            assert client.transaction("user@tenant.test", "friend@world.test").code == 250
    sink.wait_for_count(60)
    relay.wait_queue(0)
    assert len(sink.connections) <= 10


def test_a_hundred_recipients_in_one_message_arrive_once_each(lab):
    sink = lab.sink()
    relay = make(lab, sink)
    recipients = [f"r{i}@world.test" for i in range(100)]
    send(relay, recipients=recipients)
    wait_until(lambda: len([r for m in sink.messages if m.accepted for r in m.recipients]) >= 100, 20, "all")
    relay.wait_queue(0)
    assert sorted(r for m in sink.messages for r in m.recipients) == sorted(recipients)


def test_a_peers_own_limit_of_recipients_is_kept_to(lab):
    sink = lab.sink(extensions=["PIPELINING", "LIMITS RCPTMAX=7 MAILMAX=2"])
    relay = make(lab, sink)
    send(relay, recipients=[f"r{i}@world.test" for i in range(20)])
    wait_until(lambda: len([r for m in sink.messages if m.accepted for r in m.recipients]) >= 20, 20, "all")
    assert max(len(m.recipients) for m in sink.messages) <= 7
    assert max(sum(m.connection == n for m in sink.messages) for n in {m.connection for m in sink.messages}) <= 2


def test_too_many_recipients_for_a_peer_are_sent_again(lab):
    def limit(session, recipient):
        return "452 4.5.3 too many" if len(session.recipients) >= 5 else None

    sink = lab.sink(rcpt=limit)
    relay = make(lab, sink)
    send(relay, recipients=[f"r{i}@world.test" for i in range(12)])
    wait_until(lambda: len({r for m in sink.messages if m.accepted for r in m.recipients}) == 12, 30, "all")
    relay.wait_queue(0)
    assert len([r for m in sink.messages for r in m.recipients]) == 12


# ---- tags ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["prvs", "sub-address"])
def test_return_paths_leave_with_a_tag_and_reports_go_to_the_untagged_one(lab, form):
    sink = lab.sink()
    relay = make(lab, sink)
    relay.cli("tenant", "set", "acme", "--tags", form, "--tag-exception", "list@tenant.test").ok()
    for sender in ("user@tenant.test", "user@tenant.test", "list@tenant.test", "prvs=1234abcdef=own@tenant.test",
                   "a-name-that-is-so-long-that-a-tag-would-make-it-too-long-for-some@tenant.test"):
        send(relay, sender)
    sent = [m.sender for m in sink.wait_for_count(5)]
    tagged = [s for s in sent if "user" in s]
    assert len(set(tagged)) == 1 and len(tagged) == 2  # one tag for each sender and day
    pattern = r"prvs=\d{4}[0-9a-f]{6}=user@tenant\.test" if form == "prvs" else r"user\+prvs=\d{4}[0-9a-f]{6}@tenant\.test"
    assert re.fullmatch(pattern, tagged[0])
    assert sorted(s for s in sent if "user" not in s) == [
        "a-name-that-is-so-long-that-a-tag-would-make-it-too-long-for-some@tenant.test", "list@tenant.test",
        "prvs=1234abcdef=own@tenant.test"]
    assert relay.wait_event("delivery", tagged=tagged[0])["from"] == "user@tenant.test"
    assert relay.metric("tagged") == 2 and relay.metric("tag_too_long") == 1
    sink.script["rcpt"] = "550 5.1.1 no such user"
    send(relay)
    got, _ = report(relay)
    assert got.recipients == ["user@tenant.test"]
