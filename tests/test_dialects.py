# SPDX-License-Identifier: Apache-2.0
"""Messages as many programs, providers and people write them (tests/dialects): each is of the class that its name begins with, in
LF, CRLF and CR, with an mbox line or a byte order mark on top, with what gateways add, and bounces also when they came through a mailing list."""
import collections
import json
import pathlib
import re
import subprocess

import pytest
from lab.backstop import program

TOP = pathlib.Path(__file__).parent / "dialects"


def read(name):
    parts = re.split(rb"^=== (\S+)\n", (TOP / name).read_bytes(), flags=re.M)
    return {word.decode(): text for word, text in zip(parts[1::2], parts[2::2])}


def tagged(text):
    """As a gateway marks mail from outside, and a spam filter what it doubts."""
    head, empty, body = text.partition(b"\n\n")
    return re.sub(rb"(?im)^Subject: ?", b"Subject: [EXTERNAL] ***SPAM*** ", head, count=1) + empty + body


def with_disclaimer(text):
    """As a gateway adds a text: what was there becomes the first part of a multipart/mixed."""
    head, _, body = text.partition(b"\n\n")
    fields = re.findall(rb"(?im)^(?:Content-(?:Type|Transfer-Encoding):.*\n(?:[ \t].*\n)*)", head + b"\n")
    if not fields or any(b"boundary" not in f and b"multipart/" in f.lower() for f in fields):
        return text
    for field in fields:
        head = (head + b"\n").replace(field, b"").rstrip(b"\n")
    head = re.sub(rb"(?im)^MIME-Version:.*\n", b"", head + b"\n").rstrip(b"\n")
    return (head + b'\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="=-gateway"\n\n--=-gateway\n' + b"".join(fields) + b"\n" +
            body + b"\n--=-gateway\nContent-Type: text/plain; charset=us-ascii\n\nThis message may be confidential. If it is not for you, "
            b"please delete it.\n--=-gateway--\n")


MESSAGES = {name: text for file in sorted(TOP.glob("*.txt")) for name, text in read(file.name).items()}
FORMS = {
    "LF": lambda text: text,
    "CRLF": lambda text: text.replace(b"\n", b"\r\n"),
    "CR": lambda text: text.replace(b"\n", b"\r"),
    "mbox": lambda text: text if text.startswith(b"From ") else b"From someone@example.net Mon Mar  2 10:00:00 2020\n" + text,
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "tagged": lambda text: tagged(text),
    "with a disclaimer": lambda text: with_disclaimer(text),
}


def classes(folder, messages):
    for name, text in messages.items():
        (folder / name).write_bytes(text)
    result = subprocess.run([program(), "classify", "--json", *[folder / name for name in messages]], capture_output=True, text=True,
                            timeout=120, check=True)
    return {pathlib.Path(row["file"]).name: row for row in map(json.loads, result.stdout.splitlines())}


@pytest.mark.parametrize("form", FORMS)
def test_each_is_what_it_is(tmp_path, form):
    rows = classes(tmp_path, {name: FORMS[form](text) for name, text in MESSAGES.items()})
    wrong = {name: (row["class"], row["signals"]) for name, row in rows.items() if row["class"] != name.split("-")[0]}
    assert len(rows) == len(MESSAGES) and not wrong


def test_there_are_many_of_each():
    counts = collections.Counter(name.split("-")[0] for name in MESSAGES)
    assert counts["ndr"] >= 180 and counts["other"] >= 120 and counts["autoreply"] >= 130
    assert counts["challenge"] >= 20 and counts["arf"] >= 20


def test_no_answer_or_complaint_becomes_a_bounce_by_its_return_path(tmp_path):
    answers = {name: b"Return-Path: <>\n" + text for name, text in MESSAGES.items()
               if name.startswith(("autoreply", "challenge", "arf")) and not text.startswith((b"From ", b"Return-Path"))}
    rows = classes(tmp_path, answers)
    assert not {name: row["signals"] for name, row in rows.items() if row["class"] == "ndr"}
