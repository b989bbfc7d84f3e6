# SPDX-License-Identifier: Apache-2.0
"""backstop dmarc, arc, arc-seal and auth: what a message can say for itself, asked of a DNS server that also fails."""
import json
import subprocess

import pytest
from lab.backstop import program

# The key pair of RFC 8463 A.2.
KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
"""
ZONE = r"""
s1._domainkey.example.test TXT "k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
example.test TXT "v=spf1 ip4:192.0.2.1 -all"
example.test A 192.0.2.9
news.example.test TXT "v=spf1 -all"
_dmarc.example.test TXT "v=DMARC1; p=reject; sp=quarantine; np=none"
_dmarc.bank TXT "v=DMARC1; p=reject; psd=y"
_dmarc.broken.test SERVFAIL
"""
MESSAGE = """From: Joe <joe@example.test>
Subject: a test

Hello.
"""
LIST = "// a list\nbank\ntest\nco.test\n*.wild.test\n!city.wild.test\n\u4e2d\u56fd\n"


@pytest.fixture
def tool(lab):
    server = lab.dns(ZONE)

    def run(name, *words, stdin=""):
        command = [program(), name, "--resolver", server.endpoint, *map(str, words)]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
    return run


@pytest.fixture
def files(tmp_path):
    for name, text in {"key.pem": KEY, "message": MESSAGE, "list": LIST}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def said(result, code):
    assert (result.returncode, result.stderr) == (code, "")
    return json.loads(result.stdout)


def batch(tool, name, *words, lines):
    result = tool(name, "--json", "--batch", *words, stdin="".join(json.dumps(line) + "\n" for line in lines))
    assert (result.returncode, result.stderr) == (0, "")
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(answers) == len(lines)
    return {answer.pop("id"): answer for answer in answers}


@pytest.mark.parametrize("words, code, expected", [
    (["--from", "example.test", "--spf", "pass:example.test"], 0,
     ["pass", "reject", "none", "example.test", True, False]),
    (["--from", "Example.Test", "--dkim", "fail:x.test", "--dkim", "pass:news.example.test"], 0,
     ["pass", "reject", "none", "example.test", False, True]),
    (["--from", "news.example.test"], 1, ["fail", "quarantine", "quarantine", "example.test", False, False]),
    (["--from", "gone.example.test"], 1, ["fail", "none", "none", "example.test", False, False]),
    (["--from", "mail.some.bank"], 1, ["fail", "reject", "reject", "some.bank", False, False]),
    (["--from", "none.test"], 1, ["none", None, "none", "none.test", False, False]),
    (["--from", "broken.test"], 1, ["temperror", None, "none", None, False, False]),
])
def test_dmarc_has_a_result_a_policy_and_an_exit_code(tool, words, code, expected):
    answer = said(tool("dmarc", "--json", *words), code)
    assert [answer[k] for k in ("result", "policy", "disposition", "org_domain", "spf_aligned", "dkim_aligned")] == expected


def test_dmarc_with_a_suffix_list_knows_no_walk(tool, files):
    answer = said(tool("dmarc", "--json", "--psl", files / "list", "--from", "mail.some.bank"), 1)
    assert (answer["result"], answer["org_domain"]) == ("none", "some.bank")


def test_a_batch_of_dmarc_answers_bad_lines_too(tool):
    spf = [{"result": "pass", "domain": "example.test"}]
    answers = batch(tool, "dmarc", lines=[{"id": 1, "from": "example.test", "spf": spf, "dkim": []}, {"id": 2},
                                          {"id": 3, "from": "example.test", "spf": [{"result": "good", "domain": "x"}]},
                                          {"id": 4, "from": "example.test", "spf": "pass"}])
    assert answers[1]["result"] == "pass"
    assert all(set(answers[n]) == {"error"} for n in (2, 3, 4))


def test_the_organisation_is_answered_in_the_form_of_the_question(tool, files):
    wanted = {"WwW.Example.TEST": "example.test", "test": None, ".example.test": None, "": None, "co.test": None,
              "a.b.co.test": "b.co.test", "x.wild.test": None, "www.city.wild.test": "city.wild.test",
              "www.\u98df\u72ee.\u4e2d\u56fd": "\u98df\u72ee.\u4e2d\u56fd", "www.xn--85x722f.xn--fiqs8s": "xn--85x722f.xn--fiqs8s",
              "\u4e2d\u56fd": None}
    answers = batch(tool, "dmarc", "--org-domain", "--psl", files / "list",
                    lines=[{"id": domain, "domain": domain} for domain in wanted])
    assert {domain: answer["org_domain"] for domain, answer in answers.items()} == wanted


def test_the_organisation_by_the_walk(tool):
    assert said(tool("dmarc", "--json", "--org-domain", "--domain", "a.b.some.bank"), 0) == {"org_domain": "some.bank"}
    assert tool("dmarc", "--org-domain", "--domain", "a.broken.test").returncode == 3


def test_a_list_that_is_none_is_complained_about(tool, files):
    result = tool("dmarc", "--psl", files / "key.pem.none", "--from", "example.test")
    assert result.returncode == 3 and "key.pem.none" in result.stderr


def seal(tool, files, message, results=""):
    (files / "message").write_text(results + message, encoding="utf-8")
    answer = said(tool("arc-seal", "--json", "--key", files / "key.pem", "--domain", "example.test", "--selector", "s1",
                       "--authserv-id", "mx.test", "--headers", "from:subject", "--now", 1700000000, files / "message"), 0)
    return "".join(field.replace("\r\n", "\n") + "\n" for field in answer["headers"]) + message


def chain(tool, files, message, code):
    (files / "message").write_text(message, encoding="utf-8")
    return said(tool("arc", "--json", "--now", 1700000000, files / "message"), code)


def test_a_chain_grows_and_breaks_once(tool, files):
    assert chain(tool, files, MESSAGE, 1)["result"] == "none"
    one = seal(tool, files, MESSAGE, "Authentication-Results: mx.test; spf=pass smtp.mailfrom=x\n")
    assert "ARC-Authentication-Results: i=1; mx.test; spf=pass smtp.mailfrom=x\n" in one
    two = seal(tool, files, one)
    assert "ARC-Authentication-Results: i=2; mx.test; arc=pass header.oldest-pass=0\n" in two
    answer = chain(tool, files, two, 0)
    assert (answer["result"], answer["sets"], answer["sealer"]) == ("pass", 2, "example.test")
    broken = two.replace("a test", "another")
    assert chain(tool, files, broken, 1)["result"] == "fail"
    closed = seal(tool, files, broken)
    assert "cv=fail" in closed
    (files / "message").write_text(closed, encoding="utf-8")
    answers = batch(tool, "arc-seal", lines=[{"id": 1, "file": str(files / "message"), "now": 1700000000,
                                              "key": str(files / "key.pem"), "domain": "example.test", "selector": "s1",
                                              "authserv_id": "mx.test", "headers": "from"}, {"id": 2, "file": "x"}])
    assert answers[1]["headers"] == [] and "error" in answers[2]


def test_auth_tells_who_vouches_for_the_return_path(tool, files):
    base = ["--json", "--now", 1700000000, files / "message"]
    answer = said(tool("auth", "--ip", "192.0.2.1", "--sender", "joe@example.test", "--helo", "x.test", *base), 0)
    assert [answer[k]["result"] for k in ("spf", "dkim", "dmarc", "arc")] == ["pass", "none", "pass", "none"]
    assert (answer["verified"], answer["by"], answer["dmarc"]["policy"]) == (True, "spf", "reject")
    answer = said(tool("auth", "--ip", "192.0.2.2", "--sender", "joe@example.test", "--helo", "x.test", *base), 1)
    assert (answer["spf"]["result"], answer["dmarc"]["result"], answer["verified"], answer["by"]) == ("fail", "fail", False, None)
    answer = said(tool("auth", "--ip", "192.0.2.1", "--sender", "", "--helo", "example.test", *base), 1)
    assert (answer["spf"]["result"], answer["dmarc"]["result"], answer["verified"]) == ("pass", "pass", False), \
        "nobody can prove the null return path"
    answers = batch(tool, "auth", lines=[
        {"id": 1, "file": str(files / "message"), "ip": "192.0.2.1", "sender": "joe@example.test", "helo": "x"},
        {"id": 2, "file": str(files / "message"), "ip": "nonsense"}, {"id": 3, "file": str(files / "none"), "ip": "192.0.2.1"}])
    assert answers[1]["by"] == "spf" and "error" in answers[2] and "none" in answers[3]["error"]
