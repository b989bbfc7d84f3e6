# SPDX-License-Identifier: Apache-2.0
"""The command line: tenants, recipients, the queue, the list, status; with the services running, and without."""
import json
import os

import pytest
from lab import Smtp, wait_until
from lab.smtp import message


@pytest.fixture(params=["running", "stopped"])
def relay(request, lab):
    """A configuration with nothing in its state yet; the services run, or do not."""
    sink = lab.sink()
    made = lab.backstop(start=request.param == "running", routes={"*": sink.endpoint})
    made.sink, made.running = sink, request.param == "running"
    return made


def test_tenants_are_added_shown_changed_and_removed(relay):
    assert relay.cli("tenant", "list", "--json").ok().rows == []
    relay.tenant("acme", ["tenant.test", ".sub.test"], "192.0.2.77:25", ["192.0.2.0/24", "2001:db8::/32"])
    shown, = relay.cli("tenant", "show", "acme", "--json").ok().rows
    assert shown["name"] == "acme" and "tenant.test" in json.dumps(shown) and "192.0.2.0/24" in json.dumps(shown)
    assert [row["name"] for row in relay.cli("tenant", "list", "--json").ok().rows] == ["acme"]
    assert "acme" in relay.cli("tenant", "list").ok().out
    assert relay.cli("tenant", "add", "acme", "--domain", "x.test").code == 1, "there is one of that name"
    taken = relay.cli("tenant", "add", "other", "--domain", "tenant.test", "--route", "192.0.2.1:25")
    assert taken.code == 1 and "acme" in taken.err, "the complaint says whose it is"
    relay.cli("tenant", "remove", "acme").ok()
    assert relay.cli("tenant", "show", "acme").code == 1
    assert relay.cli("tenant", "remove", "acme").code == 1


@pytest.mark.parametrize("words, code", [
    (["tenant"], 2),
    (["tenant", "frobnicate"], 2),
    (["tenant", "add"], 2),
    (["tenant", "add", "x", "--domain", "not a domain"], (1, 2)),
    (["tenant", "add", "x", "--domain", "a.test", "--from", "192.0.2.1/24"], (1, 2)),
    (["tenant", "add", "x", "--domain", "a.test", "--route", "nonsense:port"], (1, 2)),
    (["recipients", "import"], 2),
    (["recipients", "import", "--tenant", "nobody", "-"], 1),
    (["queue", "show", "0000000000000"], 1),
    (["queue", "drop", "nonsense"], (1, 2)),
    (["ledger", "show", "0000000000000"], 1),
    (["ledger", "--tenant", "nobody"], 1),
    (["ledger", "--recipient", "a@b.test", "--message-id", "1@b.test"], 2),
    (["list", "add", "not an address"], (1, 2)),
    (["list", "remove", "192.0.2.200"], 1),
    (["list", "exempt", "192.0.2.1/24"], 2),
    (["list", "exempt", "remove", "192.0.2.1"], 1),
    (["list", "show", "--evidence"], 2),
    (["list", "import", "/nowhere"], 3),
    (["keeper", "--now", "1"], 2),
    (["spf", "--json"], 2),
    (["simulate", "--json"], 3),
    (["nonsense"], 2),
    ([], 2),
])
def test_mistakes_have_their_exit_code_and_say_something(relay, words, code):
    result = relay.cli(*words, stdin="", config=bool(words))
    assert result.code in (code if isinstance(code, tuple) else (code,)), repr(result)
    assert result.err.strip(), "a diagnostic"
    assert "--json" in words or not result.out.startswith("{")


def test_recipients_are_imported_compared_and_exported(relay):
    relay.tenant("acme", ["a.test", "b.test"], "192.0.2.77:25")
    first = [f"user{i}@a.test" for i in range(20)] + [f"user{i}@b.test" for i in range(20)]
    relay.recipients("acme", first)
    assert sorted(relay.cli("recipients", "export", "--tenant", "acme").ok().out.split()) == sorted(first)
    assert relay.cli("recipients", "test", "user3@a.test").code == 0
    assert relay.cli("recipients", "test", "USER3+tag@A.TEST").code == 0
    assert relay.cli("recipients", "test", "nobody@a.test").code == 1
    dry = relay.cli("recipients", "import", "--tenant", "acme", "--dry-run", "-", stdin="\n".join(first[:-1] + ["new@b.test"]) + "\n").ok()
    assert "1" in dry.out
    assert relay.cli("recipients", "test", "new@b.test").code == 1, "a dry run changes nothing"
    shrunk = "\n".join(first[:10]) + "\n"
    refused = relay.cli("recipients", "import", "--tenant", "acme", "-", stdin=shrunk)
    assert refused.code == 1 and "--force" in refused.err, "more than a tenth would go"
    relay.cli("recipients", "import", "--tenant", "acme", "--force", "-", stdin=shrunk).ok()
    assert relay.cli("recipients", "test", "user15@a.test").code == 1
    assert relay.cli("recipients", "test", "user15@b.test").code == 0, "domains that are not in the file are left alone"
    relay.cli("recipients", "add", "--tenant", "acme", "late@a.test").ok()
    assert relay.cli("recipients", "test", "late@a.test").code == 0
    relay.cli("recipients", "remove", "--tenant", "acme", "late@a.test").ok()
    assert relay.cli("recipients", "test", "late@a.test").code == 1


def test_recipients_may_come_as_csv_and_bad_lines_are_told(relay):
    relay.tenant("acme", "a.test", "192.0.2.77:25")
    result = relay.cli("recipients", "import", "--tenant", "acme", "-", stdin=(
        '"address","name"\nann@a.test,"Ann, A."\n"bob@a.test","Bob"\nnot an address\nx@elsewhere.test\n\n# comment\n'))
    assert "elsewhere.test" in result.out + result.err and "not an address" in result.out + result.err
    assert relay.cli("recipients", "test", "bob@a.test").code == 0
    assert relay.cli("recipients", "test", "ann@a.test").code == 0


def test_the_list_is_changed_and_shown(relay):
    relay.cli("list", "add", "192.0.2.66", "--reason", "sends bounces to strangers").ok()
    relay.cli("list", "add", "2001:db8:1:2::5").ok()
    shown = relay.cli("list", "show", "192.0.2.66", "--json").ok().rows
    assert "sends bounces to strangers" in json.dumps(shown)
    assert relay.cli("list", "show", "2001:db8:1:2::ffff").code == 0, "the whole /64 is listed"
    assert relay.cli("list", "show", "192.0.2.67").code == 1
    relay.cli("list", "remove", "192.0.2.66").ok()
    assert relay.cli("list", "show", "192.0.2.66").code == 1


def test_status_says_whether_it_runs(relay):
    text, rows = relay.cli("status").out, relay.cli("status", "--json").rows
    assert ("not running" in text) != relay.running, text
    assert rows and rows[0]["ledger"]["transactions"] == 0 and "ledger: 0 transactions" in text, rows


def test_every_command_has_help(relay):
    for name in ("run", "check", "tenant", "recipients", "queue", "ledger", "list", "status"):
        result = relay.cli("help", name, config=False)
        assert result.code == 0 and name in result.out, repr(result)
    assert relay.cli("--version", config=False).code == 0


# ---- the queue --------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def stuck(lab):
    """A running relay with three messages that the world does not take now."""
    sink = lab.sink()
    sink.pause()
    relay = lab.backstop(routes={"*": sink.endpoint}, retry_schedule=["1h"])
    relay.sink = sink
    relay.tenant("acme", "tenant.test", (), ["127.0.0.0/8"])
    for i in range(3):
        with Smtp(relay.server) as client:
            assert client.transaction("user@tenant.test", f"r{i}@world.test", message(subject=f"m{i}")).code == 250
    wait_until(lambda: any(r["attempts"] for r in relay.queue()) and len(relay.queue()) == 3, 20, "a first attempt")
    return relay


def ids(relay):
    """{"r0": id, ...}"""
    found = {}
    for row in relay.queue():
        shown = json.dumps(relay.cli("queue", "show", row["id"], "--json").ok().rows)
        found[next(f"r{i}" for i in range(3) if f"r{i}@world.test" in shown)] = row["id"]
    return found


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_queued_messages_are_shown_held_released_retried_and_dropped(stuck, running):
    relay = stuck
    by_name = ids(relay)
    assert set(by_name) == {"r0", "r1", "r2"}
    assert by_name["r0"] in relay.cli("queue", "list").ok().out
    if not running:
        assert relay.stop() == 0
    relay.cli("queue", "hold", by_name["r0"]).ok()
    relay.cli("queue", "drop", by_name["r1"]).ok()
    relay.sink.resume()
    relay.cli("queue", "retry", by_name["r2"]).ok()
    if not running:
        relay.start()
    relay.sink.wait_for(lambda m: m.field("Subject") == "m2")
    wait_until(lambda: len(relay.queue()) == 1, 20, "one left, on hold")
    assert {m.field("Subject") for m in relay.sink.messages} == {"m2"}
    relay.cli("queue", "retry", by_name["r0"])
    relay.cli("queue", "release", by_name["r0"])
    relay.sink.wait_for(lambda m: m.field("Subject") == "m0")
    relay.wait_queue(0)


def test_the_queue_survives_a_stop_and_a_start(stuck):
    relay = stuck
    assert relay.stop() == 0
    assert len(relay.queue()) == 3
    relay.sink.resume()
    relay.start()
    relay.cli("queue", "retry", "--all").ok()
    relay.sink.wait_for_count(3)
    relay.wait_queue(0)


# ---- configuration -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, where, words", [
    ('hostname = "a"\nnonsense = 1\n', ":2:", ["nonsense"]),
    ('relay {\n  listen = {"127.0.0.1:99999"}\n}\n', ":2", ["99999"]),
    ('relay {\n  session-limit = -5\n}\n', ":2", ["session-limit"]),
    ('relay {\n  command-timeout = "soon"\n}\n', ":2", ["command-timeout"]),
    ('tls { certificate = "/nonexistent/c.pem" key = "/nonexistent/k.pem" }\n', ":1", ["/nonexistent"]),
    ('relay {\n  listen = {"127.0.0.1:2525"\n', ":", []),
])
def test_mistakes_in_the_configuration_are_told_with_file_and_line(relay, text, where, words):
    path = relay.config_path + ".bad"
    with open(path, "w") as f:
        f.write(text)
    result = relay.cli("check", "-c", path, config=False)
    assert result.code in (1, 3), repr(result)
    assert path + where in result.err and all(w in result.err for w in words), repr(result)


def test_a_good_configuration_is_said_to_be_good(relay):
    assert relay.cli("check").code == 0


def test_sighup_takes_a_new_configuration_without_dropping_sessions(lab):
    sink = lab.sink()
    relay = lab.backstop(message_size_limit="100K")
    relay.tenant("acme", "tenant.test", sink.endpoint)
    with Smtp(relay.server) as old:
        relay.relay["message_size_limit"] = "200K"
        relay.write_config()
        relay.reload()
        wait_until(lambda: Smtp(relay.server).extensions.get("SIZE") == str(200 * 1024), 10, "the new limit")
        assert old.command("NOOP").code == 250
        assert old.transaction("a@world.test", "x@tenant.test").code == 250
        relay.write_config("nonsense {\n")
        relay.reload()
        assert Smtp(relay.server).extensions.get("SIZE") == str(200 * 1024), "a bad file changes nothing"
        assert old.command("NOOP").code == 250


def test_a_stop_lets_the_message_under_way_finish(lab):
    sink = lab.sink()
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    with Smtp(relay.server) as busy, Smtp(relay.server) as idle:
        busy.mail("a@world.test")
        busy.rcpt("x@tenant.test")
        busy.command("DATA")
        busy.send(b"Subject: under way\r\n\r\n")
        relay.process.signal(15)
        assert idle.reply().code == 421
        busy.send(b"end\r\n.\r\n")
        assert busy.reply().code == 250
    assert relay.process.popen.wait(30) == 0
    assert sink.wait_for().field("Subject") == "under way"


def test_a_service_that_dies_is_started_again(lab):
    sink = lab.sink()
    relay = lab.backstop()
    relay.tenant("acme", "tenant.test", sink.endpoint)
    for _ in range(2):
        before = set(relay.pids())
        for pid in before:
            os.kill(pid, 9)
        wait_until(lambda: relay.pids() and not before & set(relay.pids()), 20, "new processes")
        relay.wait_greeting()
        with Smtp(relay.server) as client:
            assert client.transaction("a@world.test", "x@tenant.test").code == 250


def test_the_services_have_given_up_their_rights(lab):
    relay = lab.backstop()
    for pid in relay.pids():
        with open(f"/proc/{pid}/status") as f:
            status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
        assert status["Uid"].split()[1] != "0" and status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
        assert int(status["CapEff"], 16) == 0
