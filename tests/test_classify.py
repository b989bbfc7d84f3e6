# SPDX-License-Identifier: Apache-2.0
"""backstop classify: files in order, standard input, a batch, rule bundles of one's own, hostile messages in little time."""
import json
import resource
import subprocess

import pytest
from lab.backstop import program

BOUNCE = """From: MAILER-DAEMON@mx.example.net
Subject: failure notice

Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.

<jo@example.org>:
Sorry, no mailbox here by that name. (#5.1.1)
"""
VACATION = "From: jo@example.org\nSubject: Automatic reply: hello\nAuto-Submitted: auto-replied\n\nBack on Monday.\n"
LETTER = "From: ann@example.net\nSubject: hello\n\nHow are you?\n"
RULES = """backstop-rules 1
bias arf -6 challenge -6 ndr -6 autoreply -6
signal hello
weigh autoreply 8
in subject
- hello
sample autoreply
| Subject: %s
"""


def classify(*words, stdin=""):
    return subprocess.run([program(), "classify", *map(str, words)], input=stdin, capture_output=True, text=True, timeout=120)


@pytest.fixture
def files(tmp_path):
    for name, text in {"bounce": BOUNCE, "vacation": VACATION, "letter": LETTER}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_each_file_gets_a_line_in_order(files):
    names = [str(files / name) for name in ("letter", "bounce", "vacation", "bounce", "letter")]
    result = classify("--json", "--mail-from", "", *names)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 0 and not result.stderr
    assert [row["file"] for row in rows] == names
    assert [(row["class"], row["kind"]) for row in rows] == [("other", None), ("ndr", "failed"), ("autoreply", None),
                                                            ("ndr", "failed"), ("other", None)]
    for row in rows:
        assert sorted(row) == ["class", "file", "kind", "probability", "signals"]
        assert 0.5 <= row["probability"] <= 1 and all(isinstance(name, str) for name in row["signals"])
        assert "path.null" in row["signals"]


def test_without_a_return_path_it_is_unknown(files):
    row = json.loads(classify("--json", files / "bounce").stdout)
    assert row["class"] == "ndr" and not [name for name in row["signals"] if name.startswith("path.")]
    row = json.loads(classify("--json", "--mail-from", "<jo@example.org>", files / "bounce").stdout)
    assert row["class"] == "ndr" and "path.user" in row["signals"]


def test_a_file_that_cannot_be_read_is_said_and_the_others_are_answered(files):
    result = classify("--json", files / "bounce", files / "none", files / "letter")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 3
    assert rows[0]["class"] == "ndr" and rows[2]["class"] == "other"
    assert rows[1]["file"] == str(files / "none") and "No such file" in rows[1]["error"]


def test_standard_input_and_a_batch(files):
    assert json.loads(classify("--json", "-", stdin=BOUNCE).stdout)["class"] == "ndr"
    questions = [{"id": 1, "file": str(files / "bounce"), "mail_from": ""}, {"id": 2}, {"id": 3, "file": str(files / "letter")}]
    result = classify("--json", "--batch", stdin="".join(json.dumps(q) + "\n" for q in questions) + "nonsense\n")
    answers = {row["id"]: row for row in map(json.loads, result.stdout.splitlines())}
    assert result.returncode == 0
    assert answers[1]["class"] == "ndr" and "error" in answers[2] and answers[3]["class"] == "other" and "error" in answers[None]


@pytest.mark.parametrize("command", ["classify", "explain"])
def test_files_as_they_come(command, tmp_path):
    """What a script may hand to the tools: each file is answered, with its class or with why not."""
    contents = {"empty": b"", "binary": bytes(range(256)) * 4000, "cr": BOUNCE.replace("\n", "\r").encode(),
                "crlf": BOUNCE.replace("\n", "\r\n").encode(), "bom": b"\xef\xbb\xbf" + BOUNCE.encode(),
                "mbox": b"From MAILER-DAEMON Tue Mar  3 09:14:02 2026\n" + BOUNCE.encode() + b"\nFrom jo@example.org\n" + LETTER.encode(),
                "big": BOUNCE.encode() + b"\n--- Below this line is a copy of the message.\n\n" + b"=" * 79 + (b"x" * 75 + b"\n") * 657895}
    for name, octets in contents.items():
        (tmp_path / name).write_bytes(octets)
    (tmp_path / "folder").mkdir()
    names = [*contents, "folder", "-none"]
    result = subprocess.run([program(), command, "--json", "--", *names], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    rows = {row["file"]: row for row in map(json.loads, result.stdout.splitlines())}
    assert result.returncode == 3 and list(rows) == names and len(result.stderr.splitlines()) == 2
    assert {name: row.get("class") for name, row in rows.items()} == {
        "empty": "other", "binary": "other", "cr": "ndr", "crlf": "ndr", "bom": "ndr", "mbox": "ndr", "big": "ndr", "folder": None,
        "-none": None}
    assert "directory" in rows["folder"]["error"] and "No such file" in rows["-none"]["error"]


def test_a_person_reads_class_and_signals(files):
    result = classify(files / "bounce")
    assert result.returncode == 0
    assert result.stdout.startswith(f"{files / 'bounce'}: ndr failed (0.9") and " body.failed" in result.stdout


def test_a_bundle_of_ones_own_is_tried_and_refused_when_its_sample_fails(files):
    (files / "good").write_text(RULES % "Hello there")
    (files / "bad").write_text(RULES % "Good day")
    row = json.loads(classify("--json", "--rules", files / "good", files / "letter").stdout)
    assert row["class"] == "autoreply" and row["signals"] == ["hello"]
    result = classify("--rules", files / "bad", files / "letter")
    assert result.returncode == 3 and not result.stdout
    assert "line 7: the sample is other" in result.stderr


@pytest.mark.parametrize("text", [
    "From: mailer-daemon@x\nSubject: failure notice\n\n" + "a" * 2**20,
    "From: mailer-daemon@x\nSubject: failure notice\n\n" + "550 5.1.1 <a@b> said: 550 " * 40000,
    "Content-Type: multipart/mixed; boundary=x\n\n" + "--x\n\n" * 200000,
    "Content-Type: text/html\n\n" + "<p>&nbsp;" * 100000,
    "".join(f"Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}\n" for i in range(20000)),
    "Subject: " + "=?utf-8?q?a?= " * 70000 + "\n\n",
], ids=["one word", "replies", "boundaries", "tags", "nested", "encoded words"])
def test_a_mebibyte_of_anything_takes_no_time(tmp_path, text):
    (tmp_path / "hostile").write_text(text)
    (tmp_path / "small").write_text(LETTER)

    def seconds(*names):
        """Of the processor, whatever else runs."""
        begun = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert classify("--json", *[tmp_path / name for name in names]).returncode == 0
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime
    alone = min(seconds("small") for _ in range(3))
    many = min(seconds(*["hostile"] * 20) for _ in range(2))
    assert (many - alone) / 20 < 0.05
