# SPDX-License-Identifier: Apache-2.0
"""Did the return path prove itself, and what follows from it: in the header, in what the tenant's server is told, in the ledger, and
when that server is away."""
import re
import time

import authres
import pytest
from lab import Close, Reset, Smtp, wait_until
from lab.signing import DkimKey
from lab.smtp import message

KEYS = {}


def key(domain):
    if domain not in KEYS:
        KEYS[domain] = DkimKey(domain)
    return KEYS[domain]


ZONE = """
    pass.test TXT "v=spf1 ip4:{good} -all"
    fail.test TXT "v=spf1 ip4:192.0.2.1 -all"
    softfail.test TXT "v=spf1 ~all"
    neutral.test TXT "v=spf1 ?all"
    none.test A 192.0.2.1
    permerror.test TXT "v=spf1 include:pass.test inlcude:pass.test -all"
    two.test TXT "v=spf1 ip4:{good} -all"
    two.test TXT "v=spf1 -all"
    temperror.test SERVFAIL
    slow.test TIMEOUT
    helo.test TXT "v=spf1 ip4:{good} -all"
    signed.test TXT "v=spf1 -all"
    org.test TXT "v=spf1 -all"
    _dmarc.org.test TXT "v=DMARC1; p=reject"
    _dmarc.strict.test TXT "v=DMARC1; p=reject; adkim=s; aspf=s"
    _dmarc.reject.test TXT "v=DMARC1; p=reject"
    _dmarc.quarantine.test TXT "v=DMARC1; p=quarantine"
    xn--bcher-kva.test TXT "v=spf1 ip4:{good} -all"
    sub.pass.test TXT "v=spf1 include:pass.test -all"
    lost._domainkey.lost.test SERVFAIL
    lost.test A 192.0.2.1
"""


class World:
    def __init__(self, lab):
        self.good, self.bot = lab.address(), lab.address()
        zone = ZONE.format(good=self.good) + "\n".join(key(d).record for d in ("signed.test", "org.test", "mail.org.test", "reject.test"))
        self.dns = lab.dns(zone)
        self.down, self.plain = lab.sink(), lab.sink(extensions=["PIPELINING", "8BITMIME", "SMTPUTF8"])
        self.marking, self.enforcing, self.ignoring = lab.sink(), lab.sink(), lab.sink()
        self.relay = lab.backstop(dns=self.dns, client_session_rate=0, top='auth { spf-timeout = "2s" key-timeout = "2s" }')
        self.relay.tenant("acme", "tenant.test", self.down.endpoint)
        self.relay.tenant("plain", "plain.test", self.plain.endpoint)
        self.relay.tenant("marking", "marking.test", self.marking.endpoint, (), "--dmarc", "mark")
        self.relay.tenant("enforcing", "enforcing.test", self.enforcing.endpoint, (), "--dmarc", "enforce")
        self.relay.tenant("ignoring", "ignoring.test", self.ignoring.endpoint, (), "--dmarc", "ignore")
        self.count = 0

    def send(self, sender, good=True, recipient="x@tenant.test", author=None, sign=None, content=None, extra="", helo="client.test",
             mail="", rcpt="", spoil=False):
        """(the reply, the subject): a transaction from the good address or another one. sign: domains that sign, the last on top."""
        self.count += 1
        subject = f"proof {self.count}."
        if content is None:
            content = message(author or sender or "daemon@client.test", recipient, subject, extra=extra)
            for domain in sign or ():
                content = key(domain).sign(content)
            if spoil:
                content += b"and more.\r\n"
        with Smtp(self.relay.server, source=self.good if good else self.bot, ehlo=helo) as client:
            for reply in (client.mail(sender, mail), client.rcpt(recipient, rcpt)):
                if not reply.ok:
                    return reply, subject
            return client.data(content), subject

    def arrived(self, subject, sink=None):
        return (sink or self.down).wait_for(lambda m: m.field("Subject") == subject)

    def event(self, subject, **fields):
        got = self.arrived(subject)
        return self.relay.wait_event("message", message_id=got.field("Message-ID"), **fields), got


@pytest.fixture(scope="module")
def world(shared_lab):
    return World(shared_lab)


def results(got):
    """[(method, result, {property: value})] of the topmost Authentication-Results, by another implementation's parser."""
    assert got.header.startswith("Authentication-Results: mx.relay.test;"), got.header
    parsed = authres.AuthenticationResultsHeader.parse("Authentication-Results: " + got.field("Authentication-Results"))
    assert parsed.authserv_id == "mx.relay.test"
    return [(r.method, r.result, {f"{p.type}.{p.name}": p.value for p in r.properties}) for r in parsed.results]


# (name, how it is sent, spf, dkim, dmarc, proof)
CASES = [
    ("SPF passes", {"sender": "a@pass.test"}, "pass", "none", "none", "spf"),
    ("SPF passes by an include of a subdomain", {"sender": "a@sub.pass.test"}, "pass", "none", "none", "spf"),
    ("SPF passes for an international domain", {"sender": "a@bücher.test", "mail": "SMTPUTF8"}, "pass", "none", "none", "spf"),
    ("SPF fails", {"sender": "a@fail.test"}, "fail", "none", "none", "none"),
    ("SPF of the right domain from a wrong address", {"sender": "a@pass.test", "good": False}, "fail", "none", "none", "none"),
    ("SPF softfails", {"sender": "a@softfail.test"}, "softfail", "none", "none", "none"),
    ("SPF is neutral", {"sender": "a@neutral.test"}, "neutral", "none", "none", "none"),
    ("no SPF record", {"sender": "a@none.test"}, "none", "none", "none", "none"),
    ("no such domain", {"sender": "a@nothing.test"}, "none", "none", "none", "none"),
    ("an SPF record with a mistake behind a match", {"sender": "a@permerror.test"}, "permerror", "none", "none", "none"),
    ("two SPF records", {"sender": "a@two.test"}, "permerror", "none", "none", "none"),
    ("DNS that fails", {"sender": "a@temperror.test"}, "temperror", "none", None, "none"),
    ("DNS that does not answer", {"sender": "a@slow.test"}, "temperror", "none", None, "none"),
    ("a literal is no domain", {"sender": "a@[127.0.0.1]", "author": "a@none.test"}, "none", "none", "none", "none"),
    ("DKIM of the return path's domain", {"sender": "a@signed.test", "sign": ["signed.test"]}, "fail", "pass", "none", "dkim"),
    ("DKIM of the organisation", {"sender": "a@bounce.org.test", "author": "a@none.test", "sign": ["org.test"]},
     "none", "pass", "none", "dkim"),
    ("DKIM and DMARC of the organisation", {"sender": "a@bounce.org.test", "author": "a@org.test", "sign": ["mail.org.test"]},
     "none", "pass", "pass", "dkim"),
    ("DKIM of somebody else", {"sender": "a@fail.test", "author": "a@signed.test", "sign": ["signed.test"]},
     "fail", "pass", "none", "none"),
    ("two signatures, one of the return path", {"sender": "a@signed.test", "sign": ["signed.test", "org.test"]},
     "fail", "pass", "none", "dkim"),
    ("a signature that does not hold", {"sender": "a@signed.test", "sign": ["signed.test"], "spoil": True},
     "fail", "fail", "none", "none"),
    ("a signature without a key", {"sender": "a@pass.test", "good": False, "sign": ["gone.test"]}, "fail", "permerror", "none", "none"),
    ("SPF passes, DMARC of the author fails", {"sender": "a@pass.test", "author": "ceo@reject.test"}, "pass", "none", "fail", "spf"),
    ("DMARC passes for the author, who is not the return path",
     {"sender": "a@none.test", "author": "ceo@reject.test", "sign": ["reject.test"]}, "none", "pass", "pass", "none"),
    ("the null return path, though HELO passes", {"sender": "", "helo": "helo.test"}, "pass", "none", "none", "none"),
    ("the null return path, signed", {"sender": "", "author": "a@signed.test", "sign": ["signed.test"]}, "none", "pass", "none", "none"),
]


@pytest.mark.parametrize("how, spf, dkim, dmarc, proof", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_proves_a_return_path_and_what_follows(world, how, spf, dkim, dmarc, proof):
    reply, subject = world.send(**how)
    assert reply.code == 250, reply
    event, got = world.event(subject)
    assert (event["spf"], event["dkim"], event["proof"]) == (spf, dkim, proof), event
    assert dmarc is None or event["dmarc"] == dmarc, event
    # the header
    said = results(got)
    assert [r for m, r, _ in said if m == "spf"] == [spf]
    assert set(r for m, r, _ in said if m == "dkim") >= {dkim}
    assert [r for m, r, _ in said if m == "dmarc"] == [event["dmarc"]]
    # what the tenant's server is asked for
    stranger = proof == "none" and how["sender"] != ""
    assert got.fields("X-Auto-Response-Suppress") == (["All"] if stranger else [])
    assert got.rcpt_parameters == (["NOTIFY=NEVER"] if stranger else [""])
    sender = how["sender"].replace("bücher", "xn--bcher-kva")
    assert got.sender == sender
    # the ledger
    row, = wait_until(lambda: ledger(world.relay, got.field("Message-ID")), 10, "the ledger's entry")
    assert (row["spf"], row["dkim"], row["dmarc"], row["proof"]) == (spf, dkim, event["dmarc"], proof)
    assert row["verified"] == (proof != "none") and row["result"] == "delivered" and row["tenant"] == "acme"
    assert row["return_path"] == sender and row["recipients"] == ["x@tenant.test"]


def ledger(relay, message_id):
    found = relay.cli("ledger", "--message-id", message_id, "--json")
    return found.rows if found.code == 0 else None


# ---- the header -----------------------------------------------------------------------------------------------------------------


def test_the_results_name_whom_they_are_about(world):
    _, subject = world.send("a@pass.test", author="b@org.test", sign=["org.test"])
    said = {method: (result, properties) for method, result, properties in results(world.arrived(subject))}
    assert said["spf"] == ("pass", said["spf"][1]) and said["spf"][1]["smtp.mailfrom"] == "a@pass.test"
    assert said["dkim"][0] == "pass" and said["dkim"][1]["header.d"] == "org.test" and said["dkim"][1]["header.s"] == "s1"
    assert said["dmarc"][0] == "pass" and said["dmarc"][1]["header.from"] == "org.test"


def test_the_results_of_a_bounce_name_the_helo(world):
    _, subject = world.send("", helo="helo.test")
    assert ("spf", "pass", "helo.test") in [(m, r, p.get("smtp.helo")) for m, r, p in results(world.arrived(subject))]


@pytest.mark.parametrize("forged", [
    "Authentication-Results: mx.relay.test; spf=pass smtp.mailfrom=a@fail.test; dkim=pass header.d=fail.test",
    "authentication-results: MX.Relay.Test 1; dmarc=pass header.from=fail.test",
    "Authentication-Results:\r\n\t(a comment) \"mx.relay.test\" ;\r\n\tspf=pass smtp.mailfrom=fail.test",
    "Authentication-Results: mx.relay.test",
])
def test_forged_results_that_bear_our_name_are_removed_and_all_else_stays(world, forged):
    other = "Authentication-Results: mx.elsewhere.test; spf=pass smtp.mailfrom=other.test"
    extra = f"X-Before: 1\r\n{forged}\r\n{other}\r\nX-After: 2\r\n"
    reply, subject = world.send("a@fail.test", extra=extra)
    assert reply.code == 250, reply
    got = world.arrived(subject)
    fields = got.fields("Authentication-Results")
    assert len(fields) == 2 and fields[0].startswith("mx.relay.test;") and "spf=fail" in fields[0] and "=pass" not in fields[0]
    assert fields[1] == other.partition(": ")[2]
    assert got.header.endswith(f"X-Before: 1\r\n{other}\r\nX-After: 2"), "the rest is as it was, to the octet"


@pytest.mark.parametrize("how", [
    {"sender": '"a; dkim=pass header.d=bank.test"@fail.test'},
    {"sender": '"a (b\\") ; dmarc=pass header.from=bank.test ("@fail.test'},
    {"sender": "a=pass/dkim=pass/header.d=bank.test@fail.test"},
    {"sender": "", "helo": "[bank.test]"},
    {"sender": "a@fail.test", "author": '"dmarc=pass (x" <"b; dkim=pass"@bank.test>'},
    {"sender": "a@fail.test", "extra": "DKIM-Signature: v=1; a=rsa-sha256; d=fail.test; s=x; i=\"; dkim=pass header.d=bank.test\"@fail.test;\r\n"
                                       "\th=from; bh=AAAA; b=dkim=pass(\r\n"},
], ids=["quoted", "quoted with a comment", "unquoted", "HELO", "author", "signature"])
def test_nobody_can_write_results_of_his_own_into_ours(world, how):
    reply, subject = world.send(**how, good=False)
    if how.get("helo") and not reply.ok:
        return  # it is no name
    assert reply.code == 250, reply
    got = world.arrived(subject)
    said = results(got)
    assert [m for m, r, _ in said if r == "pass"] == [] and len([m for m, _, _ in said if m == "dmarc"]) == 1, said
    assert got.field("Authentication-Results").isascii() and len(got.fields("Authentication-Results")) == 1


def test_a_message_that_is_not_forged_is_not_changed_below_our_fields(world):
    content = message("a@pass.test", "x@tenant.test", "untouched", extra="X-Odd:\tblanks  \r\n  folded \r\n", body="one\r\n..two\r\n\r\n")
    world.send("a@pass.test", content=content)
    got = world.arrived("untouched")
    assert got.data.endswith(content), got.data
    ours = got.data[:-len(content)].decode()
    assert re.fullmatch(r"Authentication-Results: [^\r]*(\r\n[ \t][^\r]*)*\r\nReceived: [^\r]*(\r\n[ \t][^\r]*)*\r\n", ours), ours


def test_signatures_still_hold_when_the_message_has_passed(world):
    _, subject = world.send("a@signed.test", sign=["signed.test"])
    from lab.signing import verify
    got = world.arrived(subject)
    assert verify(got.data, world.dns)


def test_mail_of_a_list_with_its_fields_passes_like_any_other(world):
    extra = "List-Id: <talk.pass.test>\r\nList-Unsubscribe: <mailto:leave@pass.test>\r\nPrecedence: list\r\n"
    _, subject = world.send("talk-bounces+x=tenant.test@pass.test", author="member@none.test", extra=extra)
    event, got = world.event(subject)
    assert event["proof"] == "spf" and got.sender == "talk-bounces+x=tenant.test@pass.test"
    assert got.field("List-Id") == "<talk.pass.test>" and got.fields("X-Auto-Response-Suppress") == []


# ---- who the client is ------------------------------------------------------------------------------------------------------------


def test_a_client_of_ipv6(lab):
    down = lab.sink()
    relay = lab.backstop(address="::1", dns=lab.dns('six.test TXT "v=spf1 ip6:::1 -all"\nfour.test TXT "v=spf1 ip4:127.0.0.0/8 -all"'))
    relay.tenant("acme", "tenant.test", down.endpoint)
    for sender, result in (("a@six.test", "pass"), ("a@four.test", "fail")):
        with Smtp(relay.server) as client:
            assert client.transaction(sender, "x@tenant.test").code == 250
        assert relay.wait_event("message", **{"from": sender})["spf"] == result


def test_behind_a_front_end_the_client_is_who_it_says(lab):
    down, front = lab.sink(), lab.address()
    relay = lab.backstop(dns=lab.dns('pass.test TXT "v=spf1 ip4:192.0.2.9 -all"'), proxy_from=[f"{front}/32"])
    relay.tenant("acme", "tenant.test", down.endpoint)
    for address, result in (("192.0.2.9", "pass"), ("192.0.2.10", "fail")):
        with Smtp(relay.server, preamble=f"PROXY TCP4 {address} 127.0.0.1 40000 25\r\n".encode(), source=front) as client:
            assert client.transaction("a@pass.test", "x@tenant.test").code == 250
        event = relay.wait_event("message", client=address)
        assert (event["spf"], event["proof"]) == (result, "spf" if result == "pass" else "none")


# ---- DSN -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked, verified, told", [
    ("", True, ""),
    ("", False, "NOTIFY=NEVER"),
    ("NOTIFY=FAILURE", True, "NOTIFY=FAILURE"),
    ("NOTIFY=SUCCESS,FAILURE,DELAY", True, "NOTIFY=FAILURE,DELAY"),
    ("NOTIFY=SUCCESS", True, "NOTIFY=NEVER"),
    ("NOTIFY=NEVER", True, "NOTIFY=NEVER"),
    ("NOTIFY=SUCCESS,FAILURE", False, "NOTIFY=NEVER"),
])
def test_what_a_server_that_speaks_dsn_is_told(world, asked, verified, told):
    _, subject = world.send("a@pass.test", good=verified, rcpt=asked)
    got, = world.arrived(subject).rcpt_parameters
    assert sorted(re.split("[=,]", got)) == sorted(re.split("[=,]", told)), got


def test_a_message_proven_only_by_its_signature_is_told_so_although_rcpt_came_before_it(world):
    """At RCPT nothing was proven; the transaction with the tenant's server is begun anew with what is known at the end."""
    _, subject = world.send("a@signed.test", sign=["signed.test"], rcpt="NOTIFY=FAILURE")
    assert world.arrived(subject).rcpt_parameters == ["NOTIFY=FAILURE"]


@pytest.mark.parametrize("good", [True, False], ids=["proven", "unproven"])
def test_a_server_without_dsn_gets_no_parameters_and_strangers_mail_is_still_marked(world, good):
    _, subject = world.send("a@pass.test", good=good, recipient="x@plain.test", rcpt="NOTIFY=FAILURE", mail="ENVID=e1")
    got = world.arrived(subject, world.plain)
    assert got.rcpt_parameters == [""] and "ENVID" not in got.mail_parameters and "RET" not in got.mail_parameters
    assert got.fields("X-Auto-Response-Suppress") == ([] if good else ["All"])


def test_the_envelope_id_is_ours_unless_the_client_gave_one(world):
    _, own = world.send("a@pass.test", mail="ENVID=theirs+2B1")
    assert "ENVID=theirs+2B1" in world.arrived(own).mail_parameters
    _, ours = world.send("a@pass.test")
    event, got = world.event(ours)
    assert f"ENVID={event['id']}" in got.mail_parameters
    assert event["id"] in got.field("Received")


# ---- DMARC ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tenant, author, code, marked, junk", [
    ("enforcing", "ceo@reject.test", 550, None, None),
    ("enforcing", "ceo@quarantine.test", 250, True, True),
    ("enforcing", "ceo@none.test", 250, False, False),
    ("marking", "ceo@reject.test", 250, True, False),
    ("marking", "ceo@quarantine.test", 250, True, False),
    ("ignoring", "ceo@reject.test", 250, False, False),
])
def test_what_the_authors_domain_asks_for_is_done_only_by_tenants_who_say_so(world, tenant, author, code, marked, junk):
    """SPF passes for the return path, but the author is somebody else."""
    sink = getattr(world, tenant)
    reply, subject = world.send("a@pass.test", recipient=f"x@{tenant}.test", author=author)
    assert reply.code == code, reply
    if code == 250:
        event = world.relay.wait_event("message", message_id=world.arrived(subject, sink).field("Message-ID"))
        assert event["dmarc"] == ("none" if "none" in author else "fail")
        got = world.arrived(subject, sink)
        assert got.fields("X-Backstop-DMARC") == (["fail"] if marked else [])
        assert got.fields("X-Spam-Flag") == (["YES"] if junk else [])
    else:
        assert reply.enhanced == "5.7.26" and "reject.test" in reply.text
        assert not [m for m in sink.messages if m.field("Subject") == subject]


def test_an_enforcing_tenant_takes_what_is_aligned(world):
    reply, subject = world.send("a@none.test", recipient="x@enforcing.test", author="ceo@reject.test", sign=["reject.test"])
    assert reply.code == 250 and world.arrived(subject, world.enforcing)


def test_with_prdr_each_tenants_copy_bears_what_it_wants(world):
    with Smtp(world.relay.server, source=world.good) as client:
        client.mail("a@pass.test", "PRDR")
        for tenant in ("enforcing", "marking", "ignoring"):
            assert client.rcpt(f"x@{tenant}.test").code == 250
        client.command("DATA")
        client.send(message("ceo@quarantine.test", subject="to three tenants") + b".\r\n")
        assert [client.reply().code for _ in range(5)] == [353, 250, 250, 250, 250]
    for tenant, marks in (("enforcing", (["fail"], ["YES"])), ("marking", (["fail"], [])), ("ignoring", ([], []))):
        got = world.arrived("to three tenants", getattr(world, tenant))
        assert (got.fields("X-Backstop-DMARC"), got.fields("X-Spam-Flag")) == marks, tenant
        assert got.recipients == [f"x@{tenant}.test"]


def test_with_prdr_one_tenants_dmarc_refusal_is_not_the_others(world):
    with Smtp(world.relay.server, source=world.good) as client:
        assert "PRDR" in client.extensions
        client.mail("a@pass.test", "PRDR")
        for tenant in ("enforcing", "marking"):
            assert client.rcpt(f"x@{tenant}.test").code == 250
        client.command("DATA")
        client.send(message("ceo@reject.test", subject="to two tenants") + b".\r\n")
        assert client.reply().code == 353
        refused, taken, last = client.reply(), client.reply(), client.reply()
    assert (refused.code, refused.enhanced) == (550, "5.7.26"), refused
    assert taken.code == 250 and last.code == 250, (taken, last)
    assert world.arrived("to two tenants", world.marking).recipients == ["x@marking.test"]
    assert not [m for m in world.enforcing.messages if m.field("Subject") == "to two tenants"]


# ---- the server is away -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def away(lab):
    """A relay whose tenant's server does not listen; its list has one user. SPF passes for a@pass.test."""
    good = lab.address()
    down = lab.sink()
    down.pause()
    relay = lab.backstop(dns=lab.dns(ZONE.format(good=good) + key("signed.test").record), retry_schedule=["1s"])
    relay.tenant("acme", "tenant.test", down.endpoint)
    relay.recipients("acme", ["known@tenant.test", "other@tenant.test"])
    relay.lab, relay.down, relay.good = lab, down, good
    return relay


def send(relay, sender, recipients=("known@tenant.test",), subject="while away", content=None, mail="", rcpt=""):
    """The replies to RCPT, and the last one."""
    with Smtp(relay.server, source=relay.good) as client:
        client.mail(sender, mail)
        replies = [client.rcpt(r, rcpt) for r in recipients]
        return replies, client.data(content or message(sender, recipients[0], subject)) if any(r.ok for r in replies) else None


def test_proven_mail_to_a_known_recipient_is_kept_and_delivered_once_when_the_server_is_back(away):
    _, reply = send(away, "a@pass.test", mail="RET=HDRS ENVID=e1", rcpt="NOTIFY=SUCCESS,FAILURE")
    assert reply.code == 250, reply
    assert away.wait_event("message", result="spooled")["proof"] == "spf"
    row, = away.queue()
    assert row["return_path"] == "a@pass.test"
    away.down.resume()
    got = away.down.wait_for()
    away.wait_queue(0)
    assert [m.recipients for m in away.down.messages] == [["known@tenant.test"]]
    assert got.sender == "a@pass.test" and got.rcpt_parameters == ["NOTIFY=FAILURE"]
    assert "ENVID=e1" in got.mail_parameters and "RET=HDRS" in got.mail_parameters
    assert got.header.startswith("Authentication-Results: mx.relay.test;") and "spf=pass" in got.field("Authentication-Results")
    assert got.fields("X-Auto-Response-Suppress") == [] and len(got.fields("Received")) == 1


def test_mail_proven_by_its_signature_is_kept_too(away):
    content = key("signed.test").sign(message("a@signed.test", "known@tenant.test", "signed"))
    _, reply = send(away, "a@signed.test", content=content)
    assert reply.code == 250, reply
    assert away.wait_event("message", result="spooled")["proof"] == "dkim"
    away.down.resume()
    got = away.down.wait_for()
    assert got.data.endswith(content)


@pytest.mark.parametrize("sender", ["a@fail.test", "a@softfail.test", "a@none.test", "a@nothing.test", "a@temperror.test"])
def test_unproven_mail_is_put_off_at_the_end_with_the_reason(away, sender):
    _, reply = send(away, sender)
    assert (reply.code, reply.enhanced) == (451, "4.4.1") and "proves" in reply.text, reply
    assert away.wait_event("message", result="deferred", reason="unproven_sender")["proof"] == "none"
    assert away.queue() == []


def test_a_bounce_is_put_off_at_rcpt(away):
    (reply,), _ = send(away, "")
    assert reply.code == 451, reply
    assert away.queue() == []


def test_recipients_that_are_not_in_the_list_are_refused_and_the_known_one_is_kept(away):
    replies, reply = send(away, "a@pass.test", ["nobody@tenant.test", "known@tenant.test", "other@tenant.test"])
    assert [r.code for r in replies] == [550, 250, 250] and reply.code == 250
    away.down.resume()
    assert away.down.wait_for().recipients == ["known@tenant.test", "other@tenant.test"]
    away.wait_queue(0)
    assert len(away.down.messages) == 1


def test_without_a_list_nothing_is_kept(lab):
    good = lab.address()
    relay = lab.backstop(dns=lab.dns(f'pass.test TXT "v=spf1 ip4:{good} -all"'))
    relay.good = good
    relay.tenant("acme", "tenant.test", f"{lab.address()}:2599")
    (reply,), _ = send(relay, "a@pass.test", ["x@tenant.test"])
    assert (reply.code, reply.enhanced) == (451, "4.4.1")
    assert relay.queue() == []


def test_a_tenant_who_does_not_want_it_has_nothing_kept(away):
    away.cli("tenant", "set", "acme", "--no-spool").ok()
    (reply,), _ = send(away, "a@pass.test")
    assert (reply.code, reply.enhanced) == (451, "4.4.1")
    assert away.queue() == []


def test_mail_that_stays_away_too_long_is_told_to_its_proven_sender_once(lab):
    good, world = lab.address(), lab.sink()
    relay = lab.backstop(dns=lab.dns(f'pass.test TXT "v=spf1 ip4:{good} -all"'), retry_schedule=["1s"], queue_lifetime="3s",
                         delay_notice="0s", routes={"*": world.endpoint})
    relay.good = good
    relay.tenant("acme", "tenant.test", f"{lab.address()}:2599")
    relay.recipients("acme", ["known@tenant.test"])
    assert send(relay, "a@pass.test")[1].code == 250
    got = world.wait_for(timeout=30)
    relay.wait_queue(0)
    assert [m.recipients for m in world.messages] == [["a@pass.test"]] and "connection refused" in got.data.decode()
    assert re.search(r"(?im)^Action: failed\r?$", got.data.decode())


@pytest.mark.parametrize("stage, answer, code", [
    ("greeting", "421 4.3.2 too busy", 250),  # it is away
    ("greeting", Close(), 250),
    ("mail", Close(), 250),
    ("data", Reset(), 250),
    ("mail", "451 4.3.0 not now", 451),  # it is there and says so itself
    ("rcpt", "450 4.2.0 greylisted", 450),
    ("end", "452 4.2.2 full for now", 452),
    ("rcpt", "550 5.7.1 not you", 550),
    ("end", "554 5.7.1 not this", 554),
])
def test_what_a_server_that_is_there_says_is_passed_on_and_only_for_one_that_is_away_mail_is_kept(away, stage, answer, code):
    away.down.script[stage] = answer
    away.down.resume()
    replies, last = send(away, "a@pass.test")
    assert (last or replies[0]).code == code, (replies, last)
    assert len(away.queue()) == (1 if code == 250 else 0)
    away.down.script.clear()
    if code == 250:
        away.down.wait_for()
        away.wait_queue(0)
    assert len([m for m in away.down.messages if m.accepted]) == (1 if code == 250 else 0)


def test_a_large_message_with_forged_results_is_kept_without_them_and_whole(away):
    """Its body is in a file, and its header is written anew."""
    forged = "Authentication-Results: mx.relay.test; dmarc=pass header.from=bank.test\r\n"
    body = "".join(f"line {i} " + "x" * 60 + "\r\n" for i in range(45000))
    content = message("a@pass.test", "known@tenant.test", "large", body=body, extra="X-Before: 1\r\n" + forged + "X-After: 2\r\n")
    assert len(content) > 3 << 20
    assert send(away, "a@pass.test", content=content)[1].code == 250
    away.kill()
    away.start()
    away.down.resume()
    got = away.down.wait_for()
    assert got.data.endswith(content.replace(forged.encode(), b"")) and len(got.fields("Authentication-Results")) == 1
    assert b"bank.test" not in got.data


def test_with_prdr_one_tenants_mail_is_kept_and_the_others_delivered(away):
    other = away.lab.sink()
    away.tenant("other", "other.test", other.endpoint)
    with Smtp(away.server, source=away.good) as client:
        client.mail("a@pass.test", "PRDR")
        assert [client.rcpt(r).code for r in ("known@tenant.test", "x@other.test")] == [250, 250]
        client.command("DATA")
        client.send(message("a@pass.test", subject="to both") + b".\r\n")
        assert [client.reply().code for _ in range(4)] == [353, 250, 250, 250]
    assert other.wait_for().recipients == ["x@other.test"]
    assert len(away.queue()) == 1
    away.down.resume()
    assert away.down.wait_for().recipients == ["known@tenant.test"]
    away.wait_queue(0)
    assert len(away.down.messages) == len(other.messages) == 1


def test_what_was_kept_survives_kill_9_and_arrives_exactly_once(away):
    subjects = [f"kept {i}" for i in range(20)]
    for subject in subjects:
        assert send(away, "a@pass.test", subject=subject)[1].code == 250
    away.kill()
    away.start()
    assert len(away.queue()) == 20
    away.down.resume()
    away.down.wait_for_count(20)
    away.wait_queue(0)
    assert sorted(m.field("Subject") for m in away.down.messages) == sorted(subjects)


def test_what_was_kept_and_fails_for_good_is_told_to_its_proven_sender_once_from_the_bounce_pool(lab):
    good, source, world = lab.address(), lab.address(), lab.sink()
    down = lab.sink(rcpt="550 5.1.1 he left us")
    down.pause()
    relay = lab.backstop(dns=lab.dns(f'pass.test TXT "v=spf1 ip4:{good} -all"'), retry_schedule=["1s"], routes={"*": world.endpoint},
                         pools={"regular": [lab.address()], "bounce": ([source], "bounce.relay.test"), "ndr": [lab.address()]})
    relay.good = good
    relay.tenant("acme", "tenant.test", down.endpoint)
    relay.recipients("acme", ["known@tenant.test"])
    assert send(relay, "a@pass.test", mail="ENVID=e1", rcpt="ORCPT=rfc822;known@tenant.test")[1].code == 250
    down.resume()
    report = world.wait_for()
    relay.wait_queue(0)
    assert len(world.messages) == 1
    assert (report.sender, report.recipients, report.peer[0], report.ehlo) == ("", ["a@pass.test"], source, "bounce.relay.test")
    text = report.data.decode()
    assert "multipart/report" in report.field("Content-Type") and "he left us" in text and "known@tenant.test" in text
    assert re.search(r"(?im)^Original-Envelope-Id: e1\r?$", text) and "while away" in text and "Hi." not in text


def test_a_sender_who_does_not_want_to_know_is_not_told(lab):
    good, world = lab.address(), lab.sink()
    down = lab.sink(rcpt="550 5.1.1 he left us")
    down.pause()
    relay = lab.backstop(dns=lab.dns(f'pass.test TXT "v=spf1 ip4:{good} -all"'), retry_schedule=["1s"], routes={"*": world.endpoint})
    relay.good = good
    relay.tenant("acme", "tenant.test", down.endpoint)
    relay.recipients("acme", ["known@tenant.test"])
    assert send(relay, "a@pass.test", rcpt="NOTIFY=NEVER")[1].code == 250
    down.resume()
    relay.wait_event("delivery", result="failed")
    relay.wait_queue(0)
    assert world.connections == []


# ---- containment ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def contained(labs):
    lab = labs()
    good, down, world = lab.address(), lab.sink(), lab.sink()
    relay = lab.backstop(dns=lab.dns(ZONE.format(good=good) + key("signed.test").record), return_path_domain="returns.relay.test",
                         routes={"*": world.endpoint})
    relay.lab, relay.good, relay.down, relay.world, relay.source = lab, good, down, world, lab.address()
    relay.tenant("acme", "tenant.test", down.endpoint, [f"{relay.source}/32"], "--contain")
    return relay


def contain(relay, sender, subject):
    send(relay, sender, ["x@tenant.test"], subject)
    return relay.down.wait_for(lambda m: m.field("Subject") == subject).sender


def test_only_unproven_return_paths_are_contained(contained):
    assert contain(contained, "a@pass.test", "proven") == "a@pass.test"
    assert contain(contained, "", "null") == ""
    path = contain(contained, "Unproven@fail.test", "unproven")
    assert re.fullmatch(r"SRS0=[A-Za-z0-9+/]{4}=[A-Z2-7]{2}=fail\.test=Unproven@returns\.relay\.test", path), path
    row, = wait_until(lambda: contained.cli("ledger", "--return-path", path, "--json").rows, 10, "the ledger's entry")
    assert (row["return_path"], row["handed_on"], row["proof"]) == ("Unproven@fail.test", path, "none")


@pytest.mark.parametrize("by", ["the tenant", "a stranger"])
@pytest.mark.parametrize("change", [str, str.lower, str.upper], ids=["as given", "lower case", "upper case"])
def test_what_comes_to_a_contained_return_path_is_held_and_goes_nowhere(contained, by, change):
    victim = f"victim-{by[-3:]}-{change.__name__}@fail.test"
    path = contain(contained, victim, f"for {victim}")
    with Smtp(contained.server, source=contained.source if by == "the tenant" else None) as client:
        reply = client.transaction("", change(path), message("MAILER-DAEMON@tenant.test", path, "Undelivered"))
    assert reply.code == 250 and "held as" in reply.text, reply
    row, = [r for r in contained.cli("held", "list", "--tenant", "acme", "--json").ok().rows if r["to"][0].lower() == victim.lower()]
    assert row["answer"] and "contained" in row["reason"] and row["expires"]
    assert re.search(r"\[(ndr|autoreply|other)[^]]*; ledger=\w+ \(", row["reason"]), row["reason"]
    assert contained.cli("held", "release", row["id"]).code == 1, "an answer to a stranger is not let go"
    assert contained.cli("held", "list", "--json").ok().rows.count(row) == 1
    assert contained.world.connections == []


def test_a_contained_return_path_that_is_not_ours_is_refused(contained):
    path = contain(contained, "victim@fail.test", "to be changed")
    other = path.replace("fail.test=victim", "none.test=victim")
    for source in (None, contained.source):
        for bad in (other, "SRS0=AAAA=AA=fail.test=victim@returns.relay.test"):
            with Smtp(contained.server, source=source) as client:
                client.mail("")
                assert client.rcpt(bad).code == 550, bad
    with Smtp(contained.server) as client:
        client.mail("")
        assert client.rcpt("anybody@returns.relay.test").code == 550


def test_an_automatic_reply_with_a_sender_is_held_too_and_comes_alone(contained):
    path = contain(contained, "replied@fail.test", "for a robot")
    with Smtp(contained.server, source=contained.source) as client:
        client.mail("robot@tenant.test")
        assert client.rcpt(path).code == 250
        reply = client.rcpt("friend@world.test")
        assert (reply.code, reply.enhanced) == (452, "4.5.3"), "what is held goes nowhere, so nothing else may be in it"
        assert "held as" in client.data(message("robot@tenant.test", path, "Away")).text
        client.mail("robot@tenant.test")
        assert client.rcpt("friend@world.test").code == 250
        assert client.rcpt(path).code == 452
    assert [r["from"] for r in contained.cli("held", "list", "--json").ok().rows if r["to"] == ["replied@fail.test"]] == ["robot@tenant.test"]
    assert contained.world.connections == []


def test_mail_that_its_signature_proves_is_not_contained_in_the_end(contained):
    """At RCPT nothing was proven and the server got a return path of ours; it is taken back."""
    content = key("signed.test").sign(message("a@signed.test", "x@tenant.test", "signed at last"))
    send(contained, "a@signed.test", ["x@tenant.test"], content=content)
    assert contained.down.wait_for(lambda m: m.field("Subject") == "signed at last").sender == "a@signed.test"


def test_a_contained_return_path_too_long_for_others_is_named_by_number(contained):
    path = contain(contained, "v" * 60 + "@fail.test", "long")
    assert len(path.partition("@")[0]) <= 64 and path.endswith("@returns.relay.test"), path
    with Smtp(contained.server, source=contained.source) as client:
        assert client.transaction("", path, message("MAILER-DAEMON@tenant.test", path)).code == 250
    assert contained.world.connections == []


# ---- answers of a tenant's server ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answering(labs):
    lab = labs()
    good, down, world = lab.address(), lab.sink(extensions=["PIPELINING"]), lab.sink()
    pools = {name: ([lab.address()], f"{name}.relay.test") for name in ("regular", "bounce", "ndr")}
    relay = lab.backstop(dns=lab.dns(ZONE.format(good=good)), routes={"*": world.endpoint}, pools=pools)
    relay.lab, relay.good, relay.down, relay.world, relay.source = lab, good, down, world, lab.address()
    relay.tenant("acme", "tenant.test", down.endpoint, [f"{relay.source}/32"])
    relay.other, relay.other_source = lab.sink(), lab.address()
    relay.tenant("other", "other.test", relay.other.endpoint, [f"{relay.other_source}/32"])
    return relay


def bounce_of(message_id, to):
    about = f"Message-ID: {message_id}\r\n" if message_id else ""
    return (f"From: MAILER-DAEMON@tenant.test\r\nTo: <{to}>\r\nSubject: Undelivered {to}\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\nAuto-Submitted: auto-replied\r\n\r\n'
            "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
            "Reporting-MTA: dns; tenant.test\r\n\r\nFinal-Recipient: rfc822; x@tenant.test\r\nAction: failed\r\nStatus: 5.2.2\r\n\r\n"
            f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: {to}\r\n{about}\r\n--b--\r\n").encode()


def receive(relay, sender, message_id, good=True):
    with Smtp(relay.server, source=relay.good if good else None) as client:
        reply = client.transaction(sender, "x@tenant.test", message(sender, "x@tenant.test", message_id=message_id))
        assert reply.code == 250, reply


def answer(relay, to, message_id=None, sender="", content=None):
    with Smtp(relay.server, source=relay.source) as client:
        reply = client.transaction(sender, to, content or bounce_of(message_id, to))
        assert reply.code == 250, reply
        return reply


def held_for(relay, to):
    return [row for row in relay.cli("held", "list", "--json").ok().rows if to in row["to"]]


def test_a_bounce_about_proven_mail_leaves_by_the_bounce_pool(answering):
    receive(answering, "proven@pass.test", "<proven@client.test>")
    answer(answering, "proven@pass.test", "<proven@client.test>")
    got = answering.world.wait_for(lambda m: m.recipients == ["proven@pass.test"])
    assert got.ehlo == "bounce.relay.test"


def test_a_bounce_about_unproven_mail_is_held(answering):
    receive(answering, "forged@pass.test", "<forged@client.test>", good=False)
    assert "held as" in answer(answering, "forged@pass.test", "<forged@client.test>").text
    row, = held_for(answering, "forged@pass.test")
    assert "backscatter" in row["reason"] and row["answer"]
    assert "[ndr, failed; ledger=against (" in row["reason"], row["reason"]
    assert not [m for m in answering.world.messages if m.recipients == ["forged@pass.test"]]


def test_a_bounce_about_mail_that_nobody_saw_leaves_by_the_ndr_pool(answering):
    answer(answering, "unheard@elsewhere.test", "<unheard@client.test>")
    got = answering.world.wait_for(lambda m: m.recipients == ["unheard@elsewhere.test"])
    assert got.ehlo == "ndr.relay.test"


def test_one_address_that_sends_and_is_forged_too_hears_of_its_own_mail_only(answering):
    victim = "both@pass.test"
    receive(answering, victim, "<own@client.test>")
    receive(answering, victim, "<forgery@client.test>", good=False)
    answer(answering, victim, "<forgery@client.test>")
    answer(answering, victim, None)  # nothing tells which it is about
    answer(answering, victim, "<own@client.test>")
    got = answering.world.wait_for(lambda m: m.recipients == [victim])
    answering.wait_event("answer", to=victim, verdict="genuine")
    assert "<own@client.test>" in got.data.decode() and len(held_for(answering, victim)) == 2
    assert len([m for m in answering.world.messages if m.recipients == [victim]]) == 1


def test_a_bounce_that_does_not_say_about_what_is_judged_by_all_that_came_from_there(answering):
    receive(answering, "always-proven@pass.test", "<ap@client.test>")
    receive(answering, "never-proven@pass.test", "<np@client.test>", good=False)
    for victim in ("always-proven@pass.test", "never-proven@pass.test"):
        answer(answering, victim, None)
    assert answering.world.wait_for(lambda m: m.recipients == ["always-proven@pass.test"]).ehlo == "bounce.relay.test"
    assert len(held_for(answering, "never-proven@pass.test")) == 1


def test_what_the_ledger_knows_survives_kill_9(answering):
    for sender, good in (("before-proven@pass.test", True), ("before-forged@pass.test", False)):
        receive(answering, sender, f"<{sender}>", good)
        wait_until(lambda: ledger(answering, f"<{sender}>"), 10, "the ledger's entry")
    answering.kill()
    answering.start()
    for sender in ("before-proven@pass.test", "before-forged@pass.test"):
        answer(answering, sender, f"<{sender}>")
    assert answering.world.wait_for(lambda m: m.recipients == ["before-proven@pass.test"]).ehlo == "bounce.relay.test"
    assert len(held_for(answering, "before-forged@pass.test")) == 1


def test_a_forger_who_knows_a_message_id_does_not_get_a_bounce_through(answering):
    receive(answering, "known-id@pass.test", "<seen@client.test>")
    receive(answering, "known-id@pass.test", "<seen@client.test>", good=False)
    answer(answering, "known-id@pass.test", "<seen@client.test>")
    assert len(held_for(answering, "known-id@pass.test")) == 1


FORGERIES = {  # name: (the forger's header beyond From and To, what comes behind it in the returned message)
    "no-id": ("", "\r\nMessage-ID: {known}\r\n"),
    "odd-id": ("Message-ID : <odd@forger.test>\r\n", "\r\nMessage-ID: {known}\r\n"),
    "folded-id": ("Message-ID:\r\n \r\n <folded@forger.test>\r\n", "\r\nMessage-ID: {known}\r\n"),
    "hidden-id": ("X-Before: a\r\n Message-ID: {known}\r\nMessage-ID: <hidden@forger.test>\r\n", ""),
    "many-ids": ("X-Before: a\r\n" + " Message-ID: {known}\r\n" * 40 + "Message-ID: <many@forger.test>\r\n", ""),
    "late-id": ("X-Before: a\r\n Message-ID: {known}\r\n" + "X-Long: y\r\n" * 20000 + "Message-ID: <late@forger.test>\r\n", ""),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forger_who_names_a_proven_message_in_his_own_words_does_not_get_a_bounce_through(answering, name):
    """The victim did write to the tenant, and the forger knows the Message-ID."""
    victim, known = f"{name}@pass.test", f"<known-{name}@client.test>"
    receive(answering, victim, known)
    own, behind = (text.format(known=known) for text in FORGERIES[name])
    with Smtp(answering.server) as client:
        content = f"From: {victim}\r\nTo: x@tenant.test\r\n{own}\r\nHi.\r\n".encode()
        assert client.transaction(victim, "x@tenant.test", content).code == 250
    answer(answering, victim, content=bounce_of(None, victim).replace(f"From: {victim}\r\n\r\n".encode(),
                                                                      f"From: {victim}\r\n{own}{behind}\r\n".encode()))
    assert len(held_for(answering, victim)) == 1
    answer(answering, victim, known)
    if name == "no-id":  # then nothing tells the one from the other
        assert len(held_for(answering, victim)) == 2
        return
    got = answering.world.wait_for(lambda m: m.recipients == [victim])
    assert len(held_for(answering, victim)) == 1 and known in got.data.decode() and b"forger.test" not in got.data


def test_a_vacation_message_with_a_sender_is_judged_like_a_bounce(answering):
    receive(answering, "away-forged@pass.test", "<v1@client.test>", good=False)
    receive(answering, "away-proven@pass.test", "<v2@client.test>")
    for to, about in (("away-forged@pass.test", "<v1@client.test>"), ("away-proven@pass.test", "<v2@client.test>")):
        extra = f"Auto-Submitted: auto-replied (vacation)\r\nIn-Reply-To: {about}\r\n"
        answer(answering, to, sender="user@tenant.test", content=message("user@tenant.test", to, "Away", extra=extra))
    answering.world.wait_for(lambda m: m.recipients == ["away-proven@pass.test"])
    assert len(held_for(answering, "away-forged@pass.test")) == 1 and not held_for(answering, "away-proven@pass.test")
    assert not [m for m in answering.world.messages if m.recipients == ["away-forged@pass.test"]]


def test_another_tenant_who_was_forged_hears_nothing_either(answering):
    """And one who did write is told: he proved himself by his own server."""
    receive(answering, "forged@other.test", "<o1@client.test>", good=False)
    answer(answering, "forged@other.test", "<o1@client.test>")
    row, = held_for(answering, "forged@other.test")
    assert row["tenant"] == "acme" and "backscatter" in row["reason"]
    receive(answering, "writer@other.test", "<o2@client.test>", good=False)  # he was forged, too
    with Smtp(answering.server, source=answering.other_source) as client:
        content = message("writer@other.test", "x@tenant.test", message_id="<o3@client.test>")
        assert client.transaction("writer@other.test", "x@tenant.test", content).code == 250
    answering.down.wait_for(lambda m: m.field("Message-ID") == "<o3@client.test>")
    answer(answering, "writer@other.test", "<o2@client.test>")
    answer(answering, "writer@other.test", "<o3@client.test>")
    assert "<o3@client.test>" in answering.other.wait_for().data.decode()
    assert len(held_for(answering, "writer@other.test")) == 1
    assert [m.recipients for m in answering.other.messages] == [["writer@other.test"]]


def test_a_tenants_own_users_who_were_forged_hear_nothing_either(answering):
    receive(answering, "colleague@tenant.test", "<c1@client.test>", good=False)
    answer(answering, "colleague@tenant.test", "<c1@client.test>")
    assert len(held_for(answering, "colleague@tenant.test")) == 1


def test_a_bounce_with_its_original_in_the_text_is_about_it_and_the_log_tells_what_was_seen(answering):
    receive(answering, "quoted@pass.test", "<q1@client.test>")
    original = answering.down.wait_for(lambda m: m.field("Message-ID") == "<q1@client.test>").header
    words = ("From: MAILER-DAEMON@tenant.test\r\nTo: quoted@pass.test\r\nSubject: failure notice\r\n\r\n<x@tenant.test>:\r\n"
             f"No such user.\r\n\r\n--- Below this line is a copy of the message.\r\n\r\n{original}\r\n\r\nHello.\r\n")
    answer(answering, "quoted@pass.test", content=words.encode())
    assert answering.world.wait_for(lambda m: m.recipients == ["quoted@pass.test"]).ehlo == "bounce.relay.test"
    event = answering.wait_event("answer", to="quoted@pass.test")
    assert event["verdict"] == "genuine" and "ledger=for" in event["evidence"], event
    assert "received=silent (it stands where the author of the original may have put it" in event["evidence"], event


@pytest.mark.parametrize("good", [True, False], ids=["proven", "forged"])
def test_a_bounce_without_its_original_is_about_the_message_of_its_envelope_id(answering, good):
    sender, message_id = f"envid-{good}@pass.test".lower(), f"<e{good}@client.test>"
    receive(answering, sender, message_id, good=good)
    received = answering.down.wait_for(lambda m: m.field("Message-ID") == message_id).field("Received")
    envelope_id = re.search(r"id (\w{13})", received).group(1)
    content = bounce_of(None, sender).decode().partition("--b\r\nContent-Type: text/rfc822-headers")[0] + "--b--\r\n"
    content = content.replace("Reporting-MTA:", f"Original-Envelope-Id: {envelope_id}\r\nReporting-MTA:")
    answer(answering, sender, content=content.encode())
    event = answering.wait_event("answer", to=sender)
    assert event["verdict"] == ("genuine" if good else "backscatter") and event["about"] == envelope_id, event


def test_an_automatic_reply_to_another_address_than_the_return_path_is_held(answering):
    """Who is named in From or Reply-To proved nothing: the spammer has a domain of his own that passes."""
    receive(answering, "spammer@pass.test", "<r1@client.test>")
    extra = "Auto-Submitted: auto-replied\r\nIn-Reply-To: <r1@client.test>\r\n"
    content = message("user@tenant.test", "victim@elsewhere.test", "Away", extra=extra)
    answer(answering, "victim@elsewhere.test", sender="user@tenant.test", content=content)
    assert len(held_for(answering, "victim@elsewhere.test")) == 1


def test_a_message_id_that_the_forger_has_quoted_in_his_text_proves_nothing(answering):
    """He knows the Message-ID of a message that his victim did send, and writes it into a message that an autoresponder quotes."""
    victim = "quoting@pass.test"
    receive(answering, victim, "<own-quoted@client.test>")
    receive(answering, victim, "<forged-quoted@client.test>", good=False)
    quoted = "Away.\r\n\r\n> From: quoting@pass.test\r\n> Date: today\r\n> Message-ID: <own-quoted@client.test>\r\n"
    content = message("user@tenant.test", victim, "Away", quoted, extra="Auto-Submitted: auto-replied\r\n")
    answer(answering, victim, sender="user@tenant.test", content=content)
    assert len(held_for(answering, victim)) == 1


def test_ordinary_mail_to_a_forged_address_leaves(answering):
    """Only answers are held: a person may write to whomever he likes."""
    receive(answering, "person@pass.test", "<p@client.test>", good=False)
    answer(answering, "person@pass.test", sender="user@tenant.test", content=message("user@tenant.test", "person@pass.test", "Dear Sir"))
    got = answering.world.wait_for(lambda m: m.recipients == ["person@pass.test"])
    assert got.ehlo == "regular.relay.test"


def test_held_answers_survive_a_restart_and_can_be_dropped(answering):
    receive(answering, "kept@pass.test", "<kept@client.test>", good=False)
    answer(answering, "kept@pass.test", "<kept@client.test>")
    row, = held_for(answering, "kept@pass.test")
    answering.kill()
    answering.start()
    assert held_for(answering, "kept@pass.test") == [row]
    answering.cli("held", "drop", row["id"]).ok()
    assert held_for(answering, "kept@pass.test") == []
    assert not [m for m in answering.world.messages if m.recipients == ["kept@pass.test"]]
