# SPDX-License-Identifier: Apache-2.0
"""Recipients that a tenant's server takes and then bounces are refused the next time; who may teach that, and what takes it back."""
import os
import shutil

import pytest
from lab import Smtp, wait_until
from lab.clock import DAY, shifted
from lab.smtp import message

DOMAIN = "list.test"


@pytest.fixture(scope="module")
def relay(labs):
    lab = labs()
    good, down, world = lab.address(), lab.sink(), lab.sink()
    made = lab.backstop(dns=lab.dns(f'pass.test TXT "v=spf1 ip4:{good} -all"\n'), routes={"*": world.endpoint},
                        client_session_rate=0, session_unknown_limit=0)
    made.lab, made.good, made.down, made.world, made.source = lab, good, down, world, lab.address()
    made.tenant("acme", DOMAIN, down.endpoint, [f"{made.source}/32"])
    made.tenant("other", "other.test", down.endpoint, [f"{lab.address()}/32"])
    return made


def send(relay, recipient, sender="ann@pass.test", message_id=None, source=None):
    """The answer to RCPT."""
    with Smtp(relay.server, source=source or relay.good) as client:
        client.mail(sender)
        reply = client.rcpt(recipient)
        if reply.code == 250:
            content = message(sender, recipient, "hello", message_id=message_id or f"<{recipient}>")
            assert client.data(content).code == 250
        return reply


def report(about, failed, status="5.1.1", original=None, to="ann@pass.test", top="", returned=None):
    returned = returned or f"From: {to}\r\nMessage-ID: {about}\r\n"
    return (f"{top}From: MAILER-DAEMON@{DOMAIN}\r\nTo: <{to}>\r\nSubject: Undelivered Mail\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
            "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
            f"Reporting-MTA: dns; {DOMAIN}\r\n\r\n" + (f"Original-Recipient: rfc822; {original}\r\n" if original else "")
            + f"Final-Recipient: rfc822; {failed}\r\nAction: failed\r\nStatus: {status}\r\n\r\n"
            f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{returned}\r\n--b--\r\n").encode()


def teach(relay, failed, about=None, to="ann@pass.test", path="", **how):
    with Smtp(relay.server, source=relay.source) as client:
        assert client.transaction(path, to, report(about or f"<{failed}>", failed, to=to, **how)).code == 250


def learned(relay, address):
    return next((row for row in relay.cli("recipients", "learned", "list", "--json").ok().rows if row["address"] == address), None)


def learn(relay, user):
    """One that has been learned."""
    address = f"{user}@{DOMAIN}"
    assert send(relay, address).code == 250
    teach(relay, address)
    relay.wait_event("learned", address=address, tenant="acme")
    assert send(relay, address).code == 550
    return address


def test_what_its_server_bounced_is_refused(relay):
    assert send(relay, f"Gone@{DOMAIN}", message_id="<g1@pass.test>").code == 250
    teach(relay, f"gone@{DOMAIN}", about="<g1@pass.test>")
    event = relay.wait_event("learned", address=f"gone@{DOMAIN}")
    assert (event["seconds"], event["times"]) == ("86400", "1")
    reply = send(relay, f"GONE@{DOMAIN}")
    assert (reply.code, reply.enhanced) == (550, "5.1.1") and "its own server has returned mail" in reply.text, reply
    assert relay.wait_event("refused", to=f"GONE@{DOMAIN}")["reason"] == "learned_recipient"
    assert send(relay, f"here@{DOMAIN}").code == 250
    assert relay.metric("learned_recipients") >= 1 and relay.metric("learned_refused") >= 1


def test_it_is_seen_and_taken_back(relay):
    address = learn(relay, "seen")
    row = learned(relay, address)
    assert row["tenant"] == "acme" and row["refused"] and row["expires"] - row["last"] == 86400 and "5.1.1" in row["words"], row
    tested = relay.cli("recipients", "test", address, "--json")
    assert tested.code == 1 and tested.rows[0]["answer"] == "unknown" and tested.rows[0]["learned"]["times"] == 1
    assert "its server took mail for it" in relay.cli("recipients", "test", address).out
    assert address in relay.cli("recipients", "learned", "list", "--tenant", "acme").ok().out
    assert relay.cli("recipients", "learned", "list", "--tenant", "other", "--json").ok().rows == []
    assert relay.cli("recipients", "learned", "forget", "--tenant", "acme", address, "--json").ok().rows == [{"tenant": "acme", "forgotten": 1}]
    assert relay.cli("recipients", "learned", "forget", "--tenant", "acme", address).code == 1
    assert relay.cli("recipients", "test", address).code == 0
    assert send(relay, address).code == 250
    for wrong in (["forget", address], ["forget", "--tenant", "acme"], ["forget", "--tenant", "acme", "--all", address], ["lost"], []):
        assert relay.cli("recipients", "learned", *wrong).code == 2, wrong


def test_who_sends_mail_lives(relay):
    address = learn(relay, "writer")
    with Smtp(relay.server, source=relay.source) as client:
        assert client.transaction(address, "friend@world.test", message(address, "friend@world.test")).code == 250
    relay.wait_event("unlearned", address=address)
    assert send(relay, address).code == 250


def test_a_tenant_that_does_not_want_it(relay):
    address = learn(relay, "unwanted")
    relay.cli("tenant", "set", "acme", "--learn", "off").ok()
    try:
        assert send(relay, address).code == 250
        assert relay.cli("recipients", "test", address).code == 0
        assert send(relay, f"late@{DOMAIN}").code == 250
        teach(relay, f"late@{DOMAIN}")
    finally:
        relay.cli("tenant", "set", "acme", "--learn", "on").ok()
    assert send(relay, address).code == 550
    assert send(relay, f"late@{DOMAIN}").code == 250, "it was not learned meanwhile"


def test_other_tenants_senders_get_the_same_answer(relay):
    address = learn(relay, "shared")
    source = relay.lab.address()
    relay.tenant("third", "third.test", relay.down.endpoint, [f"{source}/32"])
    assert send(relay, address, sender="joe@third.test", source=source).code == 550


NOT_LEARNED = {
    "full": dict(status="5.2.2"),
    "delayed": dict(status="4.1.1"),
    "nobody-knows": dict(about="<unheard@pass.test>"),
    "another-asks": dict(to="victim@elsewhere.test"),
    "colleague": dict(path=f"user@{DOMAIN}"),
    "through-us": dict(top="Received: from x ([192.0.2.1]) by mx.relay.test with ESMTP id 1; date\r\n"),
    "from-outside": dict(top=f"Received: from x ([198.51.100.7]) by {DOMAIN} with ESMTP id 1; date\r\n"),
}


@pytest.mark.parametrize("case", NOT_LEARNED)
def test_what_teaches_nothing(relay, case):
    """A full mailbox, mail that nobody knows, a report to somebody else, one that a user wrote, one that came from outside."""
    address = f"{case}@{DOMAIN}"
    assert send(relay, address).code == 250
    seen = len(relay.events("answer"))
    teach(relay, address, **NOT_LEARNED[case])
    wait_until(lambda: len(relay.events("answer")) > seen, 10, "the judgement")
    learn(relay, f"after-{case}")  # what came later is learned
    assert learned(relay, address) is None and send(relay, address).code == 250


@pytest.mark.parametrize("failed", [f"member@{DOMAIN}", "postmaster@" + DOMAIN, "user@other.test", "friend@world.test"])
def test_only_the_addresses_that_the_message_went_to(relay, failed):
    """Not a member of the alias, nobody of other tenants or outside."""
    alias = f"alias-of-{failed.split('@')[0]}@{DOMAIN}"
    assert send(relay, alias).code == 250
    teach(relay, failed, about=f"<{alias}>", original=alias)
    learn(relay, f"after-{alias.split('@')[0]}")
    for address in (failed, alias):
        assert learned(relay, address) is None


def test_mail_from_inner_hosts_of_the_tenant_teaches(relay):
    address = f"inner@{DOMAIN}"
    assert send(relay, address).code == 250
    teach(relay, address, top=f"Received: from inner ([10.1.2.3]) by {DOMAIN}; date\r\nReceived: from x ([{relay.source}]) by y; date\r\n")
    relay.wait_event("learned", address=address)


def test_forged_mail_teaches_too(relay):
    """The report is held; what it says is true all the same."""
    address = f"spammed@{DOMAIN}"
    assert send(relay, address, sender="victim@pass.test", source=relay.lab.address()).code == 250
    teach(relay, address, to="victim@pass.test")
    assert relay.wait_event("answer", to="victim@pass.test")["verdict"] == "backscatter"
    relay.wait_event("learned", address=address)
    assert send(relay, address).code == 550


def test_what_comes_back_by_a_contained_return_path_teaches(relay):
    source = relay.lab.address()
    relay.tenant("contained", "contained.test", relay.down.endpoint, f"{source}/32", "--contain")
    address = "gone@contained.test"
    assert send(relay, address, sender="victim@pass.test", source=relay.lab.address()).code == 250
    got = relay.down.wait_for(lambda m: m.recipients == [address])
    assert got.sender.startswith("SRS0=")
    with Smtp(relay.server, source=source) as client:
        content = report(None, address, to=got.sender, returned=got.header + "\r\n")
        assert "held as" in client.transaction("", got.sender, content).text
    relay.wait_event("learned", address=address, tenant="contained")
    assert send(relay, address).code == 550


def test_who_writes_a_report_into_mail_that_a_vacation_reply_quotes_cuts_nobody_off(relay):
    address = f"away@{DOMAIN}"
    dsn = ("--f\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
           f"Final-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: 5.1.1\r\n--f--\r\n")
    assert send(relay, address, message_id="<quoted@pass.test>").code == 250
    away = (f"From: {address}\r\nTo: <ann@pass.test>\r\nSubject: Away\r\nAuto-Submitted: auto-replied\r\n"
            f"In-Reply-To: <quoted@pass.test>\r\nMessage-ID: <away@{DOMAIN}>\r\n\r\nI am away. You wrote:\r\n\r\n{dsn}")
    with Smtp(relay.server, source=relay.source) as client:
        assert client.transaction("", "ann@pass.test", away.encode()).code == 250
    relay.wait_event("answer", verdict="genuine")
    learn(relay, "later")  # what was said before has been heard
    assert learned(relay, address) is None and send(relay, address).code == 250


def test_the_customers_list_wins_when_it_is_newer(relay):
    address = learn(relay, "listed")
    relay.recipients("other", ["someone@other.test"])
    relay.recipients("acme", [address, f"here@{DOMAIN}"])
    assert send(relay, address).code == 250, "the new list has it"
    assert relay.cli("recipients", "test", address).code == 0
    relay.cli("recipients", "remove", "--tenant", "acme", "--domain", DOMAIN, "--all").ok()
    assert send(relay, address).code == 550, "that list is gone"
    relay.recipients("acme", [f"here@{DOMAIN}"])
    relay.cli("recipients", "add", "--tenant", "acme", address).ok()
    assert learned(relay, address) is None and send(relay, address).code == 250
    relay.cli("recipients", "remove", "--tenant", "acme", "--domain", DOMAIN, "--all").ok()


def test_it_ends_by_itself_and_the_next_time_lasts_longer(relay):
    address = learn(relay, "decays")
    relay.stop()
    relay.start(env=shifted(DAY + 60))
    assert send(relay, address, message_id="<again@pass.test>").code == 250, "a day is over"
    row, = [r for r in relay.cli("recipients", "learned", "list", "--all", "--json", env=shifted(DAY + 60)).ok().rows if r["address"] == address]
    assert not row["refused"], "remembered, but not refused any more"
    teach(relay, address, about="<again@pass.test>")
    wait_until(lambda: [e for e in relay.events("learned") if e["address"] == address and e["times"] == "2" and e["seconds"] == str(7 * DAY)], 10,
               "the second time")
    assert send(relay, address).code == 550
    relay.stop()
    relay.start()


def test_without_the_ledger_the_stamp_is_enough(relay):
    address = f"stamped@{DOMAIN}"
    assert send(relay, address).code == 250
    header = relay.down.wait_for(lambda m: m.recipients == [address]).header
    relay.stop()
    shutil.rmtree(os.path.join(relay.state, "ledger"))
    relay.start()
    teach(relay, address, returned=header + "\r\n", original=f"alias@{DOMAIN}")
    teach(relay, address, returned=header + "\r\n", to="victim@elsewhere.test")
    assert learned(relay, address) is None
    teach(relay, address, returned=header + "\r\n")
    relay.wait_event("learned", address=address)
    assert send(relay, address).code == 550
