# SPDX-License-Identifier: Apache-2.0
"""Not an open relay: nobody gets mail through that neither comes from a tenant nor goes to one, however the address is written;
and nobody smuggles a message or a command past the relay."""
import pytest
from lab import Smtp
from lab.smtp import message
from lab.tls import fingerprint

FOREIGN = [  # recipients that are nobody's here
    "victim@world.test",
    "VICTIM@WORLD.TEST",
    "victim@world.test.",
    "victim@WORLD.test.",
    "@tenant.test:victim@world.test",
    "@tenant.test,@mx.relay.test:victim@world.test",
    "@world.test:victim@world.test",
    "victim@tenant.test.world.test",
    "victim@nottenant.test",
    "victim@xtenant.test",
    "victim@tenant.test.",  # see below: this one is the tenant's
    "victim@[192.0.2.1]",
    "victim@[127.0.0.1]",
    "victim@[IPv6:2001:db8::1]",
    "victim@[IPv6:::1]",
    "victim@[IPv6:::ffff:127.0.0.1]",
    "victim@[relay.test]",
    "victim@mx.relay.test",
    "victim@localhost",
    "victim",
    "victim@",
    "@world.test",
    "victim@world..test",
    "victim@.world.test",
    '"victim@tenant.test"@world.test',
    "victim@world.test\\@tenant.test",
]
TRICKS = [  # recipients in the tenant's domain that some servers would send on
    "victim%world.test@tenant.test",
    "victim%world.test%other.test@tenant.test",
    "world.test!victim@tenant.test",
    "a!b!victim@tenant.test",
    '"victim@world.test"@tenant.test',
    '"victim%world.test"@tenant.test',
    '"world.test!victim"@tenant.test',
    '"victim\\@world.test"@tenant.test',
    "victim@world.test@tenant.test",
    "victim%world.test@TENANT.TEST",
    "victim%world.test@tenant.test.",
    "@tenant.test:victim%world.test@tenant.test",
    "@world.test:victim%world.test@tenant.test",
]
OWN = [  # other ways to write a recipient of the tenant
    ("x@tenant.test", "x@tenant.test"),
    ("x@TENANT.test", None),
    ("x@tenant.test.", "x@tenant.test"),
    ("@world.test:x@tenant.test", "x@tenant.test"),
    ("@a.test,@b.test:x@tenant.test", "x@tenant.test"),
    ('"x y"@tenant.test', '"x y"@tenant.test'),
    ('"x"@tenant.test', None),
    ("postmaster@tenant.test", "postmaster@tenant.test"),
]
SENDERS = ["", "x@tenant.test", "stranger@world.test", "postmaster@mx.relay.test", "x@[127.0.0.1]", "x@localhost"]


class House:
    def __init__(self, lab):
        self.world, self.down = lab.sink(), lab.sink()
        self.inside, self.outside = lab.address(), lab.address()
        self.certificate = lab.certificate("client.test")
        self.relay = lab.backstop(routes={"*": self.world.endpoint}, certificate=lab.certificate("mx.relay.test"),
                                  session_error_limit=10000, session_unknown_limit=0, session_message_limit=100000,
                                  client_session_rate=0)
        self.relay.tenant("acme", "tenant.test", self.down.endpoint, [self.inside + "/32"])


@pytest.fixture(scope="module")
def house(shared_lab):
    made = House(shared_lab)
    yield made
    # Whatever was tried in this file, nothing foreign came out at the other side.
    made.relay.wait_queue(0)
    assert [m for m in made.world.messages if m.sender != "x@tenant.test"] == []


@pytest.mark.parametrize("recipient", FOREIGN)
def test_a_stranger_cannot_send_to(house, recipient):
    for sender in SENDERS:
        with Smtp(house.relay.server, source=house.outside) as client:
            if not client.mail(sender).ok:
                continue
            reply = client.rcpt(recipient)
            if recipient == "victim@tenant.test.":
                assert reply.code == 250, "a trailing dot does not make it foreign"
                continue
            assert 500 <= reply.code < 600, (sender, reply)
            reply = client.command("DATA")
            assert 500 <= reply.code < 600, reply


@pytest.mark.parametrize("recipient", TRICKS)
def test_nobody_can_send_through_the_tenants_domain_to(house, recipient):
    """Neither a stranger, nor the tenant itself."""
    for source in (house.outside, house.inside):
        with Smtp(house.relay.server, source=source) as client:
            client.mail("x@tenant.test")
            reply = client.rcpt(recipient)
            assert 500 <= reply.code < 600, (source, reply)


@pytest.mark.parametrize("recipient, passed_on", OWN)
def test_a_tenants_recipient_may_be_written_as(house, recipient, passed_on):
    with Smtp(house.relay.server, source=house.outside) as client:
        reply = client.transaction("stranger@world.test", recipient, message(subject=recipient.strip('"')))
        assert reply.code == 250, reply
    got = house.down.wait_for(lambda m: m.field("Subject") == recipient.strip('"'))
    if passed_on:
        assert got.recipients == [passed_on]
    assert got.recipients[0].lower().rstrip(".").endswith("@tenant.test")


def test_a_bare_postmaster_is_not_relayed(house):
    """RFC 5321 4.5.1: taken by somebody responsible, or refused; never sent on to a stranger."""
    with Smtp(house.relay.server, source=house.outside) as client:
        client.mail("stranger@world.test")
        client.rcpt("postmaster")
    assert not [c for _, c in house.world.commands if "ostmaster" in c]


@pytest.mark.parametrize("sender", ["stranger@world.test", "x@sub.tenant.test", "x@nottenant.test", "x@mx.relay.test", "x@[127.0.0.1]",
                                    '"x@tenant.test"@world.test', "@tenant.test:x@world.test"])
def test_a_tenant_sends_only_as_its_own_domains(house, sender):
    with Smtp(house.relay.server, source=house.inside) as client:
        reply = client.mail(sender)
        if reply.ok:
            reply = client.rcpt("victim@world.test")
        assert 500 <= reply.code < 600, reply


@pytest.mark.parametrize("recipient", ["friend@world.test", "friend@WORLD.TEST.", "friend@deep.sub.world.test"])
def test_the_tenant_itself_may_send_anywhere(house, recipient):
    before = len(house.world.messages)
    with Smtp(house.relay.server, source=house.inside) as client:
        assert client.transaction("x@tenant.test", recipient).code == 250
    house.world.wait_for_count(before + 1)


def test_helo_and_proxy_names_prove_nothing(house):
    for name in ("tenant.test", "mx.relay.test", "localhost", f"[{house.inside}]"):
        with Smtp(house.relay.server, source=house.outside, ehlo=name) as client:
            client.mail("x@tenant.test")
            assert client.rcpt("victim@world.test").code == 550


def test_a_password_or_a_certificate_makes_a_stranger_a_tenant_over_tls_only(lab):
    world, outside = lab.sink(), lab.address()
    relay = lab.backstop(routes={"*": world.endpoint}, certificate=lab.certificate("mx.relay.test"))
    certificate, key = lab.certificate("client.test")
    relay.tenant("acme", "tenant.test", (), (), "--certificate", fingerprint(certificate))
    relay.cli("tenant", "set", "acme", "--user", "joe:secret").ok()

    def may_send(prepare):
        with Smtp(relay.server, source=outside) as client:
            prepare(client)
            client.mail("x@tenant.test")
            return client.rcpt("victim@world.test").code == 250

    def plain_password(client):
        assert "AUTH" not in client.extensions
        assert client.auth_plain("joe", "secret").code in (500, 502, 503, 504, 530, 538)

    def password(client, word="secret", code=235):
        client.starttls()
        assert client.auth_plain("joe", word).code == code

    assert not may_send(lambda client: None)
    assert not may_send(plain_password)
    assert not may_send(lambda client: client.starttls())
    assert not may_send(lambda client: password(client, "wrong", 535))
    assert may_send(password)
    assert may_send(lambda client: client.starttls(certificate=certificate, key=key))
    other = lab.certificate("other.test")
    assert not may_send(lambda client: client.starttls(certificate=other[0], key=other[1]))


# ---- smuggling ---------------------------------------------------------------------------------------------------------------------

SMUGGLED = b"MAIL FROM:<evil@world.test>\r\nRCPT TO:<x@tenant.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"


@pytest.mark.parametrize("end", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\r\n\x00.\r\n", b"\n.\r",
                                 b"\r\r.\r\r", b"\r\n.\r\r\n", b"\r\n. \r\n"], ids=repr)
def test_nothing_but_crlf_dot_crlf_ends_a_message(house, end):
    subject = "outer " + end.hex()
    with Smtp(house.relay.server, source=house.outside) as client:
        client.mail("a@world.test")
        client.rcpt("x@tenant.test")
        assert client.command("DATA").code == 354
        client.send(message(subject=subject, body="before") + end + SMUGGLED)
        reply = client.reply()
        if b"\r\n.\r\r\n" == end or b"\r\n. \r\n" == end or b"\x00" in end:
            assert reply.code in (250, 550, 500, 554), reply
        else:
            assert (reply.code, reply.enhanced) == (550, "5.6.0"), reply
        client.send("QUIT\r\n")
        assert client.reply().code == 221, "the smuggled commands were part of the message"
    assert not [m for m in house.down.messages if m.field("Subject") == "smuggled" or m.sender == "evil@world.test"]


@pytest.mark.parametrize("content", [b"Subject: x\n\r\nbody\r\n", b"Subject: x\r\n\r\nbo\rdy\r\n", b"Subject: x\r\n\r\nbody\n",
                                     b"\n", b"\r\r\n"], ids=repr)
def test_bare_cr_and_lf_in_a_message_are_refused(house, content):
    with Smtp(house.relay.server, source=house.outside) as client:
        reply = client.transaction("a@world.test", "x@tenant.test", content)
        assert (reply.code, reply.enhanced) == (550, "5.6.0")
        client.mail("a@world.test")
        client.rcpt("x@tenant.test")
        client.send(b"BDAT %d LAST\r\n" % len(content) + content)
        assert client.reply().code == 550
        assert client.command("NOOP").code == 250


def test_a_dot_line_split_over_packets_ends_the_message_once(house):
    for pieces in ([b"\r", b"\n", b".", b"\r", b"\n"], [b"\r\n.", b"\r\n"], [b"\r\n", b".\r", b"\n"]):
        with Smtp(house.relay.server, source=house.outside) as client:
            client.mail("a@world.test")
            client.rcpt("x@tenant.test")
            client.command("DATA")
            client.send(b"Subject: pieces\r\n\r\nx")
            for piece in pieces:
                client.send(piece)
                client.socket.setsockopt(6, 1, 1)
            assert client.reply().code == 250
            assert client.command("NOOP").code == 250


def test_commands_may_not_be_slipped_in_behind_starttls(house):
    """What comes with STARTTLS in one packet must not be carried out after the handshake."""
    with Smtp(house.relay.server, source=house.outside) as client:
        client.send("STARTTLS\r\nMAIL FROM:<evil@world.test>\r\n")
        reply = client.reply()
        if reply.code == 220:
            try:
                client.handshake()
            except OSError:
                return
            assert client.command("RCPT TO:<x@tenant.test>").code == 503, "MAIL was carried out"
        else:
            assert reply.code in (501, 503, 554, 421), reply


def test_starttls_forgets_what_was_said_before(house):
    with Smtp(house.relay.server, source=house.outside) as client:
        client.mail("a@world.test")
        client.command("RSET")
        assert client.command("STARTTLS").code == 220
        client.handshake()
        assert client.mail("a@world.test").code == 503, "EHLO has to come again"
        client.ehlo()
        assert "STARTTLS" not in client.extensions
        assert client.command("STARTTLS").code in (502, 503)


def test_a_handshake_that_fails_ends_the_session_and_nothing_else(house):
    for rubbish in (b"\x00" * 100, b"HELO x\r\n", b"\x16\x03\x01\x02\x00\x01\x00" + b"\xff" * 600):
        with Smtp(house.relay.server, source=house.outside) as client:
            assert client.command("STARTTLS").code == 220
            client.send(rubbish)
            assert client.at_end()
    Smtp(house.relay.server, source=house.outside).quit()


def test_two_transactions_by_bdat_do_not_run_into_each_other(house):
    """BDAT sizes are taken at their word; a dot line in a chunk is content."""
    with Smtp(house.relay.server, source=house.outside) as client:
        client.mail("a@world.test")
        client.rcpt("x@tenant.test")
        content = b"Subject: chunk\r\n\r\n.\r\nMAIL FROM:<evil@world.test>\r\n"
        client.send(b"BDAT %d LAST\r\n" % len(content) + content + b"NOOP\r\n")
        assert [client.reply().code, client.reply().code] == [250, 250]
    got = house.down.wait_for(lambda m: m.field("Subject") == "chunk")
    assert got.data.endswith(content)


def test_a_pipelining_client_that_does_not_wait_for_354_does_not_get_commands_through(house):
    """The content of a message that was refused is not taken for commands for long: errors end the session."""
    with Smtp(house.relay.server, source=house.outside) as client:
        client.send("MAIL FROM:<a@world.test>\r\nRCPT TO:<victim@world.test>\r\nDATA\r\n")
        assert [client.reply().code, client.reply().code] == [250, 550]
        assert client.reply().code in (503, 554)
