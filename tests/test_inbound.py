# SPDX-License-Identifier: Apache-2.0
"""Mail from the world to a tenant: the tenant's server decides while the sender waits, and nobody who did not send hears of it."""
import os
import time

import pytest
from lab import Close, Hang, Reset, Slow, Smtp, wait_until
from lab.policy import folder_size
from lab.smtp import message


class World:
    """A real Postfix as the tenant's server (users games, news with a full mailbox; alias sales), a real Postfix as the sending
    side whose users are list (legitimate) and irc (the victim), and the relay between them."""

    def __init__(self, lab):
        self.down = lab.postfix("down", domain="tenant.test", users=["games", "news"], aliases={"sales": "games"},
                                smtpd_recipient_restrictions=f"check_policy_service inet:{lab.policy(self.decide).endpoint}, permit",
                                mynetworks="127.0.0.0/8")
        self.relay = lab.backstop(downstream_connect_timeout="3s")
        self.relay.tenant("acme", "tenant.test", self.down.endpoint, [self.down.address])
        self.sender = lab.postfix("sender", domain="world.test", users=["list", "irc"],
                                  relayhost=f"[{self.relay.address}]:{self.relay.port}")

    def decide(self, attributes):
        user = attributes["recipient"].partition("@")[0]
        if user == "news" and folder_size(os.path.join(self.down.maildirs, user)) > 2000:
            return "552 5.2.2 the mailbox of news is full: 2001 of 2000 octets"
        if attributes["sender"] == "spammer@world.test":
            return "554 5.7.1 Policy says no to you, see http://down.test/why"
        if attributes["sender"] == "grey@world.test":
            return "450 4.7.1 Greylisted for 60 seconds"
        return "DUNNO"


@pytest.fixture(scope="module")
def world(shared_lab):
    return World(shared_lab)


def submit(world, sender, recipient, subject):
    with Smtp(world.sender.server) as client:
        reply = client.transaction(sender, recipient, message(sender, recipient, subject))
        assert reply.code == 250, reply


def test_mail_to_a_user_and_to_an_alias_arrives(world):
    submit(world, "list@world.test", "games@tenant.test", "to the user")
    submit(world, "list@world.test", "sales@tenant.test", "to the alias")
    wait_until(lambda: {"to the user", "to the alias"} <= {m["Subject"] for m in world.down.maildir("games")}, 20, "both messages")
    received = world.down.maildir("games")[0].get_all("Received")
    assert sum("mx.relay.test" in line.split(";")[0].split("by", 1)[1] for line in received) == 1, "one Received of ours"


def test_who_mistypes_an_address_gets_one_bounce_from_his_own_server(world):
    before = len(world.sender.maildir("list"))
    submit(world, "list@world.test", "gmaes@tenant.test", "mistyped")
    bounces = world.sender.wait_mail("list", before + 1)
    world.sender.wait_queue_empty()
    assert len(world.sender.maildir("list")) == before + 1
    bounce = bounces[-1]
    assert bounce["From"].startswith("MAILER-DAEMON") or "Mail Delivery" in bounce["From"]
    assert "sender.world.test" in str(bounce) and "User unknown" in str(bounce), "his own server speaks, with the downstream's words"


def test_a_forged_sender_hears_nothing(world, shared_lab):
    """A spammer's own program talks to the relay: it is refused in the transaction, and nobody writes to the forged address."""
    with Smtp(world.relay.server, source=shared_lab.address(), ehlo="bot.spam.test") as spammer:
        spammer.mail("irc@world.test")
        for guess in ("info", "admin", "sale", "john", "gmaes"):
            assert spammer.rcpt(f"{guess}@tenant.test").code == 550
    world.down.wait_queue_empty()
    world.sender.wait_queue_empty()
    assert world.sender.maildir("irc") == []
    assert world.relay.queue() == []


def test_a_full_mailbox_is_refused_with_the_downstreams_text(world):
    submit(world, "list@world.test", "news@tenant.test", "x" * 2500)
    wait_until(lambda: world.down.maildir("news"), 20, "the message that fills the mailbox")
    with Smtp(world.relay.server) as client:
        client.mail("list@world.test")
        reply = client.rcpt("news@tenant.test")
    assert (reply.code, reply.enhanced) == (552, "5.2.2")
    assert "the mailbox of news is full: 2001 of 2000 octets" in reply.text


@pytest.mark.parametrize("sender, code, enhanced, text", [
    ("spammer@world.test", 554, "5.7.1", "Policy says no to you, see http://down.test/why"),
    ("grey@world.test", 450, "4.7.1", "Greylisted for 60 seconds"),
])
def test_a_policy_refusal_passes_through_with_its_text(world, sender, code, enhanced, text):
    with Smtp(world.relay.server) as client:
        client.mail(sender)
        reply = client.rcpt("games@tenant.test")
    assert (reply.code, reply.enhanced) == (code, enhanced)
    assert text in reply.text


def test_recipients_refused_and_accepted_in_one_transaction(world):
    with Smtp(world.relay.server) as client:
        client.mail("list@world.test")
        assert [client.rcpt(r + "@tenant.test").code for r in ("games", "nobody-here", "sales")] == [250, 550, 250]
        assert client.data(message(subject="to two of three")).code == 250
    wait_until(lambda: "to two of three" in [m["Subject"] for m in world.down.maildir("games")], 20, "the message")


def test_two_tenants_in_one_transaction_are_told_apart_and_both_delivered(lab):
    """Postfix sends to both in one transaction; the second recipient gets 452 4.5.3 and comes again in one of its own."""
    first = lab.postfix("first", domain="one.test", users=["games"])
    second = lab.postfix("second", domain="two.test", users=["games"])
    relay = lab.backstop()
    relay.tenant("one", "one.test", first.endpoint)
    relay.tenant("two", "two.test", second.endpoint)
    with Smtp(relay.server) as client:
        client.mail("list@world.test")
        assert client.rcpt("games@one.test").code == 250
        reply = client.rcpt("games@two.test")
        assert (reply.code, reply.enhanced) == (452, "4.5.3")
        assert client.data(message(subject="only to one")).code == 250
    sender = lab.postfix("sender", domain="world.test", users=["list"], relayhost=f"[{relay.address}]:{relay.port}",
                         minimal_backoff_time="1s", maximal_backoff_time="2s", queue_run_delay="1s")
    with Smtp(sender.server) as client:
        assert client.transaction("list@world.test", ["games@one.test", "games@two.test"], message(subject="to both")).code == 250
    wait_until(lambda: "to both" in [m["Subject"] for m in first.maildir("games")], 20, "the first tenant's copy")

    def second_copy():
        sender.flush()  # a Postfix that looks while its message is still being delivered looks again much later
        return "to both" in [m["Subject"] for m in second.maildir("games")]
    wait_until(second_copy, 30, "the second tenant's copy", every=1)
    sender.wait_queue_empty(30)
    assert [m["Subject"] for m in first.maildir("games")].count("to both") == 1
    assert [m["Subject"] for m in second.maildir("games")].count("to both") == 1
    assert sender.maildir("list") == []


def test_what_one_tenant_says_about_a_recipient_is_not_shown_to_another(lab):
    """Trace fields name the relay and the client, never another tenant's server or recipients."""
    one, two = lab.sink(), lab.sink()
    relay = lab.backstop()
    relay.tenant("one", "one.test", one.endpoint)
    relay.tenant("two", "two.test", two.endpoint)
    with Smtp(relay.server) as client:
        client.mail("a@world.test")
        client.rcpt("x@one.test")
        client.rcpt("secret@two.test")
        client.data(message())
    assert "two.test" not in one.wait_for().header and "secret" not in one.wait_for().header


# ---- the directory ------------------------------------------------------------------------------------------------------


def test_a_recipient_who_is_not_in_the_directory_is_refused_without_asking(lab):
    sink = lab.sink()
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    relay.recipients("acme", ["known@tenant.test", "other@tenant.test"])
    with Smtp(relay.server) as client:
        client.mail("a@world.test")
        reply = client.rcpt("unknown@tenant.test")
        assert (reply.code, reply.enhanced) == (550, "5.1.1")
        for variant in ("known@tenant.test", "KNOWN@Tenant.TEST", "known+news@tenant.test", "postmaster@tenant.test"):
            assert client.rcpt(variant).code == 250, variant
    assert not [c for _, c in sink.commands if "unknown" in c]


def test_a_complete_list_and_ask_data_leave_the_downstream_alone_until_there_is_a_message(lab):
    sink = lab.sink()
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint, (), "--ask", "data")
    relay.recipients("acme", ["known@tenant.test"])
    with Smtp(relay.server) as client:
        client.mail("a@world.test")
        assert client.rcpt("known@tenant.test").code == 250
        assert client.rcpt("unknown@tenant.test").code == 550
        assert sink.connections == []
        assert client.data(message(subject="asked late")).code == 250
    assert sink.wait_for().field("Subject") == "asked late"


def test_with_ask_data_one_recipient_that_its_server_refuses_does_not_cost_the_others_their_mail(lab):
    """SMTP has one answer for a message, so it is put off; when it comes again the one is refused at RCPT."""
    sink = lab.sink(rcpt=lambda session, path: "552 5.2.2 mailbox full" if path.startswith("full@") else None)
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint, (), "--ask", "data")
    relay.recipients("acme", ["known@tenant.test", "full@tenant.test"])
    with Smtp(relay.server) as client:
        client.mail("a@world.test")
        assert [client.rcpt(f"{user}@tenant.test").code for user in ("known", "full")] == [250, 250]
        reply = client.data(message(subject="both"))
        assert reply.code == 451 and "full@tenant.test" in reply.text and "mailbox full" in reply.text, reply
        assert sink.messages == []
        client.mail("a@world.test")
        refused = client.rcpt("full@tenant.test")
        assert (refused.code, refused.enhanced) == (552, "5.2.2") and "mailbox full" in refused.text, refused
        assert client.rcpt("known@tenant.test").code == 250
        assert client.data(message(subject="both")).code == 250
    assert sink.wait_for().recipients == ["known@tenant.test"]


def test_subdomains_are_served_only_when_the_tenant_says_so(lab):
    sink = lab.sink()
    relay = lab.backstop()
    relay.tenant("exact", "exact.test", sink.endpoint)
    relay.tenant("below", ".below.test", sink.endpoint)
    for recipient, code in (("x@exact.test", 250), ("x@sub.exact.test", 550), ("x@below.test", 250), ("x@deep.sub.below.test", 250)):
        with Smtp(relay.server) as client:
            client.mail("a@world.test")
            assert client.rcpt(recipient).code == code, recipient


# ---- the downstream's answers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer, code, enhanced, words", [
    ("550 5.7.1 content refused\nby filter 7", 550, "5.7.1", ["content refused", "by filter 7"]),
    ("451 4.3.0 come back", 451, "4.3.0", ["come back"]),
    ("554 no enhanced code here", 554, None, ["no enhanced code here"]),
])
def test_the_downstreams_answer_at_end_of_data_is_our_answer(lab, answer, code, enhanced, words):
    sink = lab.sink(end=answer)
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    with Smtp(relay.server) as client:
        reply = client.transaction("a@world.test", "x@tenant.test")
    assert reply.code == code and (enhanced is None or reply.enhanced == enhanced)
    assert all(word in reply.text for word in words)


@pytest.mark.parametrize("stage", ["greeting", "ehlo", "mail", "rcpt", "data", "end"])
@pytest.mark.parametrize("act", [Close(), Reset(), Hang()], ids=lambda act: type(act).__name__)
def test_a_downstream_that_goes_away_is_a_451_and_nothing_is_kept(lab, stage, act):
    sink = lab.sink(**{stage: act})
    relay = lab.backstop(downstream_connect_timeout="1s", downstream_command_timeout="1s", downstream_data_timeout="1s")
    relay.tenant("acme", "tenant.test", sink.endpoint)
    with Smtp(relay.server) as client:
        reply = client.transaction("a@world.test", "x@tenant.test")
        assert reply.code == 451, reply
        sink.script.clear()
        assert client.command("RSET").code == 250

    def works():
        with Smtp(relay.server) as again:
            return again.transaction("a@world.test", "x@tenant.test").code == 250

    wait_until(works, 15, "recovery by itself")
    assert relay.queue() == []


def test_a_downstream_that_refuses_connections_is_a_451(lab):
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", f"{lab.address()}:2599")
    with Smtp(relay.server) as client:
        client.mail("a@world.test")
        reply = client.rcpt("x@tenant.test")
    assert (reply.code, reply.enhanced) == (451, "4.4.1")


def test_the_second_downstream_takes_over_when_the_first_is_away(lab):
    first, second = lab.sink(), lab.sink()
    relay = lab.backstop(downstream_connect_timeout="2s")
    relay.tenant("acme", "tenant.test", [first.endpoint, second.endpoint])
    with Smtp(relay.server) as client:
        assert client.transaction("a@world.test", "x@tenant.test", message(subject="one")).code == 250
        assert first.wait_for().field("Subject") == "one" and second.messages == []
        first.pause()
    with Smtp(relay.server) as client:
        assert client.transaction("a@world.test", "x@tenant.test", message(subject="two")).code == 250
    assert second.wait_for().field("Subject") == "two"


def test_a_downstream_connection_is_kept_and_reused(lab):
    sink = lab.sink()
    relay = lab.backstop(workers=1)
    relay.tenant("acme", "tenant.test", sink.endpoint)
    for _ in range(10):
        with Smtp(relay.server) as client:
            assert client.transaction("a@world.test", "x@tenant.test").code == 250
    assert len(sink.wait_for_count(10)) == 10 and len(sink.connections) <= 2


def test_a_kept_connection_that_the_downstream_closed_is_replaced_unnoticed(lab):
    sink = lab.sink()
    relay = lab.backstop(workers=1)
    relay.tenant("acme", "tenant.test", sink.endpoint)
    with Smtp(relay.server) as client:
        assert client.transaction("a@world.test", "x@tenant.test").code == 250
        sink.pause()
        sink.resume()
        assert client.transaction("a@world.test", "x@tenant.test").code == 250


def test_starttls_is_used_towards_a_downstream_that_offers_it(lab):
    sink = lab.sink(certificate=lab.certificate())
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    with Smtp(relay.server) as client:
        assert client.transaction("a@world.test", "x@tenant.test").code == 250
    assert sink.wait_for().tls


def test_prdr_clients_get_an_answer_for_each_recipient(lab):
    sink = lab.sink(extensions=["PIPELINING", "PRDR"], prdr=lambda s, r: "550 5.2.2 full" if r.startswith("full") else None)
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    with Smtp(relay.server) as client:
        assert "PRDR" in client.extensions
        client.mail("a@world.test", "PRDR")
        client.rcpt("ok@tenant.test")
        client.rcpt("full@tenant.test")
        assert client.data(message()).code == 353
        assert [client.reply().code for _ in range(3)] == [250, 550, 250]
    assert sink.wait_for().recipients == ["ok@tenant.test"]


# ---- 250 lost on the way ---------------------------------------------------------------------------------------------------


def test_a_250_that_did_not_reach_the_client_does_not_become_a_second_copy(lab):
    """The client is cut off between the downstream's 250 and ours; when it comes again it hears 250, and there is one copy."""
    sink = lab.sink(end=[Slow(1.0)])
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    content = message(subject="once", message_id="<once@world.test>")
    client = Smtp(relay.server)
    client.mail("a@world.test")
    client.rcpt("x@tenant.test")
    assert client.command("DATA").code == 354
    client.send(content + b".\r\n")
    time.sleep(0.3)
    client.close()
    sink.wait_for()
    wait_until(lambda: relay.metric("smtp_sessions_open") == 0, 10, "the session to end")
    with Smtp(relay.server) as client:
        assert client.transaction("a@world.test", "x@tenant.test", content).code == 250
        assert client.transaction("a@world.test", "x@tenant.test", message(message_id="<two@world.test>")).code == 250
    assert [m.field("Message-ID") for m in sink.messages].count("<once@world.test>") == 1


def test_the_same_message_sent_twice_on_purpose_arrives_twice(lab):
    sink = lab.sink()
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    content = message(message_id="<twice@world.test>")
    with Smtp(relay.server) as client:
        assert client.transaction("a@world.test", "x@tenant.test", content).code == 250
        assert client.transaction("a@world.test", "x@tenant.test", content).code == 250
    sink.wait_for_count(2)


def test_messages_that_only_look_alike_are_all_delivered(lab):
    """A device that writes neither Message-ID nor Date, and says QUIT in the same breath, may mean the same words twice."""
    sink = lab.sink()
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    for _ in range(2):
        client = Smtp(relay.server)
        client.mail("printer@world.test")
        client.rcpt("x@tenant.test")
        assert client.command("DATA").code == 354
        client.send(b"Subject: out of paper\r\n\r\nhelp\r\n.\r\nQUIT\r\n")
        assert [client.reply().code, client.reply().code] == [250, 221]
        client.close()
    sink.wait_for_count(2)


# ---- what passes through ---------------------------------------------------------------------------------------------------


def test_content_passes_unchanged_behind_our_received_field(lab):
    sink = lab.sink()
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    body = ".dot\r\n..two\r\n\r\n" + "".join(f"{i} " + "é" * 20 + "\r\n" for i in range(200)) + "\t tail \r\n"
    content = message(body=body, extra="X-Odd:  kept \r\n folded\r\n")
    with Smtp(relay.server) as client:
        client.mail("a@world.test", "BODY=8BITMIME")
        client.rcpt("x@tenant.test")
        assert client.data(content).code == 250
    data = sink.wait_for().data
    assert data.endswith(content)
    ours = [line.partition(b":")[0] for line in data[:-len(content)].split(b"\r\n") if line[:1] not in (b"", b" ", b"\t")]
    assert ours == [b"Authentication-Results", b"X-Auto-Response-Suppress", b"Received"]


def test_chunks_arrive_as_one_message(lab):
    sink = lab.sink()
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    content = message(body=".\r\n.\r\n" * 10)
    with Smtp(relay.server) as client:
        assert "CHUNKING" in client.extensions
        client.mail("a@world.test")
        client.rcpt("x@tenant.test")
        for start in range(0, len(content), 100):
            piece = content[start:start + 100]
            last = b" LAST" if start + 100 >= len(content) else b""
            client.send(b"BDAT %d%s\r\n" % (len(piece), last) + piece)
            assert client.reply().code == 250
    assert sink.wait_for().data.endswith(content)


def test_a_big_message_takes_little_memory(lab):
    """50 MiB go through while the relay's processes grow by less than a fifth of that."""
    sink = lab.sink()
    relay = lab.backstop(message_size_limit="60M")
    relay.tenant("acme", "tenant.test", sink.endpoint)
    with Smtp(relay.server, timeout=120) as client:
        client.transaction("a@world.test", "x@tenant.test")

        def resident():
            total = 0
            for pid in relay.pids():
                with open(f"/proc/{pid}/status") as f:
                    total += next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))
            return total

        before = resident()
        client.mail("a@world.test")
        client.rcpt("x@tenant.test")
        assert client.command("DATA").code == 354
        line = b"0123456789abcdef" * 4 + b"\r\n"
        client.send(message())
        for _ in range(50):
            client.send(line * (2**20 // len(line)))
        grown = resident() - before
        client.send(b".\r\n")
        assert client.reply().code == 250
    assert grown < 10 * 1024, f"{grown} KiB"
    assert len(sink.wait_for(lambda m: len(m.data) > 2**20, 60).data) > 49 * 2**20


def test_dsn_wishes_reach_a_downstream_that_offers_dsn(lab):
    sink = lab.sink()
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    with Smtp(relay.server) as client:
        client.mail("a@world.test", "RET=HDRS ENVID=abc")
        assert client.rcpt("x@tenant.test", "NOTIFY=FAILURE,DELAY ORCPT=rfc822;x@tenant.test").code == 250
        assert client.data(message()).code == 250
    got = sink.wait_for()
    assert "RET=HDRS" in got.mail_parameters.upper() and "ENVID=abc" in got.mail_parameters
    assert "NOTIFY=" in got.rcpt_parameters[0].upper() and "ORCPT=rfc822;x@tenant.test" in got.rcpt_parameters[0]


def test_utf8_addresses_need_a_downstream_that_takes_them(lab):
    sink = lab.sink()
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    with Smtp(relay.server) as client:
        client.mail("ü@world.test", "SMTPUTF8")
        assert client.rcpt("münchen@tenant.test").code == 250
        assert client.data(message()).code == 250
    assert sink.wait_for().recipients == ["münchen@tenant.test"]
    sink.extensions.remove("SMTPUTF8")
    sink.pause()
    sink.resume()
    with Smtp(relay.server) as client:
        client.mail("ü@world.test", "SMTPUTF8")
        reply = client.rcpt("münchen@tenant.test")
    assert (reply.code, reply.enhanced) == (550, "5.6.7")


def test_a_message_that_goes_round_in_a_loop_is_refused(lab):
    sink = lab.sink()
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    with Smtp(relay.server) as client:
        loop = "".join(f"Received: from a by b{i}; Mon, 01 Jan 2024 00:00:00 +0000\r\n" for i in range(60))
        reply = client.transaction("a@world.test", "x@tenant.test", loop.encode() + message())
    assert (reply.code, reply.enhanced) == (554, "5.4.6")
    assert sink.messages == []


# ---- null return paths ------------------------------------------------------------------------------------------------------


def test_a_bounce_has_one_recipient(lab):
    sink = lab.sink()
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    with Smtp(relay.server) as client:
        assert client.mail("").code == 250
        assert client.rcpt("a@tenant.test").code == 250
        reply = client.rcpt("b@tenant.test")
        assert (reply.code, reply.enhanced) == (550, "5.5.3")
        assert client.data(message()).code == 250
    assert sink.wait_for().sender == ""


def test_the_local_list_refuses_bounces_and_nothing_else(lab):
    sink = lab.sink()
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    bad = lab.address()
    relay.cli("list", "add", bad).ok()
    with Smtp(relay.server, source=bad) as client:
        replies = [client.transaction(sender, "x@tenant.test") for sender in ("", "postmaster@world.test", "a@world.test")]
    assert [r.code for r in replies] == [550, 550, 250], replies
    relay.cli("list", "remove", bad).ok()
    with Smtp(relay.server, source=bad) as client:
        assert client.transaction("", "x@tenant.test").code == 250


def reversed_address(address):
    return ".".join(reversed(address.split(".")))


def test_blocklists_are_asked_in_their_mode(lab):
    bad = lab.address()
    dns = lab.dns(f"""
        2.0.0.127.safe.bl.test A 127.0.0.2
        2.0.0.127.all.bl.test A 127.0.0.2
        {reversed_address(bad)}.safe.bl.test A 127.0.0.2
        {reversed_address(bad)}.safe.bl.test TXT "see https://bl.test/why"
    """)
    sink = lab.sink()
    relay = lab.backstop(dns=dns, blocklists={"safe.bl.test": "safe", "all.bl.test": "all"})
    relay.tenant("acme", "tenant.test", sink.endpoint)

    def codes(source):
        with Smtp(relay.server, source=source) as client:
            return [client.transaction(sender, "x@tenant.test").code for sender in ("", "a@world.test")]

    for zone in ("safe.bl.test", "all.bl.test"):
        relay.wait_event("blocklist", zone=zone, state="in use")
    assert codes(bad) == [550, 250]
    assert codes(lab.address()) == [250, 250]
    worse = lab.address()
    dns.set(f"2.0.0.127.all.bl.test A 127.0.0.2\n{reversed_address(worse)}.all.bl.test A 127.0.0.2\n")
    assert codes(worse) == [550, 550]


@pytest.mark.parametrize("zone, why", [
    ("*.broken.bl.test A 127.0.0.2", "lists 127.0.0.1, so it lists everything"),
    ("1.1.1.127.broken.bl.test A 127.0.0.2", "does not list 127.0.0.2"),
    ("broken.bl.test SERVFAIL", "does not answer"),
])
def test_a_blocklist_that_fails_its_self_test_is_not_used(lab, zone, why):
    sink = lab.sink()
    relay = lab.backstop(dns=lab.dns(zone), blocklists={"broken.bl.test": "safe"})
    relay.tenant("acme", "tenant.test", sink.endpoint)
    with Smtp(relay.server) as client:
        assert client.transaction("", "x@tenant.test").code == 250, why
    wait_until(lambda: "broken.bl.test" in relay.log(), 10, "the log to say that the zone is not used")


# ---- the PROXY protocol -------------------------------------------------------------------------------------------------------


def test_a_named_front_end_tells_the_clients_address(lab):
    front = lab.address()
    sink = lab.sink()
    relay = lab.backstop(proxy_from=[front])
    relay.tenant("acme", "tenant.test", sink.endpoint)
    with Smtp(relay.server, source=front, preamble=b"PROXY TCP4 192.0.2.77 192.0.2.1 40000 25\r\n") as client:
        assert client.transaction("a@world.test", "x@tenant.test").code == 250
    assert "192.0.2.77" in sink.wait_for().field("Received") and front not in sink.wait_for().header
    with Smtp(relay.server, source=lab.address(), ehlo=None) as client:
        assert client.reply().code == 220
        client.send("PROXY TCP4 192.0.2.78 192.0.2.1 40000 25\r\n")
        assert client.reply().code == 500, "from anybody else it is not a command"


def test_exim_delivers_through_the_relay_to_postfix(lab):
    down = lab.postfix("down", domain="tenant.test", users=["games"])
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", down.endpoint)
    exim = lab.exim("exim", domain="world.test", relay_to=(relay.address, relay.port))
    with Smtp(exim.server) as client:
        assert client.transaction("games@world.test", "games@tenant.test", message(subject="from Exim")).code == 250
        assert client.transaction("games@world.test", "typo@tenant.test", message(subject="typo")).code == 250
    assert down.wait_mail("games")[0]["Subject"] == "from Exim"
    assert b"typo@tenant.test" in exim.wait_mail("games")[0]
    assert len(exim.maildir("games")) == 1


@pytest.mark.parametrize("half", [b"", b"Subject: half\r\n\r\nbody without an end"])
def test_a_client_that_goes_away_in_the_middle_leaves_nothing(lab, half):
    sink = lab.sink()
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    client = Smtp(relay.server)
    client.mail("a@world.test")
    client.rcpt("x@tenant.test")
    client.command("DATA")
    client.send(half)
    client.close()
    wait_until(lambda: relay.metric("smtp_sessions_open") == 0, 10, "the session to end")
    assert sink.messages == [] and relay.queue() == []


def test_nothing_is_accepted_that_the_downstream_did_not_accept(lab):
    """Every 250 of ours after the final dot stands for one of the downstream's."""
    sink = lab.sink(end=lambda s, a: "550 5.7.1 no" if b"bad" in a else None)
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    codes = []
    with Smtp(relay.server) as client:
        for i in range(30):
            codes.append(client.transaction("a@world.test", "x@tenant.test", message(body="bad\r\n" if i % 3 else "good\r\n")).code)
    assert codes.count(250) == len([m for m in sink.messages if m.accepted]) == 10
