# SPDX-License-Identifier: Apache-2.0
"""Evidence: what answers to traps and fails its tag is recorded, with what proves it and nobody's name; ordinary mail is
counted and accuses nobody."""
import json

import pytest
from lab import Smtp, wait_until
from lab.backstop import value
from lab.net import new_address
from lab.smtp import message

TRAP = "trap.test"
KEEPER = {"trap": [TRAP, "second.test"], "trap-address": ["old@tenant.test", "x+y@tenant.test"]}


def keeper(**more):
    return "keeper { " + " ".join(f"{name} = {value(v)}" for name, v in {**KEEPER, **more}.items()) + " }"


def make(lab, *options, **settings):
    """A relay with traps and a tenant; each test is a source of its own."""
    down, source = lab.sink(), lab.address()
    relay = lab.backstop(dns=lab.dns("client.test A 192.0.2.1"), top=keeper(), **settings)
    relay.lab, relay.down, relay.source = lab, down, source
    relay.tenant("acme", "tenant.test", down.endpoint, [f"{source}/32"], *options)
    return relay


@pytest.fixture(scope="module")
def relay(labs):
    return make(labs(), "--tags", "prvs", "--tag-check", "refuse")


def evidence(relay, source):
    """The acts of a source, as `evidence list --json` shows them."""
    result = relay.cli("evidence", "list", source, "--json")
    assert result.code in (0, 1), result
    return result.rows


def wait_evidence(relay, source, count=1):
    """Its acts, once there are so many: rows stand for several that are the same."""
    def enough():
        rows = evidence(relay, source)
        return rows if sum(row["count"] for row in rows) >= count else None
    return wait_until(enough, 10, f"{count} acts of {source}", every=0.05)


def no_evidence(relay, source):
    """After an act of another, which is written later than what came before, there is still none of this source."""
    other = new_address()
    callout(relay, other, f"x@{TRAP}")
    wait_evidence(relay, other)
    assert evidence(relay, source) == []


def callout(relay, source, recipient, end="QUIT"):
    with Smtp(relay.server, source=source) as client:
        assert client.mail("").code == 250
        assert client.rcpt(recipient).code == 250
        if end:
            client.command(end)


def send(relay, source, sender, recipient, content):
    with Smtp(relay.server, source=source) as client:
        return client.transaction(sender, recipient, content)


NDR = ("Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\nAuto-Submitted: auto-replied\r\n"
       "MIME-Version: 1.0\r\n")
NDR_BODY = ("--b\r\n\r\nThis is the mail system at host mail.bad.test. I could not deliver your message.\r\n--b\r\n"
            "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail.bad.test\r\n\r\n"
            "Final-Recipient: rfc822; who@bad.test\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n")


def ndr(to, sender="MAILER-DAEMON@mail.bad.test"):
    return message(f"Mail Delivery System <{sender}>", to, "Undelivered Mail Returned to Sender", NDR_BODY, NDR)


# ---- traps -----------------------------------------------------------------------------------------------------------------------


def test_a_postfix_that_accepts_and_bounces_to_a_trap_is_seen(relay):
    lab, source = relay.lab, new_address()
    bad = lab.postfix("bad", domain="bad.test", users=["games"], source=source, relayhost=f"[{relay.address}]:{relay.port}",
                      local_recipient_maps="", bounce_template_file="")
    with Smtp(bad.server) as client:
        assert client.transaction("anna.berg@" + TRAP, "nobody-here@bad.test",
                                  message("Anna Berg <anna.berg@trap.test>", "nobody-here@bad.test", "secret words")).code == 250
    act, = wait_evidence(relay, source)
    assert (act["ip"], act["class"], act["witness"], act["strength"], act["count"]) == (source, "bounce", "trap", 100, 1)
    assert act["reporter"] is None and act["time"] > 0
    assert "From: <MAILER-DAEMON@bad.test>\n" in act["specimen"] and "Undelivered Mail Returned to Sender" in act["specimen"]
    for hidden in ("trap.test", "anna", "Berg", "secret", "nobody-here"):
        assert hidden.lower() not in act["specimen"].lower(), act["specimen"]
    bad.wait_log(r"said: 550.5\.7\.1 this address never sends mail.*backscatter")
    line = relay.wait_event("evidence", source=source)
    assert (line["class"], line["witness"], line["to"]) == ("bounce", "trap", "anna.berg@trap.test")
    refused = relay.wait_event("message", client=source)
    assert (refused["result"], refused["reason"]) == ("refused", "trap")
    assert relay.queue() == []


def test_a_vacation_of_sieve_to_a_trap_is_an_automatic_reply(relay):
    lab = relay.lab
    # Dovecot gives its answers to a Postfix, which sends them from an address of its own
    source = new_address()
    out = lab.postfix("vacation", domain="vacation.test", users=["games"], source=source,
                      relayhost=f"[{relay.address}]:{relay.port}")
    dovecot = lab.dovecot("mailbox", domain="vacation.test", users={"games": None}, submission=out.endpoint, sieve={
        "games": 'require "vacation"; vacation :days 1 :subject "Out of office" "I am away. Anna";'})
    front = lab.postfix("front", domain="vacation.test", users=["games"],
                        mailbox_transport=f"lmtp:[{dovecot.address}]:{dovecot.port}")
    with Smtp(front.server) as client:
        assert client.transaction("old@tenant.test", "games@vacation.test").code == 250
    act, = wait_evidence(relay, source)
    assert (act["class"], act["witness"]) == ("autoreply", "trap")
    assert "Subject: Out of Office" in act["specimen"] and "Anna" not in act["specimen"] and "tenant.test" not in act["specimen"]


@pytest.mark.parametrize("end", ["QUIT", "RSET", None])
def test_a_callout_is_an_act_of_its_own_class(relay, end):
    source = new_address()
    callout(relay, source, f"anybody@sub.{TRAP}", end)
    act, = wait_evidence(relay, source)
    assert (act["class"], act["witness"], act["specimen"]) == ("callout", "trap", None)


def test_an_exim_that_verifies_senders_by_callout_is_seen(relay):
    source = new_address()
    exim = relay.lab.exim("callouts", relay_to=relay.server, source=source,
                          acl_rcpt="  require verify = sender/callout=10s,no_cache\n")
    with Smtp(exim.server) as client:
        assert client.mail("bert@" + TRAP).code == 250
        assert client.rcpt("friend@world.test").code == 250, "to the callout the trap is an address like any other"
        client.quit()
    act, = wait_evidence(relay, source)
    assert (act["class"], act["witness"], act["count"]) == ("callout", "trap", 1)


def test_what_asks_for_a_trap_and_then_sends_is_no_callout(relay):
    source = new_address()
    assert send(relay, source, "", "a@" + TRAP, ndr("a@" + TRAP)).code == 550
    act, = wait_evidence(relay, source)
    assert act["class"] == "bounce"
    silent, half = new_address(), "half@" + TRAP
    with Smtp(relay.server, source=silent) as client:  # half a message, and the line is lost
        client.mail("")
        client.rcpt(half)
        assert client.command("DATA").code == 354
        client.send("Subject: x\r\n")
    wait_until(lambda: relay.cli("ledger", "--recipient", half, "--json").rows, 10, "the end of the transaction", every=0.05)
    no_evidence(relay, silent)


def test_asking_with_a_sender_is_no_callout(relay):
    source = new_address()
    with Smtp(relay.server, source=source) as client:
        assert client.mail("probe@client.test").code == 250
        assert client.rcpt("a@" + TRAP).code == 250
        client.quit()
    no_evidence(relay, source)


def test_spam_to_a_trap_accuses_nobody(relay):
    source = new_address()
    reply = send(relay, source, "shop@client.test", "a@" + TRAP,
                 message("shop@client.test", "a@" + TRAP, "Virus found on your PC!", "Buy our scanner: found a virus in it.\r\n"))
    assert reply.code == 550 and reply.enhanced == "5.1.1" and "nobody reads" in reply.text
    assert relay.wait_event("message", client=source)["reason"] == "not_read"
    no_evidence(relay, source)


def test_challenges_and_virus_notices_have_their_class(relay):
    source = new_address()
    challenge = message("robot@bad.test", "a@" + TRAP, "Please confirm your message",
                        "Your message to me is being held. To confirm that you are a human and have it delivered, please click on "
                        "the link below.\r\nhttp://bad.test/confirm\r\nThis is an automatic challenge; this address is protected "
                        "by a challenge-response system.\r\n", "Auto-Submitted: auto-replied\r\n")
    virus = message("amavis@bad.test", "a@" + TRAP, "VIRUS (Eicar-Test-Signature) IN MAIL FROM YOU",
                    "Our content checker found a virus in a message that you sent to who@bad.test.\r\n")
    assert send(relay, source, "", "a@" + TRAP, challenge).code == 550
    assert send(relay, source, "", "a@" + TRAP, virus).code == 550
    rows = wait_evidence(relay, source, 2)
    assert {row["class"] for row in rows} == {"challenge", "virus"}
    assert len({row["target"] for row in rows}) == 1


def test_targets_are_told_apart_and_the_same_is_counted(relay):
    source = new_address()
    for to in ("a@" + TRAP, "A@" + TRAP.upper(), "b@second.test", "a@" + TRAP):
        assert send(relay, source, "", to, ndr(to)).code == 550
    rows = wait_evidence(relay, source, 4)
    assert sorted(row["count"] for row in rows) == [1, 3]


def test_a_trap_shares_a_transaction_with_nobody(relay):
    source = new_address()
    with Smtp(relay.server, source=source) as client:
        assert client.mail("a@client.test").code == 250
        assert client.rcpt("user@tenant.test").code == 250
        reply = client.rcpt("a@" + TRAP)
        assert reply.code == 452 and reply.enhanced == "4.5.3"
        client.command("RSET")
        client.mail("a@client.test")
        assert client.rcpt("a@" + TRAP).code == 250
        assert client.rcpt("b@" + TRAP).code == 250
        assert client.rcpt("user@tenant.test").code == 452
        client.command("RSET")
        client.mail("")
        assert client.rcpt("a@" + TRAP).code == 250
        assert client.rcpt("b@" + TRAP).code == 550, "a bounce has one recipient"


def test_a_trap_address_lies_in_a_tenants_domain_and_the_tenants_server_hears_nothing(relay):
    source = new_address()
    for to in ("old@tenant.test", "OLD@Tenant.Test", "x+y@tenant.test"):
        assert send(relay, source, "", to, ndr(to)).code == 550
    assert len(wait_evidence(relay, source, 3)) == 2
    assert send(relay, source, "a@client.test", "x@tenant.test", message("a@client.test", "x@tenant.test")).code == 250
    assert not any("old" in r or "x+y" in r for m in relay.down.messages for r in m.recipients)


def test_a_tenants_own_source_is_not_accused(relay):
    callout(relay, relay.source, "old@tenant.test", "QUIT")
    no_evidence(relay, relay.source)


def test_who_is_listed_is_still_heard_by_traps(relay):
    source = new_address()
    relay.cli("list", "add", source, "--reason", "too many bounces").ok()
    with Smtp(relay.server, source=source) as client:
        assert client.mail("").code == 250
        reply = client.rcpt("user@tenant.test")
        assert reply.code == 550 and "local: too many bounces" in reply.text
        assert client.rcpt("a@" + TRAP).code == 250
        assert client.data(ndr("a@" + TRAP)).code == 550
        assert client.transaction("a@client.test", "user@tenant.test").code == 250, "ordinary mail passes"
    assert wait_evidence(relay, source)[0]["class"] == "bounce"
    relay.cli("list", "remove", source).ok()


# ---- tags ------------------------------------------------------------------------------------------------------------------------


def bounce_untagged(relay, source, pipelined, recipient="user@tenant.test"):
    with Smtp(relay.server, source=source) as client:
        if pipelined:
            replies = client.pipeline("MAIL FROM:<>", f"RCPT TO:<{recipient}>", "DATA")
            assert [r.code for r in replies] == [250, 550, 554], replies
        else:
            client.mail("")
            assert client.rcpt(recipient).code == 550


def test_a_bounce_without_its_tag_is_evidence(relay):
    source = new_address()
    bounce_untagged(relay, source, pipelined=True)
    bounce_untagged(relay, source, pipelined=True, recipient="prvs=7123abcdef=user@tenant.test")
    act, = wait_evidence(relay, source, 2)
    assert (act["class"], act["witness"], act["strength"]) == ("bounce", "tag", 95)


def test_what_never_came_to_data_may_be_a_callout(relay):
    source = new_address()
    bounce_untagged(relay, source, pipelined=False)
    act, = wait_evidence(relay, source)
    assert (act["class"], act["witness"]) == ("callout", "tag")


def test_while_a_tenant_learns_nobody_is_accused(lab):
    relay = make(lab, "--tags", "prvs")
    source = new_address()
    assert send(relay, source, "", "user@tenant.test", ndr("user@tenant.test")).code == 250
    no_evidence(relay, source)


# ---- exposure --------------------------------------------------------------------------------------------------------------------


def test_ordinary_mail_that_was_taken_is_counted(lab):
    relay = make(lab)
    source = new_address()
    for _ in range(3):
        assert send(relay, source, "a@client.test", "user@tenant.test", None).code == 250
    assert send(relay, source, "", "user@tenant.test", ndr("user@tenant.test")).code == 250
    assert send(relay, source, "a@client.test", "user@tenant.test", message("a@client.test", "user@tenant.test",
                                                                            extra="Auto-Submitted: auto-replied\r\n")).code == 250
    relay.down.script["data"] = "550 5.7.1 no"
    assert send(relay, source, "a@client.test", "user@tenant.test", None).code == 550
    assert relay.metric("exposure_counted") == 3
    assert relay.stop() == 0
    no_evidence_offline = relay.cli("evidence", "list", source, "--json")
    assert no_evidence_offline.code == 1 and no_evidence_offline.rows == []


# ---- the command line ------------------------------------------------------------------------------------------------------------


def test_evidence_can_be_added_and_is_redacted(lab):
    relay = make(lab)
    path = lab.file("specimen.eml", ndr("anna@example.net").decode())
    relay.cli("evidence", "add", "192.0.2.7", "--class", "bounce", "--target", "anna@example.net", "--reporter", "carl",
              "--time", "1795600000", path).ok()
    relay.cli("evidence", "add", "2001:db8::1", "--class", "autoreply", "--target", "anna@example.net").ok()
    one, two = relay.cli("evidence", "list", "--json").ok().rows
    assert (one["ip"], one["class"], one["witness"], one["strength"]) == ("192.0.2.7", "bounce", "manual", 60)
    assert (one["reporter"], one["time"], one["last"], one["count"]) == ("carl", 1795600000, 1795600000, 1)
    assert "<MAILER-DAEMON@mail.bad.test>" in one["specimen"] and "example.net" not in one["specimen"]
    assert two["ip"] == "2001:db8::/64" and two["target"] == one["target"] and two["specimen"] is None
    text = relay.cli("evidence", "list", "2001:db8::9").ok().out
    assert "2001:db8::/64" in text and "autoreply" in text


def test_many_are_added_as_lines(lab):
    relay = make(lab)
    lines = [{"id": i, "ip": f"192.0.2.{i % 200}", "class": "bounce", "target": f"t{i}@example.net", "witness": "trap"}
             for i in range(600)]
    lines[5]["class"] = "nonsense"
    lines[6]["target"] = 7
    del lines[7]["ip"]
    text = "".join(json.dumps(line) + "\n" for line in lines) + "not json\n"
    rows = relay.cli("evidence", "add", "--batch", stdin=text).ok().rows
    errors = {row["id"] for row in rows if "error" in row}
    assert len(rows) == 601 and errors == {5, 6, 7, None}
    assert len(relay.cli("evidence", "list", "--json").ok().rows) == 597


@pytest.mark.parametrize("words, why", [
    (("add",), "IP"),
    (("add", "192.0.2.1"), "class"),
    (("add", "192.0.2.1", "--class", "spam", "--target", "a@b.test"), "class"),
    (("add", "192.0.2.1", "--class", "bounce", "--target", "nobody"), "target"),
    (("add", "192.0.2.1/24", "--class", "bounce", "--target", "a@b.test"), "address"),
    (("add", "192.0.2.1", "--class", "bounce", "--target", "a@b.test", "--witness", "me"), "witness"),
    (("add", "192.0.2.1", "--class", "bounce", "--target", "a@b.test", "--time", "yesterday"), "time"),
    (("list", "nowhere"), "address"),
    (("remove", "192.0.2.1"), "remove"),
    ((), "list or add"),
])
def test_mistakes_on_the_command_line(lab, words, why):
    relay = lab.backstop(start=False)
    result = relay.cli("evidence", *words)
    assert result.code == 2 and why in result.err, result


# ---- reports of tenants ----------------------------------------------------------------------------------------------------------


REPORT = "report@bl.relay.test"


@pytest.fixture(scope="module")
def reports(labs):
    lab = labs()
    down, world, source = lab.sink(), lab.sink(), lab.address()
    relay = lab.backstop(dns=lab.dns("client.test A 192.0.2.1"), routes={"*": world.endpoint},
                         top=keeper(**{"report-address": REPORT}))
    relay.lab, relay.down, relay.world, relay.source = lab, down, world, source
    relay.tenant("acme", "tenant.test", down.endpoint, [f"{source}/32"])
    return relay


def received(source, by="mx.relay.test"):
    return f"Received: from bad ([{source}])\r\n\tby {by} with ESMTP id 1; Wed, 25 Nov 2026 10:00:00 +0000\r\n".encode()


def attached(content, kind="message/rfc822"):
    return message("user@tenant.test", REPORT, "backscatter", "--r\r\n\r\nLook what I got.\r\n--r\r\nContent-Type: " + kind +
                   "\r\n\r\n" + content.decode() + "\r\n--r--\r\n", "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=r\r\n")


def report(relay, content, sender="user@tenant.test", source=None):
    with Smtp(relay.server, source=source or relay.source) as client:
        return client.transaction(sender, REPORT, content)


def test_a_tenant_reports_the_bounce_that_it_got_through_us(reports):
    relay, source = reports, new_address()
    assert send(relay, source, "", "user@tenant.test", ndr("user@tenant.test")).code == 250
    got = relay.down.wait_for(lambda m: m.sender == "" and b"mail system" in m.data)
    reply = report(relay, attached(got.data))
    assert reply.code == 250 and source in reply.text, reply
    act, = wait_evidence(relay, source)
    assert (act["class"], act["witness"], act["reporter"], act["strength"]) == ("bounce", "report", "acme", 60)
    assert "<MAILER-DAEMON@mail.bad.test>" in act["specimen"] and "tenant.test" not in act["specimen"]
    assert not any(REPORT in m.recipients for m in relay.down.messages) and relay.queue() == []


def test_a_client_that_calls_itself_by_somebodys_address_accuses_nobody_else(reports):
    relay, source = reports, new_address()
    with Smtp(relay.server, source=source, ehlo="[198.51.100.66]") as client:
        assert client.transaction("", "user@tenant.test", ndr("user@tenant.test").replace(b"\r\n\r\n", b"\r\nX-Case: literal\r\n\r\n", 1)).code == 250
    got = relay.down.wait_for(lambda m: m.field("X-Case") == "literal")
    assert b"from [198.51.100.66] ([" in got.data
    assert report(relay, attached(got.data)).code == 250
    assert wait_evidence(relay, source)
    assert not [row for row in relay.cli("evidence", "list", "--json").rows if row["ip"] == "198.51.100.66"]


def test_a_feedback_report_and_a_bounce_in_the_text_are_reports_too(reports):
    relay, one, two = reports, "198.51.100.7", "198.51.100.8"
    arf = message("user@tenant.test", REPORT, "abuse", "--r\r\n\r\nThis is an abuse report.\r\n--r\r\nContent-Type: "
                  "message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\n--r\r\n"
                  "Content-Type: message/rfc822\r\n\r\n" + (received(one) + ndr("user@tenant.test")).decode() + "\r\n--r--\r\n",
                  "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=r\r\n")
    assert report(relay, arf).code == 250
    act, = wait_evidence(relay, one)
    assert act["class"] == "bounce"
    inline = message("user@tenant.test", REPORT, "Fwd: Undelivered Mail Returned to Sender", "---------- Forwarded message ----------\r\n"
                     + (received(two) + ndr("user@tenant.test")).decode())
    reply = report(relay, inline)
    assert reply.code == 250, reply
    assert wait_evidence(relay, two)[0]["reporter"] == "acme"


@pytest.mark.parametrize("content, reason", [
    (message("user@tenant.test", REPORT, "hello", "I got a bounce.\r\n"), "report_no_bounce"),
    (attached(received("198.51.100.9") + message("a@b.test", "user@tenant.test")), "report_no_bounce"),
    (attached(ndr("user@tenant.test")), "report_no_source"),
    (attached(received("198.51.100.9", "mx.elsewhere.test") + ndr("user@tenant.test")), "report_no_source"),
], ids=["no bounce", "ordinary mail", "no Received", "Received by others"])  # each worker collects the same names
def test_a_report_that_proves_nothing_is_refused_with_its_reason(reports, content, reason):
    reply = report(reports, content)
    assert reply.code == 550 and reply.enhanced == "5.6.0", reply
    assert reports.wait_event("message", reason=reason, result="refused")
    assert evidence(reports, "198.51.100.9") == []


def test_a_bounce_of_mail_that_the_tenant_sent_is_no_evidence(reports):
    relay, source = reports, new_address()
    with Smtp(relay.server, source=relay.source) as client:
        sent = message("user@tenant.test", "friend@world.test", "genuine")
        assert client.transaction("user@tenant.test", "friend@world.test", sent).code == 250
    left = relay.world.wait_for(lambda m: m.field("Subject") == "genuine")
    returned = left.data.split(b"\r\n\r\n")[0] + b"\r\n"
    bounce = received(source) + ndr("user@tenant.test").replace(b"--b--", b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n" + returned
                                                                + b"\r\n--b--")
    reply = report(relay, attached(bounce))
    assert reply.code == 550 and reply.enhanced == "5.7.1", reply
    assert relay.wait_event("message", reason="report_genuine") and evidence(relay, source) == []


def test_a_tenant_cannot_report_itself_and_a_stranger_nobody(reports):
    assert report(reports, attached(received(reports.source) + ndr("user@tenant.test"))).code == 550
    reply = report(reports, attached(received("198.51.100.10") + ndr("x@client.test")), "x@client.test", new_address())
    assert reply.code == 550 and evidence(reports, "198.51.100.10") == []


def test_a_report_shares_its_transaction_with_nobody(reports):
    with Smtp(reports.server, source=reports.source) as client:
        client.mail("user@tenant.test")
        assert client.rcpt(REPORT).code == 250
        assert client.rcpt("friend@world.test").code == 452
        client.command("RSET")
        client.mail("user@tenant.test")
        assert client.rcpt("friend@world.test").code == 250
        assert client.rcpt(REPORT).code == 452
