# SPDX-License-Identifier: Apache-2.0
"""backstop explain: bounces as files and on standard input, with a DNS server that answers for the lists."""
import json
import subprocess
import time

import pytest
from lab.backstop import program

ZONE = """
7.100.51.198.zen.spamhaus.org A 127.0.0.4
7.100.51.198.ips.backscatterer.org A 127.0.0.2
"""
CONTRACT = ["class", "recipient", "status", "reply", "cause", "blocklist", "stage", "who_acts", "advice", "links", "confidence",
            "original"]


def bounce(diagnostic, command="RCPT TO", action="failed", status="5.7.1", original="From: Ann <ann@sender.example>\n"):
    return f"""Return-Path: <>
From: MAILER-DAEMON@mx.sender.example (Mail Delivery System)
To: ann@sender.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="AAAA/mx.sender.example"

This is a MIME-encapsulated message.

--AAAA/mx.sender.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.sender.example.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

<joe@rcpt.example>: host mx1.rcpt.example[203.0.113.5] said: {diagnostic} (in reply to
    {command} command)

--AAAA/mx.sender.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.sender.example
Arrival-Date: Tue,  3 Jun 2025 10:00:00 +0000 (UTC)

Final-Recipient: rfc822; joe@rcpt.example
Original-Recipient: rfc822;joe@rcpt.example
Action: {action}
Status: {status}
Remote-MTA: dns; mx1.rcpt.example
Diagnostic-Code: smtp; {diagnostic}

--AAAA/mx.sender.example
Content-Description: Undelivered Message
Content-Type: message/rfc822

{original}To: joe@rcpt.example
Subject: Tuesday
Date: Tue, 3 Jun 2025 09:59:59 +0000
Message-ID: <tuesday.1@sender.example>

See you on Tuesday.

--AAAA/mx.sender.example--
"""


@pytest.fixture
def explain(lab, tmp_path):
    server = lab.dns(ZONE)

    def run(message, *words, stdin=False):
        path = tmp_path / "bounce.eml"
        path.write_text(message, encoding="utf-8")
        command = [program(), "explain", "--resolver", server.endpoint, *words, "-" if stdin else str(path)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, input=message if stdin else None)
    run.server = server
    return run


def answer(explain, message, code=0, **options):
    result = explain(message, "--json", **options)
    assert result.returncode == code and not result.stderr, result.stderr
    said = json.loads(result.stdout)
    assert list(said)[:len(CONTRACT)] == CONTRACT
    return said


def test_a_blocklist_is_named_and_asked(explain):
    said = answer(explain, bounce("554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked using zen.spamhaus.org"))
    assert (said["class"], said["recipient"], said["status"]) == ("ndr", "joe@rcpt.example", "5.7.1")
    assert (said["cause"], said["stage"], said["who_acts"]) == ("blocklist", "rcpt", "sender_admin")
    assert said["blocklist"] == {"name": "Spamhaus ZEN", "zone": "zen.spamhaus.org", "address": "198.51.100.7",
                                 "url": "https://check.spamhaus.org/listed/?searchterm=198.51.100.7", "listed": True}
    assert said["links"][0] == said["blocklist"]["url"] and said["confidence"] > 0.9
    assert said["original"] == {"message_id": "<tuesday.1@sender.example>", "subject": "Tuesday",
                                "date": "Tue, 3 Jun 2025 09:59:59 +0000"}
    assert said["refused_by"] == "mx1.rcpt.example" and said["reported_by"] == "mx.sender.example"
    assert "backscatterer.org too, but that is not the cause" in said["note"]


def test_a_listing_that_has_ended(explain):
    said = answer(explain, bounce("554 5.7.1 Client host [198.51.100.9] blocked using zen.spamhaus.org"))
    assert said["blocklist"]["listed"] is False and said["note"] is None


@pytest.mark.parametrize("state", ["SERVFAIL", "TIMEOUT", "A 127.255.255.254", "A 127.0.0.1"])
def test_a_list_that_gives_no_answer(explain, state):
    explain.server.add(f"1.2.0.192.bl.spamcop.net {state}\n")
    said = answer(explain, bounce("550 5.7.1 192.0.2.1 blocked using bl.spamcop.net"))
    assert said["blocklist"]["listed"] is None and said["blocklist"]["name"] == "SpamCop"


def test_nobody_is_asked_with_local(explain):
    message = bounce("554 5.7.1 Client host [198.51.100.7] blocked using zen.spamhaus.org")
    before = len(explain.server.questions)
    command = [program(), "explain", "--local", "--resolver", explain.server.endpoint, "-"]
    result = subprocess.run(command + ["--json"], capture_output=True, text=True, timeout=60, input=message)
    assert json.loads(result.stdout)["blocklist"]["listed"] is None and len(explain.server.questions) == before
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, input=message)
    assert "was not asked" in " ".join(result.stdout.split()) and len(explain.server.questions) == before
    assert "198.51.100.7, listed now" in " ".join(explain(message).stdout.split())


def test_when_dns_is_away_the_other_files_do_not_wait_for_it(explain, tmp_path):
    for i in range(6):
        explain.server.add(f"{i}.2.0.192.zen.spamhaus.org TIMEOUT\n")
        (tmp_path / str(i)).write_text(bounce(f"554 5.7.1 Client host [192.0.2.{i}] blocked using zen.spamhaus.org"))
    began = time.monotonic()
    result = subprocess.run([program(), "explain", "--json", "--resolver", explain.server.endpoint, *map(str, range(6))],
                            capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert time.monotonic() - began < 12
    assert [json.loads(line)["blocklist"]["listed"] for line in result.stdout.splitlines()] == [None] * 6


def test_a_closed_list_is_not_asked(explain):
    message = bounce("554 5.7.1 Client host [198.51.100.7] blocked using dnsbl.sorbs.net")
    said = answer(explain, message)
    assert said["blocklist"]["listed"] is None and said["who_acts"] == "recipient_admin" and "2024" in said["means"]
    assert said["blocklist"]["closed"] == "2024-06" and "nobody keeps this list" in " ".join(explain(message).stdout.split())
    assert not explain.server.asked("7.100.51.198.dnsbl.sorbs.net", "A")


def test_a_list_of_backscatterers_is_no_reason_to_refuse_ordinary_mail(explain):
    refusal = "554 5.7.1 Client host [198.51.100.7] blocked using ips.backscatterer.org"
    said = answer(explain, bounce(refusal))
    assert said["who_acts"] == "recipient_admin" and "no sound reason" in said["note"]
    said = answer(explain, bounce(refusal, original="Return-Path: <>\nFrom: MAILER-DAEMON@sender.example\n"))
    assert said["who_acts"] == "sender_admin" and said["note"] is None


@pytest.mark.parametrize("diagnostic, command, cause, stage, who", [
    ("550 5.1.1 <joe@rcpt.example>: Recipient address rejected: User unknown", "RCPT TO", "mailbox_unknown", "rcpt", "sender"),
    ("552 5.2.2 <joe@rcpt.example>: user is over quota", "RCPT TO", "mailbox_full", "rcpt", "recipient_admin"),
    ("554 5.7.1 Spam message rejected", "end of DATA", "content", "data", "sender"),
    ("550 5.7.1 rejected by DMARC policy for sender.example", "end of DATA", "authentication", "data", "sender_admin"),
    ("554 5.7.1 <joe@rcpt.example>: Relay access denied", "RCPT TO", "relay_denied", "rcpt", "recipient_admin"),
    ("450 4.7.1 Client host rejected: cannot find your hostname, [198.51.100.7]", "RCPT TO", "authentication", "rcpt",
     "sender_admin"),
    ("554 5.4.6 Too many hops", "end of DATA", "loop", "data", "recipient_admin"),
    ("530 5.7.0 Must issue a STARTTLS command first", "MAIL FROM", "tls", "mail", "sender_admin"),
    ("554 5.7.1 Message refused by policy", "end of DATA", "policy", "data", "recipient_admin"),
])
def test_causes(explain, diagnostic, command, cause, stage, who):
    said = answer(explain, bounce(diagnostic, command))
    assert (said["cause"], said["stage"], said["who_acts"]) == (cause, stage, who)
    assert said["blocklist"] is None and said["advice"]


def test_a_delay_needs_nobody(explain):
    message = bounce("450 4.2.0 Greylisted, see http://postgrey.schweikert.ch/", action="delayed", status="4.2.0")
    said = answer(explain, message.replace("Undelivered Mail Returned to Sender", "Delayed Mail (still being retried)"))
    assert (said["cause"], said["who_acts"], said["delayed"]) == ("greylisting", "nobody", True)


def test_a_report_of_success_explains_nothing(explain):
    message = bounce("250 2.0.0 Ok", action="delivered", status="2.0.0").replace("could not", "was told to")
    said = answer(explain, message.replace("Undelivered Mail Returned to Sender", "Successful Mail Delivery Report"))
    assert (said["class"], said["cause"], said["blocklist"], said["refused_by"]) == ("ndr", None, None, None)
    assert said["who_acts"] == "nobody"


def test_what_is_no_bounce_is_said_to_be_none(explain):
    said = answer(explain, "From: joe@rcpt.example\nTo: ann@sender.example\nSubject: Tuesday\n\nSee you.\n", code=1)
    assert said["class"] == "other" and all(said[name] is None for name in CONTRACT[1:9])
    assert said["links"] == [] and 0.5 < said["confidence"] <= 1
    assert said["original"] == {"message_id": None, "subject": None, "date": None}


def test_each_of_several_recipients_is_told(explain):
    message = bounce("552 5.2.2 <joe@rcpt.example>: Mailbox full").replace("""

--AAAA/mx.sender.example
Content-Description: Undelivered Message""", """

Final-Recipient: rfc822; bob@rcpt.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx1.rcpt.example
Diagnostic-Code: smtp; 550 5.1.1 <bob@rcpt.example>: User unknown

--AAAA/mx.sender.example
Content-Description: Undelivered Message""")
    said = answer(explain, message)
    assert said["recipient"] == "joe@rcpt.example" and said["cause"] == "mailbox_full"
    assert [(r["recipient"], r["action"], r["cause"], r["status"]) for r in said["recipients"]] == [
        ("joe@rcpt.example", "failed", "mailbox_full", "5.2.2"), ("bob@rcpt.example", "failed", "mailbox_unknown", "5.1.1")]
    assert "  also:        bob@rcpt.example: the address does not exist\n" in explain(message).stdout
    assert "recipients" not in answer(explain, bounce("550 5.1.1 no such user"))


def test_a_bounce_that_somebody_sends_on_is_explained(explain):
    attached = """From: Bob <bob@sender.example>
To: postmaster@sender.example
Subject: Fwd: what is this?
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer

Why does it come back? Bob

--outer
Content-Type: message/rfc822

""" + bounce("550 5.1.1 <joe@rcpt.example>: User unknown") + "\n--outer--\n"
    said = answer(explain, attached)
    assert (said["class"], said["forwarded"], said["recipient"]) == ("other", True, "joe@rcpt.example")
    assert said["cause"] == "mailbox_unknown" and said["original"]["message_id"] == "<tuesday.1@sender.example>"
    assert "a bounce in a message" in explain(attached).stdout


def test_a_message_that_was_forwarded(explain):
    message = bounce("550-5.7.26 SPF check failed 550 5.7.26 for sender.example", "end of DATA", status="5.7.26")
    message = message.replace("rfc822;joe@rcpt.example", "rfc822;joe@club.example")
    said = answer(explain, message)
    assert (said["recipient"], said["written_to"]) == ("joe@rcpt.example", "joe@club.example")
    assert (said["cause"], said["who_acts"]) == ("authentication", "recipient_admin") and "SRS" in said["advice"]
    text = " ".join(explain(message).stdout.split())
    assert "written to joe@club.example; from there it was sent on to joe@rcpt.example" in text
    assert "reply: 550-5.7.26 SPF check failed for sender.example" in text


def test_a_server_that_was_not_reached_did_not_refuse(explain):
    message = bounce("x").replace("said: x (in reply to\n    RCPT TO command)", "did not respond")
    message = message.replace("Diagnostic-Code: smtp; x", "Diagnostic-Code: X-Postfix; Connection timed out").replace("5.7.1", "4.4.1")
    said = answer(explain, message)
    assert (said["cause"], said["who_acts"]) == ("unreachable", "recipient_admin")
    assert "  not reached: mx1.rcpt.example" in explain(message).stdout


def test_a_link_in_the_message_is_not_the_server(explain):
    explain.server.add("bad.example.multi.uribl.com A 127.0.0.2\n")
    message = bounce("550 5.7.1 The message has a link to bad.example, which is listed in multi.uribl.com", "end of DATA")
    said = answer(explain, message)
    assert said["blocklist"]["address"] == "bad.example" and said["blocklist"]["listed"] and said["who_acts"] == "sender"
    assert explain(message).stdout.splitlines()[0].endswith("a link in the message leads to a domain on a blocklist")


def test_standard_input_and_words_for_a_person(explain):
    result = explain(bounce("552 5.3.4 Message size exceeds fixed limit", "MAIL FROM"), stdin=True)
    assert result.returncode == 0 and not result.stderr
    assert result.stdout.startswith("-: the message is too big\n")
    for words in ("joe@rcpt.example", "mx1.rcpt.example", "MAIL FROM", "smaller attachments", "the person who wrote the message"):
        assert words in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_what_a_stranger_writes_does_not_reach_the_terminal(explain):
    result = explain(bounce("550 5.1.1 \x1b[31mno such user\x07"))
    assert result.returncode == 0 and "\x1b" not in result.stdout and "\x07" not in result.stdout


def test_another_knowledge(explain, tmp_path):
    knowledge = tmp_path / "knowledge.txt"
    entry = """format: 1
entry mine
kind: provider
name: Mine
cause: rate
match: "slow please"
means: It is too much.
advice: Wait.
sample: 450 4.7.1 slow please
"""
    knowledge.write_text(entry)
    result = explain(bounce("450 4.7.1 Slow  please"), "--json", "--knowledge", str(knowledge))
    assert json.loads(result.stdout)["cause"] == "rate"
    knowledge.write_text(entry + "sample: 450 4.7.1 go away\n")
    result = explain(bounce("450 4.7.1 Slow please"), "--knowledge", str(knowledge))
    assert result.returncode == 3 and "line 10: the sample is not explained by mine" in result.stderr
    knowledge.write_text(entry + "color: red\n")
    result = explain(bounce("450 4.7.1 Slow please"), "--knowledge", str(knowledge))
    assert result.returncode == 3 and "line 10: unknown field" in result.stderr


def test_a_batch(explain, tmp_path):
    (tmp_path / "one.eml").write_text(bounce("550 5.1.1 no such user"))
    lines = [{"id": 1, "file": str(tmp_path / "one.eml")}, {"id": 2, "file": str(tmp_path / "none.eml")}]
    result = subprocess.run([program(), "explain", "--batch", "--json", "--local"], input="".join(json.dumps(line) + "\n" for line in lines),
                            capture_output=True, text=True, timeout=60)
    said = {line["id"]: line for line in map(json.loads, result.stdout.splitlines())}
    assert result.returncode == 0 and "forwarded" not in said[1] and said[1]["cause"] == "mailbox_unknown" and "error" in said[2]


def test_usage(explain):
    assert subprocess.run([program(), "explain"], capture_output=True, timeout=60).returncode == 2
    assert subprocess.run([program(), "explain", "/nonexistent"], capture_output=True, timeout=60).returncode == 3
