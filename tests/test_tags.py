# SPDX-License-Identifier: Apache-2.0
"""`backstop srs` and `backstop batv` for a postmaster with one address in hand, and for scripts with many."""
import json
import subprocess

import pytest
from lab.backstop import program

NOW = "1700000000"
SRS0 = "SRS0=tfW9=G3=example.net=alice@us.example"


def run(*words, stdin=""):
    return subprocess.run([program(), *words], input=stdin, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words, code, out", [
    (["srs", "forward", "alice@example.net", "--domain", "us.example", "--secret", "key", "--now", NOW], 0, SRS0),
    (["srs", "reverse", SRS0, "--secret", "key", "--now", NOW], 0, "alice@example.net"),
    (["srs", "reverse", SRS0.lower(), "--secret", "key", "--now", NOW], 0, "alice@example.net"),
    (["srs", "reverse", SRS0, "--secret", "other", "--now", NOW], 1, ""),
    (["srs", "reverse", SRS0, "--secret", "key", "--now", "1702000000"], 1, ""),
    (["srs", "reverse", SRS0, "--secret", "key", "--now", "1702000000", "--max-days", "49"], 0, "alice@example.net"),
    (["srs", "reverse", "alice@example.net", "--secret", "key"], 1, ""),
    (["srs", "forward", "alice", "--domain", "us.example", "--secret", "key"], 3, ""),
    (["srs", "forward", "alice@example.net", "--secret", "key"], 2, ""),
    (["srs", "forward", "alice@example.net", "--domain", "us.example"], 2, ""),
    (["srs", "forward"], 2, ""),
    (["srs", "sideways", "a@b"], 2, ""),
    (["srs"], 2, ""),
    (["srs", "reverse", SRS0, "--secret-file", "/nonexistent"], 3, ""),
    (["srs", "reverse", SRS0, "--secret", "key", "--max-days", "-1"], 2, ""),
    (["batv", "sign", "alice@example.net", "--key", "secret", "--keynum", "3", "--now", "1795564805"], 0, "prvs=37896c01f2=alice@example.net"),
    (["batv", "sign", "alice@example.net", "--key", "secret", "--keynum", "3", "--now", "1795564805", "--form", "sub-address"], 0,
     "alice+prvs=37896c01f2@example.net"),
    (["batv", "verify", "PRVS=37896C01F2=ALICE@example.net", "--key", "secret", "--keynum", "3", "--now", "1795564805"], 0,
     "valid: ALICE@example.net"),
    (["batv", "verify", "alice+prvs=37896c01f2@example.net", "--key", "secret", "--keynum", "3", "--now", "1795564805"], 0,
     "valid: alice@example.net"),
    (["batv", "verify", "prvs=37896c01f2=alice@example.net", "--key", "secret", "--keynum", "3", "--now", "1796256005"], 1,
     "expired: alice@example.net"),
    (["batv", "verify", "prvs=37896c01f2=alice@example.net", "--key", "secret", "--keynum", "4", "--now", "1795564805"], 1,
     "not of this key: alice@example.net"),
    (["batv", "verify", "prvs=37896c01f2=alice@example.net", "--key", "secret", "--keynum", "3", "--now", "1795564805", "--max-days", "6"], 1,
     "expired: alice@example.net"),
    (["batv", "verify", "alice@example.net", "--key", "secret"], 1, "untagged: alice@example.net"),
    (["batv", "sign", "alice", "--key", "secret"], 3, ""),
    (["batv", "sign", "alice@example.net"], 2, ""),
    (["batv", "sign", "alice@example.net", "--key", "secret", "--keynum", "10"], 2, ""),
    (["batv", "sign", "alice@example.net", "--key", "secret", "--days", "100"], 2, ""),
    (["batv", "sign", "alice@example.net", "--key", "secret", "--form", "other"], 2, ""),
    (["batv", "unsign", "alice@example.net", "--key", "secret"], 2, ""),
])
def test_one_address(words, code, out):
    done = run(*words)
    assert (done.returncode, done.stdout) == (code, out + "\n" if out else ""), done.stderr
    assert bool(done.stderr) == (not out), "what gives no answer says why"


@pytest.mark.parametrize("content", ["key", "key\n", "key\r\n"])
def test_secrets_come_from_files_without_their_line_end(tmp_path, content):
    (tmp_path / "secret").write_text(content, newline="")
    for words, stdin in ((["--secret-file", str(tmp_path / "secret")], ""), (["--secret-file", "-"], content)):
        done = run("srs", "forward", "alice@example.net", "--domain", "us.example", "--now", NOW, *words, stdin=stdin)
        assert done.stdout == SRS0 + "\n", done.stderr


def test_a_secret_that_is_no_text_is_refused(tmp_path):
    for content in (b"a\0b", b"\xff\xfe", b"x" * 5000):
        (tmp_path / "secret").write_bytes(content)
        done = run("batv", "sign", "a@b.example", "--key-file", str(tmp_path / "secret"))
        assert done.returncode == 2 and not done.stdout


def test_json_of_one_address():
    done = run("srs", "forward", "alice@example.net", "--domain", "us.example", "--secret", "key", "--now", NOW, "--json")
    assert json.loads(done.stdout) == {"address": SRS0}
    done = run("srs", "reverse", SRS0, "--secret", "other", "--now", NOW, "--json")
    assert done.returncode == 1 and set(json.loads(done.stdout)) == {"error"}
    done = run("batv", "verify", "alice@example.net", "--key", "k", "--json")
    assert done.returncode == 1 and json.loads(done.stdout) == {"valid": False, "address": "alice@example.net"}


@pytest.mark.parametrize("tool, line", [
    ("srs", {"op": "forward", "address": "a@b.example", "secret": "k"}),
    ("srs", {"op": "forward", "address": "a@b.example", "domain": "", "secret": "k"}),
    ("srs", {"op": "forward", "address": "a@b.example", "domain": "us.example", "secret": ""}),
    ("srs", {"op": "forward", "address": "a@b.example", "domain": "us.example"}),
    ("srs", {"op": "forward", "address": 5, "domain": "us.example", "secret": "k"}),
    ("srs", {"op": "forward", "address": "a@b.example", "domain": "us.example", "secret": "k", "now": "noon"}),
    ("srs", {"op": "reverse", "address": "a@b.example", "secret": "k", "max_days": 5000}),
    ("srs", {"op": "reverse", "address": "\u0000@b.example", "secret": "k"}),
    ("srs", {"op": "turn", "address": "a@b.example", "secret": "k"}),
    ("srs", {}),
    ("batv", {"op": "sign", "address": "a@b.example"}),
    ("batv", {"op": "sign", "address": "a@b.example", "key": ""}),
    ("batv", {"op": "sign", "address": "a@b.example", "key": "k", "keynum": 10}),
    ("batv", {"op": "sign", "address": "a@b.example", "key": "k", "keynum": "x"}),
    ("batv", {"op": "sign", "address": "a@b.example", "key": "k", "days": 100}),
    ("batv", {"op": "sign", "address": "a@b.example", "key": "k", "days": -1}),
    ("batv", {"op": "sign", "address": "a@b.example", "key": "k", "form": "x"}),
    ("batv", {"op": "sign", "address": "a", "key": "k"}),
    ("batv", {"op": "verify", "address": "a@b.example", "key": "k", "max_days": 1000}),
    ("batv", {"op": "check", "address": "a@b.example", "key": "k"}),
])
def test_a_bad_line_is_told_and_the_work_goes_on(tool, line):
    good = {"id": "good", "op": "forward", "address": "alice@example.net", "domain": "us.example", "secret": "key", "now": int(NOW)} \
        if tool == "srs" else {"id": "good", "op": "sign", "address": "alice@example.net", "key": "secret", "keynum": 3, "now": 1795564805}
    done = run(tool, "--json", "--batch", stdin=json.dumps(dict(line, id=7)) + "\n" + json.dumps(good) + "\n")
    answers = {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0 and set(answers) == {7, "good"}
    assert set(answers[7]) == {"id", "error"} and answers[7]["error"]
    assert answers["good"]["address"] in (SRS0, "prvs=37896c01f2=alice@example.net")


def test_what_a_line_does_not_say_is_taken_from_the_options():
    done = run("srs", "--json", "--batch", "--secret", "key", "--domain", "us.example", "--now", NOW,
               stdin='{"id":1,"op":"forward","address":"alice@example.net"}\n')
    assert json.loads(done.stdout) == {"id": 1, "address": SRS0}
