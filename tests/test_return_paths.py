# SPDX-License-Identifier: Apache-2.0
"""Tags in the return paths of a tenant's mail, and our signature on it: what leaves, and what may come back."""
import email.utils
import re

import pytest
from lab import Smtp, wait_until
from lab.signing import verify
from lab.smtp import message

TAGGED = re.compile(r"prvs=(\d)(\d{3})([0-9a-f]{6})=(.*)")


def make(lab, *options, **settings):
    """A relay with a tenant that tags. relay.world takes what leaves, relay.down is the tenant's server."""
    world, down, source = lab.sink(), lab.sink(), lab.address()
    dns = settings.pop("dns", None) or lab.dns("world.test A 192.0.2.1")
    relay = lab.backstop(dns=dns, routes={"*": world.endpoint}, retry_schedule=["1s"], **settings)
    relay.lab, relay.world, relay.down, relay.source, relay.dns = lab, world, down, source, dns
    relay.tenant("acme", "tenant.test", down.endpoint, [f"{source}/32"], *options)
    return relay


def send_out(relay, sender="user@tenant.test", recipient="friend@world.test", content=None, mail=""):
    """The message as it arrived in the world."""
    content = content or message(sender, recipient)
    with Smtp(relay.server, source=relay.source) as client:
        assert client.mail(sender, mail).code == 250
        assert client.rcpt(recipient).code == 250
        reply = client.data(content)
        assert reply.code == 250, reply
    message_id = re.search(rb"(?im)^Message-ID: (\S+)", content).group(1).decode()
    return relay.world.wait_for(lambda m: m.field("Message-ID") == message_id)


def bounce(relay, recipient, sender="", source=None):
    """The reply to RCPT or, if that was positive, to the message."""
    with Smtp(relay.server, source=source) as client:
        return client.transaction(sender, recipient, message("MAILER-DAEMON@world.test", "x@tenant.test", f"about {recipient}"))


def spoil(tag):
    """The same tag with another hash."""
    return re.sub(r"(prvs=\d{4})([0-9a-f])", lambda m: m.group(1) + ("0" if m.group(2) != "0" else "1"), tag)


@pytest.fixture(scope="module")
def learning(labs):
    return make(labs(), "--tags", "prvs")


@pytest.fixture(scope="module")
def refusing(labs):
    return make(labs(), "--tags", "prvs", "--tag-check", "refuse", "--tag-exception", "away@tenant.test")


# ---- what leaves --------------------------------------------------------------------------------------------------------------------


def test_the_return_path_of_outbound_mail_gets_one_tag_per_sender_and_day(learning):
    first, second = send_out(learning), send_out(learning, recipient="other@elsewhere.test")
    match = TAGGED.fullmatch(first.sender)
    assert match and match.group(4) == "user@tenant.test", first.sender
    assert second.sender == first.sender, "greylisting and lists of allowed senders at the other side go by it"
    assert send_out(learning, "other@tenant.test").sender.endswith("=other@tenant.test")
    assert send_out(learning, "other@tenant.test").sender[8:14] != first.sender[8:14]
    today = int(email.utils.parsedate_to_datetime(email.utils.formatdate()).timestamp()) // 86400
    assert (int(match.group(2)) - today) % 1000 in (6, 7), "good for a week"


def test_the_message_itself_does_not_show_the_tag_and_is_as_it_was(learning):
    content = message("user@tenant.test", "friend@world.test", "as it was")
    got = send_out(learning, content=content)
    assert got.data.endswith(content) and b"prvs=" not in got.data


def test_the_null_return_path_and_mail_between_tenants_are_not_tagged(lab):
    relay = make(lab, "--tags", "prvs")
    other = lab.sink()
    relay.tenant("other", "other.test", other.endpoint)
    assert send_out(relay, "").sender == ""
    with Smtp(relay.server, source=relay.source) as client:
        assert client.transaction("user@tenant.test", "x@other.test").code == 250
    assert other.wait_for().sender == "user@tenant.test", "it does not leave the house"
    assert TAGGED.fullmatch(send_out(relay).sender)


def test_sub_address_tags_and_none(lab):
    relay = make(lab, "--tags", "sub-address")
    got = send_out(relay)
    assert re.fullmatch(r"user\+prvs=\d{4}[0-9a-f]{6}@tenant\.test", got.sender), got.sender
    reply = bounce(relay, got.sender)
    assert reply.code == 250
    assert relay.down.wait_for().recipients == ["user@tenant.test"]
    assert "noted" not in relay.wait_event("message", direction="in", to=got.sender)
    assert bounce(relay, "user+list@tenant.test").code == 250
    relay.cli("tenant", "set", "acme", "--tags", "off").ok()
    assert wait_until(lambda: (send_out(relay).sender == "user@tenant.test"), 10, "no tags", every=0.2)


def test_a_tenant_that_does_not_want_tags_has_none(lab):
    relay = make(lab)
    assert send_out(relay).sender == "user@tenant.test"
    assert bounce(relay, "user@tenant.test").code == 250


def test_after_a_new_key_the_tags_of_the_old_one_are_still_good(lab):
    relay = make(lab, "--tags", "prvs", "--tag-check", "refuse")
    old = send_out(relay).sender
    relay.cli("keys", "rotate", "--tenant", "acme", "--tags").ok()
    new = wait_until(lambda: (s := send_out(relay).sender) != old and s, 10, "the new key's tag", every=0.2)
    assert TAGGED.match(new).group(1) != TAGGED.match(old).group(1), "keys are told apart by their number"
    assert bounce(relay, old).code == 250 and bounce(relay, new).code == 250
    assert [m.recipients for m in relay.down.wait_for_count(2)] == [["user@tenant.test"]] * 2


def test_a_failure_report_for_a_tenants_own_sender_comes_to_its_untagged_address(lab):
    relay = make(lab, "--tags", "prvs", "--tag-check", "refuse")
    relay.world.script["rcpt"] = "550 5.1.1 nobody here"
    with Smtp(relay.server, source=relay.source) as client:
        assert client.transaction("user@tenant.test", "friend@world.test").code == 250
    got = relay.down.wait_for()
    assert (got.sender, got.recipients) == ("", ["user@tenant.test"]) and b"prvs=" not in got.data
    relay.wait_queue(0)


# ---- what comes back ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [str, str.upper, str.title], ids=["as it left", "upper case", "mixed case"])
def test_a_bounce_to_a_tagged_address_is_delivered_without_the_tag(refusing, change):
    user = f"user{change.__name__}"
    tagged = change(send_out(refusing, f"{user}@tenant.test").sender)
    assert bounce(refusing, tagged).code == 250
    got = refusing.down.wait_for(lambda m: m.recipients[0].lower() == f"{user}@tenant.test")
    assert got.sender == ""
    local, _, domain = tagged.partition("@")
    assert "noted" not in refusing.wait_event("message", direction="in", to=f"{local}@{domain.lower()}")


def test_a_tagged_address_of_somebody_who_left_is_refused_for_that(lab):
    relay = make(lab, "--tags", "prvs")
    relay.recipients("acme", ["user@tenant.test"])
    assert bounce(relay, send_out(relay).sender).code == 250
    reply = bounce(relay, send_out(relay, "left@tenant.test").sender)
    assert (reply.code, reply.enhanced) == (550, "5.1.1")


@pytest.mark.parametrize("name", ["missing", "forged", "expired", "another's", "unknown key"])
def test_in_refuse_mode_a_bounce_without_a_good_tag_is_refused_at_rcpt(refusing, name):
    tagged = send_out(refusing).sender
    match = TAGGED.fullmatch(tagged)
    address, reason = {
        "missing": ("user@tenant.test", "untagged_bounce"),
        "forged": (spoil(tagged), "forged_tag"),
        # a hash for another day is not ours: what is expired is only known with the key, so here the tag is forged or expired
        "expired": (tagged.replace(match.group(2), f"{(int(match.group(2)) - 20) % 1000:03}", 1), None),
        "another's": (tagged.replace("=user@", "=other@"), "forged_tag"),
        "unknown key": (tagged.replace("prvs=" + match.group(1), f"prvs={(int(match.group(1)) + 5) % 10}", 1), "forged_tag"),
    }[name]
    before = len(refusing.down.commands)
    with Smtp(refusing.server) as client:
        client.mail("")
        reply = client.rcpt(address)
    assert (reply.code, reply.enhanced) == (550, "5.7.1"), reply
    event = refusing.wait_event("refused", to=address, stage="RCPT", check="tag")
    assert event["reason"] in ([reason] if reason else ["forged_tag", "expired_tag"])
    assert not [c for _, c in refusing.down.commands[before:] if c.startswith("RCPT")]


def test_mail_with_a_return_path_needs_no_tag(refusing):
    assert bounce(refusing, "user@tenant.test", sender="friend@world.test").code == 250
    assert refusing.down.wait_for(lambda m: m.sender == "friend@world.test").recipients == ["user@tenant.test"]


def test_mail_with_a_return_path_to_a_tagged_address_reaches_the_user(refusing):
    """Automatic replies often have one."""
    tagged = send_out(refusing, "replied@tenant.test").sender
    assert bounce(refusing, tagged, sender="robot@world.test").code == 250
    assert refusing.down.wait_for(lambda m: m.sender == "robot@world.test").recipients == ["replied@tenant.test"]


def test_who_is_excepted_gets_untagged_bounces(refusing):
    assert bounce(refusing, "away@tenant.test").code == 250
    assert bounce(refusing, "user@tenant.test").code == 550
    assert refusing.down.wait_for(lambda m: m.recipients == ["away@tenant.test"])


def test_a_tenants_own_server_may_bounce_to_its_own_users(refusing):
    with Smtp(refusing.server, source=refusing.source) as client:
        reply = client.transaction("", "user@tenant.test", message("MAILER-DAEMON@tenant.test", "user@tenant.test", "from inside"))
    assert reply.code == 250, reply
    assert refusing.down.wait_for(lambda m: m.field("Subject") == "from inside")


def test_while_a_tenant_learns_bounces_without_a_tag_are_let_in_noted_and_reported(lab):
    relay = make(lab, "--tags", "prvs")
    tagged = send_out(relay).sender
    for address, reason in (("user@tenant.test", "untagged_bounce"), ("user@tenant.test", "untagged_bounce"), (spoil(tagged), "forged_tag")):
        assert bounce(relay, address).code == 250
        assert relay.wait_event("message", to=address, result="delivered")["noted"] == reason
    assert bounce(relay, tagged).code == 250
    assert len(relay.down.wait_for_count(4)) == 4
    assert all(m.recipients == ["user@tenant.test"] for m in relay.down.messages), "the tag is off, good or not"

    def reported():
        rows = relay.cli("tenant", "untagged", "acme", "--json").ok().rows
        return rows if sum(row["noted"] for row in rows) == 3 else None

    rows = wait_until(reported, 10, "the report")
    assert [(row["recipient"], row["noted"], row["refused"]) for row in rows] == [("user@tenant.test", 3, 0)], rows
    text = relay.cli("tenant", "untagged", "acme").ok().out
    assert "user@tenant.test" in text and "3" in text


def test_the_report_counts_refusals_too(lab):
    relay = make(lab, "--tags", "prvs", "--tag-check", "refuse")
    for address in ("a@tenant.test", "b@tenant.test", "a@tenant.test"):
        assert bounce(relay, address).code == 550

    def reported():
        rows = {row["recipient"]: row["refused"] for row in relay.cli("tenant", "untagged", "acme", "--json").ok().rows}
        return rows if sum(rows.values()) == 3 else None

    assert wait_until(reported, 10, "the report") == {"a@tenant.test": 2, "b@tenant.test": 1}


def test_a_tagged_return_path_proves_mail_that_somebody_passed_on(learning):
    """Sent by a tenant, forwarded by a third party that kept the return path: SPF fails, the tag is ours."""
    tagged = send_out(learning, "traveller@tenant.test").sender
    with Smtp(learning.server) as client:
        client.transaction(tagged, "friend@tenant.test", message("traveller@tenant.test", "friend@tenant.test", "passed on"))
        client.transaction(spoil(tagged), "friend@tenant.test", message("traveller@tenant.test", "friend@tenant.test", "pretended"))
    for subject, proof in (("passed on", "tag"), ("pretended", "none")):
        got = learning.down.wait_for(lambda m: m.field("Subject") == subject)
        assert learning.wait_event("message", message_id=got.field("Message-ID"))["proof"] == proof
        assert got.fields("X-Auto-Response-Suppress") == ([] if proof == "tag" else ["All"])


# ---- our signature ------------------------------------------------------------------------------------------------------------------


def publish(relay, *options):
    """Makes a key that signs at once, and puts its record into the DNS. The records shown."""
    relay.cli("keys", "rotate", "--tenant", "acme", "--dkim", "--now", *options).ok()
    shown = relay.cli("keys", "show", "--tenant", "acme").ok().out
    records = re.findall(r'(?m)^(\S+_domainkey\.\S+)[ \t]+(?:\d+[ \t]+)?(?:IN[ \t]+)?TXT[ \t]+\(?((?:[ \t\n]*"[^"]*")+)', shown)
    assert records, shown
    for name, strings in records:
        relay.dns.add(f"{name} TXT {' '.join(strings.split(chr(10)))}")
    return records


def signed(relay, **how):
    """A message that left with a signature; the relay takes up a new key within a moment."""
    return wait_until(lambda: (got := send_out(relay, **how)).fields("DKIM-Signature") and got, 10, "a signature", every=0.2)


@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
def test_outbound_mail_bears_a_signature_that_holds(lab, algorithm):
    relay = make(lab)
    publish(relay, "--algorithm", algorithm)
    got = signed(relay)
    field, = got.fields("DKIM-Signature")
    assert "d=tenant.test" in field and f"a={algorithm}-sha256" in field
    assert verify(got.data, relay.dns), "dkimpy says so"
    assert got.header.startswith("DKIM-Signature:")
    assert not verify(got.data.replace(b"Hi.", b"Ho."), relay.dns) and not verify(got.data.replace(b"hello", b"hullo"), relay.dns)
    large = message("user@tenant.test", "friend@world.test", "large", body="line\r\n" * 500000)
    assert verify(send_out(relay, content=large).data, relay.dns)
    odd = message("user@tenant.test", "friend@world.test", "odd", body="a  b \r\n\r\n.\r\n\r\n\r\n", extra="X-Odd:  a\r\n\tb \r\n")
    assert verify(send_out(relay, content=odd).data, relay.dns)


def test_a_signature_is_of_the_authors_domain_when_it_is_the_tenants(lab):
    relay = make(lab)
    relay.cli("tenant", "set", "acme", "--domain", "tenant.test", "--domain", "second.test").ok()
    publish(relay)
    got = signed(relay, content=message("boss@second.test", "friend@world.test", message_id="<second@tenant.test>"))
    assert "d=second.test" in got.field("DKIM-Signature") and verify(got.data, relay.dns)
    other = signed(relay, content=message("boss@elsewhere.test", "friend@world.test", message_id="<elsewhere@tenant.test>"))
    assert "d=tenant.test" in other.field("DKIM-Signature"), "the return path's, when the author is somebody else"


def test_a_tenant_that_does_not_want_it_and_one_without_a_key_are_not_signed_for(lab):
    relay = make(lab)
    assert send_out(relay).fields("DKIM-Signature") == []
    publish(relay)
    signed(relay)
    relay.cli("tenant", "set", "acme", "--no-sign").ok()
    wait_until(lambda: send_out(relay).fields("DKIM-Signature") == [], 10, "no signature", every=0.2)


def test_a_tag_and_a_signature_go_together(lab):
    relay = make(lab, "--tags", "prvs")
    publish(relay)
    got = signed(relay)
    assert TAGGED.fullmatch(got.sender) and verify(got.data, relay.dns)
