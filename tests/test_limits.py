# SPDX-License-Identifier: Apache-2.0
"""Every limit and its reply; hostile, endless, binary, half-sent and slow input; and what happens when the machine runs short."""
import contextlib
import os
import random
import re
import resource
import socket
import subprocess
import time

import pytest
from lab import Smtp, SmtpError, wait_until
from lab.smtp import message


def make(lab, sink=None, **settings):
    sink = sink or lab.sink()
    relay = lab.backstop(**settings)
    relay.tenant("acme", "tenant.test", sink.endpoint)
    relay.sink = sink
    return relay


def serves(relay, source=None):
    """An ordinary client is served within ordinary time."""
    with Smtp(relay.server, source=source, timeout=10) as client:
        assert client.transaction("a@world.test", "x@tenant.test").code == 250


# ---- lines and commands ----------------------------------------------------------------------------------------------------------


def test_a_command_line_that_is_too_long_is_refused_and_the_session_goes_on(lab):
    relay = make(lab)
    with Smtp(relay.server) as client:
        reply = client.command("NOOP " + "x" * 4000)
        assert (reply.code, reply.enhanced) == (500, "5.5.2")
        assert client.command("NOOP").code == 250


def test_a_line_without_an_end_does_not_take_memory(lab):
    relay = make(lab)
    with Smtp(relay.server) as client:
        try:
            for _ in range(400):
                client.send("x" * 65536)
            client.send("\r\nNOOP\r\n")
            assert client.reply().code in (500, 421)
        except (OSError, SmtpError):
            pass  # cut off: as good
    assert relay_memory(relay) < 200 * 1024
    serves(relay)


def relay_memory(relay):
    """KiB of anonymous memory of all its processes."""
    total = 0
    for pid in relay.pids():
        with open(f"/proc/{pid}/status") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("RssAnon"))
    return total


@pytest.mark.parametrize("line, code", [
    ("", 500),
    ("FOO", 500),
    ("MAIL", 501),
    ("MAIL FROM:", 501),
    ("MAIL FROM:<a@b.test> NONSENSE=1", 555),
    ("MAIL FROM:<a@b.test> SIZE=x", 501),
    ("MAIL FROM:<a@b.test> SIZE=99999999999999999999999999", (501, 552)),
    ("MAIL FROM:<a@b.test> BODY=BINARYMIME", (501, 504, 555)),
    ("MAIL FROM:<" + "a" * 256 + "@b.test>", 501),
    ("MAIL FROM:<a@" + "b" * 64 + ".test>", 501),
    ("MAIL FROM:<a@" + ".".join(["b" * 60] * 5) + ">", 501),
    ("MAIL FROM:<\u00fc@b.test>", (501, 550, 553)),
    ("MAIL FROM:<a b@c.test>", 501),
    ("RCPT TO:<x@tenant.test>", 503),
    ("DATA", 503),
    ("BDAT 7\r\n1234567", 503),
    ("BDAT", 501),
    ("EHLO", 501),
    ("VRFY x@tenant.test", (252, 502)),
    ("EXPN list", 502),
    ("HELP", 214),
    ("AUTH PLAIN", (502, 503, 504, 538)),
    ("STARTTLS", (502, 503, 454)),
    ("TURN", (500, 502)),
    ("NOOP\0", (250, 500, 501)),
    ("\x80\x81\xff", 500),
])
def test_replies_to_commands(shared_lab, line, code, cache={}):
    relay = cache.get("relay") or cache.setdefault("relay", make(shared_lab, client_session_rate=0))
    with Smtp(relay.server) as client:
        end = "" if line.startswith("BDAT 7") else "\r\n"
        reply = client.command((line + end).encode("utf-8" if "\u00fc" in line else "latin-1"))
        assert reply.code in (code if isinstance(code, tuple) else (code,)), reply
        assert reply.enhanced or reply.code in (214, 354), reply
        assert client.command("NOOP").code == 250


def test_no_vrfy_and_no_refusal_tells_who_exists_before_mail(lab):
    relay = make(lab)
    relay.recipients("acme", ["known@tenant.test"])
    with Smtp(relay.server) as client:
        assert repr(client.command("VRFY known@tenant.test")) == repr(client.command("VRFY unknown@tenant.test"))


# ---- counts ------------------------------------------------------------------------------------------------------------------------


def test_too_many_recipients_get_452_and_the_others_are_delivered(lab):
    relay = make(lab, recipient_limit=100)
    with Smtp(relay.server) as client:
        assert "LIMITS" in client.extensions and "RCPTMAX=100" in client.extensions["LIMITS"]
        client.mail("a@world.test")
        replies = [client.rcpt(f"r{i}@tenant.test") for i in range(103)]
        assert [r.code for r in replies] == [250] * 100 + [452] * 3 and replies[-1].enhanced == "4.5.3"
        assert client.data(message()).code == 250
    assert len(relay.sink.wait_for().recipients) == 100


def test_too_many_errors_end_the_session(lab):
    relay = make(lab, session_error_limit=5)
    with Smtp(relay.server) as client:
        codes = []
        with pytest.raises((SmtpError, OSError)):
            for _ in range(10):
                codes.append(client.command("FOO").code)
    assert codes[:4] == [500] * 4 and codes[-1] == 421 and len(codes) <= 7


def test_too_many_unknown_recipients_end_the_session(lab):
    relay = make(lab, session_unknown_limit=3, session_error_limit=1000)
    relay.recipients("acme", ["known@tenant.test"])
    with Smtp(relay.server) as client:
        client.mail("a@world.test")
        codes = []
        with pytest.raises((SmtpError, OSError)):
            for i in range(10):
                codes.append(client.rcpt(f"guess{i}@tenant.test").code)
    assert codes[:2] == [550] * 2 and codes[-1] == 421 and len(codes) <= 5


def test_too_many_messages_in_a_session_end_it(lab):
    relay = make(lab, session_message_limit=3)
    with Smtp(relay.server) as client:
        assert "MAILMAX=3" in client.extensions["LIMITS"]
        replies = []
        for _ in range(4):
            replies.append(client.transaction("a@world.test", "x@tenant.test"))
        assert [r.code for r in replies] == [250, 250, 250, 421]
    assert len(relay.sink.wait_for_count(3)) == 3


def test_too_many_sessions_from_one_address_are_told_to_wait(lab):
    relay = make(lab, client_session_limit=3)
    first = [Smtp(relay.server) for _ in range(3)]
    fourth = Smtp(relay.server)
    assert (fourth.greeting.code, fourth.greeting.enhanced) == (421, "4.7.0")
    serves(relay, source=lab.address())
    first[0].quit()
    wait_until(lambda: Smtp(relay.server).greeting.code == 220, 5, "a free place")


def test_too_many_sessions_in_all_are_told_to_wait(lab):
    relay = make(lab, session_limit=3)
    sessions = [Smtp(relay.server, source=lab.address()) for _ in range(3)]
    assert Smtp(relay.server, source=lab.address()).greeting.code == 421
    sessions[0].quit()
    wait_until(lambda: Smtp(relay.server, source=lab.address()).greeting.code == 220, 5, "a free place")


def test_too_many_new_sessions_a_minute_are_told_to_wait(lab):
    relay = make(lab, client_session_rate=5)
    source = lab.address()
    codes = []
    for _ in range(8):
        with Smtp(relay.server, source=source) as client:
            codes.append(client.greeting.code)
    assert codes[:5] == [220] * 5 and codes[-1] == 421
    serves(relay, source=lab.address())


def test_too_many_messages_a_minute_are_told_to_wait(lab):
    relay = make(lab, client_message_rate=3)
    with Smtp(relay.server) as client:
        codes = []
        for _ in range(5):
            codes.append(client.transaction("a@world.test", "x@tenant.test").code)
            if codes[-1] == 421:
                break
    assert codes[:3] == [250] * 3 and codes[-1] in (421, 450, 451, 452)


# ---- sizes -------------------------------------------------------------------------------------------------------------------------


def test_a_message_that_says_it_is_too_big_is_refused_at_mail(lab):
    relay = make(lab, message_size_limit="100K")
    with Smtp(relay.server) as client:
        assert client.extensions["SIZE"] == str(100 * 1024)
        reply = client.mail("a@world.test", "SIZE=200000")
        assert (reply.code, reply.enhanced) == (552, "5.3.4")


@pytest.mark.parametrize("how", ["DATA", "BDAT"])
def test_a_message_that_is_too_big_is_read_to_its_end_and_refused(lab, how):
    relay = make(lab, message_size_limit="100K")
    content = message(body=("x" * 70 + "\r\n") * 3000)
    with Smtp(relay.server) as client:
        client.mail("a@world.test")
        client.rcpt("x@tenant.test")
        if how == "DATA":
            reply = client.data(content)
        else:
            client.send(b"BDAT %d LAST\r\n" % len(content) + content)
            reply = client.reply()
        assert (reply.code, reply.enhanced) == (552, "5.3.4")
        assert client.command("NOOP").code == 250
    assert not [m for m in relay.sink.messages if m.accepted]


def test_a_header_that_is_too_big_is_refused(lab):
    relay = make(lab, header_size_limit="16K")
    with Smtp(relay.server) as client:
        reply = client.transaction("a@world.test", "x@tenant.test", message(extra=("X-Long: " + "y" * 900 + "\r\n") * 30))
        assert (reply.code, reply.enhanced) == (552, "5.3.4")
        assert client.transaction("a@world.test", "x@tenant.test").code == 250


def test_a_chunk_of_absurd_size_is_refused_without_reading_it(lab):
    relay = make(lab)
    with Smtp(relay.server) as client:
        client.mail("a@world.test")
        client.rcpt("x@tenant.test")
        client.send("BDAT 18446744073709551615 LAST\r\n")
        assert client.reply().code in (501, 552, 554)


# ---- time --------------------------------------------------------------------------------------------------------------------------


def test_a_silent_client_hears_421_and_is_gone(lab):
    relay = make(lab, command_timeout="1s")
    with Smtp(relay.server) as client:
        reply = client.reply()
        assert (reply.code, reply.enhanced) == (421, "4.4.2")
        assert client.at_end(5)


def test_dripping_octets_of_a_command_gains_no_time(lab):
    relay = make(lab, command_timeout="2s")
    with Smtp(relay.server) as client:
        begun = time.monotonic()
        with pytest.raises((OSError, SmtpError)):
            while time.monotonic() - begun < 10:
                client.send("N")
                client.socket.settimeout(0.2)
                try:
                    assert client.reply().code == 421
                    client.line()
                except TimeoutError:
                    pass
        assert 1.5 < time.monotonic() - begun < 6


def test_a_message_that_stops_coming_times_out(lab):
    relay = make(lab, data_timeout="1s")
    with Smtp(relay.server) as client:
        client.mail("a@world.test")
        client.rcpt("x@tenant.test")
        client.command("DATA")
        client.send("Subject: half\r\n")
        assert client.reply().code == 421
        assert client.at_end(5)
    assert relay.sink.messages == []


def test_a_message_that_drips_has_an_end_too(lab):
    relay = make(lab, data_time_limit="2s")
    with Smtp(relay.server) as client:
        client.mail("a@world.test")
        client.rcpt("x@tenant.test")
        client.command("DATA")
        begun = time.monotonic()
        client.socket.settimeout(0.1)
        with pytest.raises((OSError, SmtpError)):
            while time.monotonic() - begun < 15:
                client.send("x")
                try:
                    assert client.reply().code == 421
                    client.line()
                except TimeoutError:
                    pass
        assert time.monotonic() - begun < 8


def test_a_session_has_an_end(lab):
    relay = make(lab, session_time_limit="2s")
    with Smtp(relay.server) as client:
        begun = time.monotonic()
        with pytest.raises((OSError, SmtpError)):
            while time.monotonic() - begun < 15:
                if client.command("NOOP").code == 421:
                    client.line()
                time.sleep(0.05)
        assert time.monotonic() - begun < 6


def test_a_thousand_clients_that_drip_do_not_disturb_others(lab):
    relay = make(lab, client_session_limit=2000, client_session_rate=0, command_timeout="30s")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
                                                resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    sources = [lab.address() for _ in range(4)]
    drippers = []
    for i in range(1000):
        s = socket.socket()
        s.bind((sources[i % 4], 0))
        s.settimeout(20)
        s.connect(relay.server)
        drippers.append(s)
    for s in drippers:
        assert s.recv(512).startswith(b"220")
    for octet in b"EHLO":
        for s in drippers:
            s.send(bytes([octet]))
        begun = time.monotonic()
        serves(relay)
        assert time.monotonic() - begun < 2
    assert relay.metric("smtp_sessions_open") >= 1000
    for s in drippers:
        s.close()
    wait_until(lambda: relay.metric("smtp_sessions_open") == 0, 20, "the drippers to be gone")


# ---- rubbish -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_random_octets_do_no_harm(lab, seed):
    relay = make(lab, client_session_rate=0)
    choose = random.Random(seed)
    words = [b"EHLO x\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<x@tenant.test>\r\n", b"DATA\r\n", b".\r\n", b"BDAT 10\r\n", b"RSET\r\n",
             b"\r\n", b"\n", b"\r", b"\0", b"BDAT 3 LAST\r\nabc", b"MAIL FROM:<", b"STARTTLS\r\n", b"AUTH PLAIN\r\n", b"QUIT\r\n"]
    for _ in range(60):
        with Smtp(relay.server, ehlo=None) as client:
            data = b"".join(choose.choice(words) if choose.random() < 0.8 else choose.randbytes(choose.randrange(200))
                            for _ in range(choose.randrange(60)))
            try:
                client.send(data)
                client.socket.shutdown(socket.SHUT_WR)
                while client.socket.recv(65536):
                    pass
            except OSError:
                pass
    assert len(relay.events("crash")) == 0
    serves(relay)


def test_a_client_that_never_reads_is_dropped(lab):
    relay = make(lab, command_timeout="2s", session_error_limit=10000)
    client = Smtp(relay.server)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.socket.settimeout(1)
    begun = time.monotonic()
    with pytest.raises(OSError):
        while time.monotonic() - begun < 30:
            try:
                client.send("HELP\r\n" * 1000)
            except TimeoutError:
                pass
    serves(relay)
    assert relay_memory(relay) < 200 * 1024


def test_talking_before_the_greeting_is_not_rewarded(lab):
    """Either refused, or simply answered in order; never out of step."""
    relay = make(lab)
    with Smtp(relay.server, ehlo=None, preamble=b"EHLO early\r\nNOOP\r\n") as client:
        first = client.reply()
        assert first.code in (220, 554)
        if first.code == 220:
            assert [client.reply().code, client.reply().code] == [250, 250]


# ---- the machine runs short ---------------------------------------------------------------------------------------------------------


def make_outbound(lab, **settings):
    sink = lab.sink()
    relay = lab.backstop(start=False, routes={"*": sink.endpoint}, retry_schedule=["1s"], **settings)
    relay.sink = sink
    return relay


@contextlib.contextmanager
def disk(relay, size):
    """A disk of its own under the state folder, as big as size; the relay is gone when it goes."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "backstop-test", relay.state], check=True)
    try:
        yield
    finally:
        if relay.process:
            relay.kill()
        subprocess.run(["umount", "-l", relay.state], check=False)


def add_tenant(relay):
    relay.tenant("acme", "tenant.test", (), ["127.0.0.0/8"])


def test_a_full_disk_is_a_452_and_nothing_acknowledged_is_lost(lab):
    relay = make_outbound(lab)
    with disk(relay, "24m"):
        relay.start()
        add_tenant(relay)
        relay.sink.pause()
        accepted, refused = [], None
        with Smtp(relay.server) as client:
            for i in range(400):
                content = message(subject=f"n{i}", body=("x" * 76 + "\r\n") * 1000)
                reply = client.transaction("u@tenant.test", "f@world.test", content)
                if reply.code == 250:
                    accepted.append(f"n{i}")
                    continue
                refused = reply
                break
            assert refused and refused.code == 452 and refused.enhanced == "4.3.1", refused
            assert len(accepted) > 20
            assert client.command("NOOP").code == 250
        relay.sink.resume()
        relay.cli("queue", "retry", "--all")
        got = {m.field("Subject") for m in relay.sink.wait_for_count(len(accepted), 60)}
        assert got == set(accepted)
        relay.wait_queue(0)
        with Smtp(relay.server) as client:
            assert client.transaction("u@tenant.test", "f@world.test", message(subject="after")).code == 250
        relay.sink.wait_for(lambda m: m.field("Subject") == "after")
        relay.stop()


def test_big_messages_on_a_full_disk_are_a_452(lab):
    relay = make_outbound(lab)
    with disk(relay, "26m"):
        relay.start()
        add_tenant(relay)
        with Smtp(relay.server, timeout=60) as client:
            reply = client.transaction("u@tenant.test", "f@world.test", message(body=("x" * 76 + "\r\n") * 330000))
            assert reply.code in (452, 451), reply
            assert client.transaction("u@tenant.test", "f@world.test").code == 250, "a small one still fits"
        relay.sink.wait_for()
        relay.stop()


def test_a_disk_that_is_read_only_is_told_and_what_was_acknowledged_is_there_afterwards(lab):
    """The files are open while it runs, so that a disk can only become read-only under a relay that has died."""
    relay = make_outbound(lab)
    with disk(relay, "64m"):
        relay.sink.pause()
        relay.start()
        add_tenant(relay)
        with Smtp(relay.server) as client:
            assert client.transaction("u@tenant.test", "f@world.test", message(subject="before")).code == 250
        relay.kill()
        # the killed processes may still be closing their files
        wait_until(lambda: subprocess.run(["mount", "-o", "remount,ro", relay.state]).returncode == 0, 20, "the disk to be let go")
        with pytest.raises((RuntimeError, TimeoutError)):
            relay.start()
        assert re.search("[Rr]ead-only", relay.log()), relay.log()
        relay.kill()
        assert relay.cli("queue", "list").code == 0
        subprocess.run(["mount", "-o", "remount,rw", relay.state], check=True)
        relay.sink.resume()
        relay.start()
        relay.cli("queue", "retry", "--all")
        relay.sink.wait_for(lambda m: m.field("Subject") == "before", 60)
        relay.stop()


def test_a_disk_that_turns_read_only_under_a_running_relay_is_a_452_and_it_recovers_by_itself(lab):
    relay = make_outbound(lab)
    shim, flag = lab.file("read_only.so", ""), os.path.join(relay.state, "read-only")
    source = os.path.join(os.path.dirname(__file__), "lab", "read_only.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
    relay.start(env={"LD_PRELOAD": shim, "READ_ONLY_FLAG": flag})
    add_tenant(relay)
    before = relay.pids()
    with Smtp(relay.server) as client:
        assert client.transaction("u@tenant.test", "f@world.test", message(subject="before")).code == 250
        relay.sink.wait_for(lambda m: m.field("Subject") == "before")
        relay.wait_queue(0)
        open(flag, "w").close()
        reply = client.transaction("u@tenant.test", "f@world.test", message(subject="during"))
        assert (reply.code, reply.enhanced) == (452, "4.3.1"), reply
        assert client.command("NOOP").code == 250
        os.unlink(flag)
        assert client.transaction("u@tenant.test", "f@world.test", message(subject="after")).code == 250
    relay.sink.wait_for(lambda m: m.field("Subject") == "after")
    relay.wait_queue(0)
    assert relay.pids() == before and relay.events("spool_failing") and relay.events("spool_recovered")
    assert not [m for m in relay.sink.messages if m.field("Subject") == "during"]


def test_a_queue_of_many_megabytes_makes_the_map_grow(lab):
    relay = make_outbound(lab, client_session_rate=0).start()
    add_tenant(relay)
    relay.sink.pause()
    with Smtp(relay.server) as client:
        for i in range(250):
            content = message(subject=f"n{i}", body=("x" * 76 + "\r\n") * 3000)
            assert client.transaction("u@tenant.test", "f@world.test", content).code == 250
    relay.sink.resume()
    relay.cli("queue", "retry", "--all")
    relay.sink.wait_for_count(250, 60)
    relay.wait_queue(0)


def test_when_descriptors_run_out_clients_are_told_and_it_recovers(lab):
    sink = lab.sink()
    relay = lab.backstop(start=False, client_session_limit=10000, client_session_rate=0, workers=1)
    relay.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (120, 120)))
    relay.tenant("acme", "tenant.test", sink.endpoint)
    clients, answers = [], []
    for _ in range(200):
        s = socket.create_connection(relay.server, timeout=5)
        clients.append(s)
    for s in clients:
        s.settimeout(0.05 if len(answers) > 150 else 1)
        try:
            answers.append(s.recv(512)[:3])
        except OSError:
            answers.append(b"")
    assert answers.count(b"220") > 20, answers
    assert answers.count(b"421") > 20, answers
    for s in clients:
        s.close()
    wait_until(lambda: greets(relay), 10, "recovery")
    serves(relay)


def greets(relay):
    try:
        with Smtp(relay.server, timeout=2) as client:
            return client.greeting.code == 220
    except (OSError, SmtpError):
        return False
