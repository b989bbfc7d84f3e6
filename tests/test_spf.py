# SPDX-License-Identifier: Apache-2.0
"""backstop spf: one question, a batch, a conversation; with a DNS server that also fails, is silent, and has odd names."""
import json
import subprocess

import pytest
from lab.backstop import program

ZONE = r"""
example.test TXT "v=spf1 ip4:192.0.2.0/24 include:inc.test -all"
inc.test TXT "v=spf1 exists:%{l}.users.test ?all"
*.users.test A 127.0.0.2
odd.test TXT "v=spf1 ptr -all"
9.113.0.203.in-addr.arpa PTR a\.b\000\255.odd.test.
a\.b\000\255.odd.test A 203.0.113.9
broken.test SERVFAIL
silent.test TIMEOUT
late.test TXT "v=spf1 a:silent.test -all"
helo.test TXT "v=spf1 a -all exp=exp.test"
helo.test A 192.0.2.25
exp.test TXT "%{i} is not one of %{d}, says %{r}"
"""


@pytest.fixture
def spf(lab):
    server = lab.dns(ZONE)

    def run(*words, stdin=""):
        command = [program(), "spf", "--resolver", server.endpoint, "--receiver", "mx.us.test", *words]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
    run.command = [program(), "spf", "--resolver", server.endpoint, "--batch"]
    return run


def batch(spf, *questions):
    result = spf("--json", "--batch", stdin="".join(json.dumps(q) + "\n" for q in questions))
    assert result.returncode == 0 and not result.stderr
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(answers) == len(questions)
    return {answer["id"]: answer for answer in answers}


@pytest.mark.parametrize("words, code, result, explanation", [
    (["--ip", "192.0.2.1", "--sender", "joe@example.test"], 0, "pass", None),
    (["--ip", "198.51.100.1", "--sender", "joe@example.test"], 0, "pass", None),
    (["--ip", "198.51.100.1", "--sender", "joe@[198.51.100.1]"], 1, "none", None),
    (["--ip", "2001:db8::1", "--sender", "a.b@example.test"], 0, "pass", None),
    (["--ip", "203.0.113.9", "--sender", "joe@odd.test"], 0, "pass", None),
    (["--ip", "192.0.2.1", "--sender", "joe@broken.test"], 1, "temperror", None),
    (["--ip", "192.0.2.25", "--sender", "", "--helo", "helo.test"], 0, "pass", None),
    (["--ip", "192.0.2.26", "--helo", "HELO.test."], 1, "fail", "192.0.2.26 is not one of HELO.test, says mx.us.test"),
    (["--ip", "192.0.2.26"], 1, "none", None),
])
def test_a_question_has_a_result_and_an_exit_code(spf, words, code, result, explanation):
    answer = spf("--json", *words)
    assert answer.returncode == code and not answer.stderr
    said = json.loads(answer.stdout)
    assert list(said)[:2] == ["result", "explanation"]
    assert (said["result"], said["explanation"]) == (result, explanation)


def test_a_person_reads_the_result_and_why(spf):
    answer = spf("--ip", "192.0.2.1", "--sender", "joe@example.test")
    assert answer.stdout.startswith("pass\n") and "ip4:192.0.2.0/24" in answer.stdout


def test_a_batch_answers_every_line_with_its_id(spf):
    good = {"ip": "192.0.2.1", "sender": "joe@example.test", "helo": "x"}
    answers = batch(spf, {"id": 1, **good}, {"id": "two", "ip": "nonsense"}, {"id": 3}, {"id": 4, "ip": "192.0.2.1"},
                    {"id": 5, "ip": "192.0.2.1", "sender": "joe@late.test"})
    assert answers[1]["result"] == "pass"
    assert set(answers["two"]) == set(answers[3]) == {"id", "error"}
    assert answers[4]["result"] == "none"
    assert answers[5]["result"] == "temperror", "a name server that is silent"


def test_a_peer_gets_its_answer_before_it_asks_again(spf):
    with subprocess.Popen(spf.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for n in range(3):
            process.stdin.write(json.dumps({"id": n, "ip": "192.0.2.1", "sender": "joe@example.test"}) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == {
                "id": n, "result": "pass", "explanation": None, "domain": "example.test", "identity": "mailfrom",
                "mechanism": "ip4:192.0.2.0/24", "problem": None}
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.mark.parametrize("words", [[], ["--ip", "nonsense"], ["--ip", "192.0.2.1", "operand"],
                                   ["--ip", "192.0.2.1", "--resolver", "nonsense:x"]])
def test_mistakes_are_usage(spf, words):
    answer = spf("--json", *words)
    assert answer.returncode == 2 and not answer.stdout and "backstop help spf" in answer.stderr
