# SPDX-License-Identifier: Apache-2.0
"""Keys of tenants and of the relay: made, rotated with an overlap, shown as DNS records, imported and removed."""
import base64
import json
import re
import subprocess

import pytest

DAY = 86400


@pytest.fixture
def relay(lab):
    made = lab.backstop(start=False)
    made.tenant("acme", ["a.test", ".b.test"], "192.0.2.77:25")
    return made


def keys(relay, *words):
    return relay.cli("keys", *words, "--json").ok().rows


def public_key(pem, *options):
    """The DER of the public key, by OpenSSL's own tool."""
    return subprocess.run(["openssl", "pkey", *options, "-pubout", "-outform", "DER"], input=pem, capture_output=True, check=True).stdout


def private_key(*options):
    return subprocess.run(["openssl", "genpkey", *options], capture_output=True, check=True).stdout.decode()


def record_key(record):
    return base64.b64decode(re.search(r"p=(\S+)", record).group(1))


def test_a_signing_key_is_published_a_day_before_it_signs_and_the_old_one_a_month_longer(relay):
    first, = keys(relay, "rotate", "--tenant", "acme", "--dkim", "--domain", "a.test", "--now")
    assert first["state"] == "active" and first["record"].startswith("v=DKIM1; k=rsa; p=")
    assert re.fullmatch(r"bs\d{8}", first["selector"]) and first["name"] == first["selector"] + "._domainkey.a.test"
    second, = keys(relay, "rotate", "--tenant", "acme", "--dkim", "--domain", "a.test")
    assert second["state"] == "next" and second["active_from"] == second["created"] + DAY
    assert second["selector"] == first["selector"] + "b", "a second one of that day has a name of its own"
    shown = {row["selector"]: row for row in keys(relay, "show", "--tenant", "acme")}
    old = shown[first["selector"]]
    assert old["state"] == "active" and old["retired"] == second["active_from"]
    assert old["expires"] == second["active_from"] + 30 * DAY
    assert all(row["publish"] for row in shown.values())


def test_a_key_that_takes_over_at_once_replaces_the_one_that_waited(relay):
    waited, = keys(relay, "rotate", "--tenant", "acme", "--dkim", "--domain", "a.test")
    at_once, = keys(relay, "rotate", "--tenant", "acme", "--dkim", "--domain", "a.test", "--algorithm", "ed25519", "--now")
    shown = keys(relay, "show", "--tenant", "acme")
    assert [row["record"] for row in shown] == [at_once["record"]]
    assert waited["record"] != at_once["record"]


def test_without_a_domain_each_domain_of_the_tenant_gets_a_key_of_its_own(relay):
    made = keys(relay, "rotate", "--tenant", "acme", "--dkim", "--selector", "S1", "--bits", "1024")
    assert [row["domain"] for row in made] == ["a.test", "b.test"]
    assert {row["selector"] for row in made} == {"s1"}
    assert made[0]["record"] != made[1]["record"]


def test_records_are_lines_of_a_zone_file_that_name_servers_read(relay, tmp_path):
    keys(relay, "rotate", "--tenant", "acme", "--dkim", "--domain", "a.test", "--bits", "4096", "--selector", "big")
    keys(relay, "rotate", "--tenant", "acme", "--dkim", "--domain", "b.test", "--algorithm", "ed25519", "--selector", "small")
    keys(relay, "rotate", "--tenant", "acme", "--tags")
    keys(relay, "rotate", "--srs")
    text = relay.cli("keys", "show").ok().out
    strings = re.findall(r'"([^"]*)"', text)
    assert len(strings) == 4 and all(len(s) <= 255 for s in strings), "4096 bits take three strings, Ed25519 one"
    for line in text.splitlines():
        assert line.startswith(";") or re.fullmatch(r'\w+\._domainkey\.[ab]\.test\. IN TXT \((?: "[^"]+")+ \)', line), line
    records = {row["selector"]: row["record"] for row in keys(relay, "show") if row["kind"] == "dkim"}
    assert "".join(strings[:3]) == records["big"] and strings[3] == records["small"]


def test_secrets_are_never_shown(relay):
    for words in (["rotate", "--tenant", "acme", "--dkim"], ["rotate", "--tenant", "acme", "--tags"], ["rotate", "--srs"], ["show"]):
        for json_too in ([], ["--json"]):
            out = relay.cli("keys", *words, *json_too).ok().out
            assert "PRIVATE" not in out and "secret\"" not in out
    allowed = {"tenant", "kind", "state", "created", "active_from", "retired", "expires", "number", "domain", "selector", "algorithm",
               "name", "record", "publish"}
    assert all(set(row) <= allowed for row in keys(relay, "show"))


def test_tag_keys_overlap_and_there_are_ten_numbers(relay):
    numbers = [keys(relay, "rotate", "--tenant", "acme", "--tags")[0]["number"] for _ in range(10)]
    assert numbers == list(range(10))
    states = [row["state"] for row in keys(relay, "show", "--tenant", "acme")]
    assert states == ["retired"] * 9 + ["active"]
    refused = relay.cli("keys", "rotate", "--tenant", "acme", "--tags")
    assert refused.code == 1 and "14 days" in refused.err


def test_what_a_tenant_turns_on_gets_its_key(relay):
    assert keys(relay, "show") == []
    relay.cli("tenant", "set", "acme", "--tags", "prvs").ok()
    assert [(row["tenant"], row["kind"]) for row in keys(relay, "show")] == [("acme", "batv")]
    relay.cli("tenant", "set", "acme", "--contain").ok()
    relay.cli("tenant", "set", "acme", "--contain", "--tags", "sub-address").ok()
    assert [(row["tenant"], row["kind"]) for row in keys(relay, "show")] == [(None, "srs"), ("acme", "batv")]
    relay.cli("tenant", "remove", "acme").ok()
    assert [row["kind"] for row in keys(relay, "show")] == ["srs"], "a tenant's keys go with it"


@pytest.mark.parametrize("options, algorithm", [
    (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "rsa"),
    (["-algorithm", "ed25519"], "ed25519"),
])
def test_a_key_in_use_elsewhere_is_imported(relay, tmp_path, options, algorithm):
    pem = private_key(*options)
    file = tmp_path / "key.pem"
    file.write_text(pem)
    made, = keys(relay, "import", "--tenant", "acme", "--domain", "mail.b.test", "--selector", "old", str(file))
    assert made["state"] == "active" and made["algorithm"] == algorithm
    der = public_key(pem.encode())
    assert record_key(made["record"]) == (der if algorithm == "rsa" else der[-32:]), "RFC 8463: the bare key"
    again = relay.cli("keys", "import", "--tenant", "acme", "--domain", "mail.b.test", "--selector", "old", "-", stdin=pem)
    assert again.code == 1 and "already" in again.err


def test_the_key_before_a_removed_one_signs_again(relay):
    keys(relay, "rotate", "--tenant", "acme", "--dkim", "--domain", "a.test", "--selector", "one", "--now")
    keys(relay, "rotate", "--tenant", "acme", "--dkim", "--domain", "a.test", "--selector", "two", "--now")
    assert [row["state"] for row in keys(relay, "show")] == ["retired", "active"]
    relay.cli("keys", "remove", "--tenant", "acme", "--domain", "a.test", "--selector", "two").ok()
    left, = keys(relay, "show")
    assert left["selector"] == "one" and left["state"] == "active" and left["retired"] is None
    assert relay.cli("keys", "remove", "--tenant", "acme", "--domain", "a.test", "--selector", "two").code == 1


@pytest.mark.parametrize("words, code", [
    ([], 2),
    (["frobnicate"], 2),
    (["rotate"], 2),
    (["rotate", "--tenant", "acme"], 2),
    (["rotate", "--tenant", "acme", "--dkim", "--tags"], 2),
    (["rotate", "--tenant", "acme", "--srs"], 2),
    (["rotate", "--tenant", "acme", "--tags", "--bits", "2048"], 2),
    (["rotate", "--tenant", "acme", "--dkim", "--algorithm", "dsa"], 2),
    (["rotate", "--tenant", "acme", "--dkim", "--algorithm", "ed25519", "--bits", "2048"], 2),
    (["rotate", "--tenant", "acme", "--dkim", "--bits", "512"], 2),
    (["rotate", "--tenant", "acme", "--dkim", "--selector", "not a name"], 2),
    (["rotate", "--tenant", "nobody", "--dkim"], 1),
    (["rotate", "--tenant", "acme", "--dkim", "--domain", "c.test"], 1),
    (["rotate", "--tenant", "acme", "--dkim", "--domain", "sub.a.test"], 1),
    (["rotate", "--tenant", "acme", "--dkim", "--domain", "a.test", "--selector", ".".join(["x" * 60] * 4)], 2),
    (["import", "--tenant", "acme", "--domain", "a.test", "--selector", "s"], 2),
    (["import", "--tenant", "acme", "--domain", "a.test", "--selector", "s", "/nonexistent"], 3),
    (["import", "--tenant", "acme", "--domain", "a.test", "--selector", "s", "-"], 2),
    (["import", "--tenant", "acme", "--domain", "c.test", "--selector", "s", "-"], 1),
    (["show", "--tenant", "nobody"], 1),
    (["show", "--tags"], 2),
    (["remove", "--tenant", "acme"], 2),
    (["remove", "--tenant", "acme", "--tags", "--number", "3"], 1),
    (["remove", "--srs", "--number", "1"], 1),
    (["remove", "--srs"], 2),
])
def test_mistakes_have_their_exit_code_and_change_nothing(relay, words, code):
    result = relay.cli("keys", *words, stdin="no key")
    assert result.code == code, repr(result)
    assert result.err.strip() and not result.out
    assert keys(relay, "show") == []


def test_showing_keys_needs_no_state(lab):
    relay = lab.backstop(start=False)
    assert relay.cli("keys", "show").ok().out == ""
    assert json.loads(relay.cli("keys", "rotate", "--srs", "--json").ok().out)["number"] == 1
