# SPDX-License-Identifier: Apache-2.0
"""The lab itself: only peers, no product."""
import os
import time

import dns.message
import dns.query
import dns.rcode
import pytest
from lab import Close, Hang, Reset, Slow, Smtp, SmtpError
from lab.policy import folder_size
from lab.smtp import message


def test_mail_goes_from_one_postfix_to_another(lab):
    down = lab.postfix("down", domain="down.test", users=["games"], aliases={"sales": "games"})
    up = lab.postfix("up", domain="up.test", relayhost=f"[{down.address}]:{down.port}", source=lab.address())
    with Smtp(up.server) as client:
        assert client.transaction("news@up.test", "sales@down.test", message(subject="through two")).code == 250
    assert down.wait_mail("games")[0]["Subject"] == "through two"


def test_a_postfix_bounces_to_its_own_user_when_the_other_one_refuses(lab):
    down = lab.postfix("down", domain="down.test", users=["games"])
    up = lab.postfix("up", domain="up.test", users=["news"], relayhost=f"[{down.address}]:{down.port}")
    with Smtp(up.server) as client:
        assert client.transaction("news@up.test", "typo@down.test").code == 250
    bounce, = up.wait_mail("news")
    assert "User unknown" in str(bounce)


def test_a_postfix_refuses_by_real_quota_and_by_policy_with_its_own_text(lab):
    down = None

    def decide(attributes):
        user = attributes["recipient"].partition("@")[0]
        if folder_size(os.path.join(down.maildirs, user)) > 3000:
            return f"552 5.2.2 the mailbox of {user} is full"
        return "554 5.7.1 we do not like you" if attributes["sender"] == "bad@up.test" else "DUNNO"

    policy = lab.policy(decide)
    down = lab.postfix("down", domain="down.test", users=["games"],
                       smtpd_recipient_restrictions=f"check_policy_service inet:{policy.endpoint}, permit_mynetworks, reject")
    with Smtp(down.server) as client:
        assert client.transaction("bad@up.test", "games@down.test").text.endswith("we do not like you")
        assert client.transaction("a@up.test", "games@down.test", message(body="x" * 70 + "\r\n" + "y\r\n" * 1500)).code == 250
        down.wait_mail("games")
        reply = client.transaction("a@up.test", "games@down.test")
        assert (reply.code, reply.enhanced) == (552, "5.2.2")
        assert "mailbox of games is full" in reply.text


def test_the_sink_records_and_answers_as_told(lab):
    sink = lab.sink(rcpt=lambda session, recipient: "550 5.1.1 no\nnever" if recipient.startswith("no") else None,
                    end=["451 4.0.0 later"])
    with Smtp((sink.address, sink.port), source=(me := lab.address()), ehlo="me.test") as client:
        assert "PIPELINING" in client.extensions and "STARTTLS" not in client.extensions
        client.mail("a@b.test", "SIZE=100")
        assert repr(client.rcpt("no@sink.test")) == "550-5.1.1 no / 550 never"
        assert client.rcpt("yes@sink.test", "NOTIFY=NEVER").code == 250
        assert client.data(message(body=".dot\r\n")).code == 451
        assert client.transaction("a@b.test", "yes@sink.test", message(body=".dot\r\n")).code == 250
    first = sink.wait_for(accepted=False)
    assert (first.sender, first.recipients, first.rcpt_parameters) == ("a@b.test", ["yes@sink.test"], ["NOTIFY=NEVER"])
    second = sink.wait_for()
    assert second.accepted and second.data.endswith(b"\r\n\r\n.dot\r\n") and second.peer[0] == me and second.ehlo == "me.test"
    assert second.field("subject") == "hello"


@pytest.mark.parametrize("stage", ["greeting", "ehlo", "mail", "rcpt", "data", "end"])
@pytest.mark.parametrize("act", [Close(), Reset(), Hang()], ids=lambda act: type(act).__name__)
def test_the_sink_goes_away_at_a_stage(lab, stage, act):
    sink = lab.sink(**{stage: act})
    started = time.monotonic()
    with pytest.raises((SmtpError, OSError)):
        Smtp((sink.address, sink.port), timeout=0.5).transaction("a@b.test", "c@d.test")
    assert time.monotonic() - started < 5
    assert not [m for m in sink.messages if m.accepted]


def test_the_sink_speaks_tls_and_breaks_it(lab):
    sink = lab.sink(certificate=lab.certificate())
    with Smtp((sink.address, sink.port)) as client:
        assert client.starttls().code == 220
        client.transaction("a@b.test", "c@d.test")
    assert sink.wait_for().tls
    sink.broken_tls = True
    with Smtp((sink.address, sink.port)) as client, pytest.raises((OSError, SmtpError)):
        client.starttls()


def test_the_sink_is_slow_and_refuses_connections(lab):
    sink = lab.sink(mail=Slow(0.3))
    started = time.monotonic()
    with Smtp((sink.address, sink.port)) as client:
        assert client.mail("a@b.test").code == 250
    assert time.monotonic() - started >= 0.3
    sink.pause()
    with pytest.raises(ConnectionRefusedError):
        Smtp((sink.address, sink.port))
    sink.resume()
    Smtp((sink.address, sink.port)).quit()


def test_the_sink_takes_chunks_and_answers_per_recipient(lab):
    sink = lab.sink(extensions=["PRDR", "CHUNKING"], prdr=["250 2.1.5 ok", "550 5.2.2 full"])
    with Smtp((sink.address, sink.port)) as client:
        client.mail("a@b.test", "PRDR")
        client.rcpt("one@x.test")
        client.rcpt("two@x.test")
        client.send(b"BDAT 4\r\nA: b")
        assert client.reply().code == 250
        client.send(b"BDAT 4 LAST\r\n\r\n\r\n")
        assert [client.reply().code for _ in range(4)] == [353, 250, 550, 250]
    assert sink.wait_for().recipients == ["one@x.test"]


def test_the_dns_server_answers_from_its_table_over_udp_and_tcp(lab):
    server = lab.dns("a.test A 192.0.2.1\na.test MX 10 mx.a.test\nc.test CNAME a.test\nbad.test SERVFAIL\n*.w.test A 192.0.2.7\n"
                     + "".join(f"big.test TXT \"{i:0>200}\"\n" for i in range(20)))

    def ask(name, kind, via=dns.query.udp):
        return via(dns.message.make_query(name, kind), server.address, port=server.port, timeout=5)

    assert [r.to_text() for r in ask("A.test", "MX").answer[0]] == ["10 mx.A.test."]
    assert "192.0.2.1" in ask("c.test", "A").to_text()
    assert ask("x.w.test", "A").answer and ask("a.test", "AAAA").rcode() == dns.rcode.NOERROR
    assert ask("nothing.test", "A").rcode() == dns.rcode.NXDOMAIN
    assert ask("bad.test", "A").rcode() == dns.rcode.SERVFAIL
    assert ask("big.test", "TXT").answer == [] and len(ask("big.test", "TXT", dns.query.tcp).answer[0]) == 20
    server.set("new.test A 192.0.2.9")
    assert ask("new.test", "A").answer and ask("a.test", "A").rcode() == dns.rcode.NXDOMAIN
    assert server.asked("new.test", "A") == 1


def test_an_exim_delivers_locally_relays_and_cuts_through(lab):
    sink = lab.sink(rcpt=lambda session, recipient: "550 5.1.1 not here" if recipient.startswith("no") else None)
    exim = lab.exim("exim", domain="exim.test", relay_to=(sink.address, sink.port), cutthrough=True)
    with Smtp(exim.server) as client:
        assert client.transaction("a@b.test", "games@exim.test").code == 250
        assert client.transaction("a@b.test", "typo@exim.test").code == 550
        assert client.transaction("a@b.test", "yes@elsewhere.test").code == 250
        assert client.transaction("a@b.test", "no@elsewhere.test").code == 550
    assert len(exim.wait_mail("games")) == 1
    assert sink.wait_for().recipients == ["yes@elsewhere.test"]
