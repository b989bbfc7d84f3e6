# SPDX-License-Identifier: Apache-2.0
"""docs/using-the-list.md, taken at its word: real servers run exactly what it says, ask our DNS service, and refuse what they should and
nothing else. Their resolver is ours because each runs in a mount namespace with an /etc/resolv.conf of its own."""
import json
import os
import re
import subprocess
import time

import pytest
from lab import Smtp, wait_until
from lab.net import new_address
from lab.smtp import message

DOCUMENT = os.path.join(os.path.dirname(__file__), "..", "docs", "using-the-list.md")
ZONE = "bl.example.net"  # as in the document
DAY = 86400


def blocks(heading):
    """The configurations in a section of the document, as they stand there."""
    with open(DOCUMENT) as f:
        section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", f.read(), re.M | re.S).group(1)
    found = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", section, re.M)
    return [re.sub(r"^ {4}", "", block.strip("\n"), flags=re.M) + "\n" for block in found if block.strip()]


def settings(text):
    """Lines of main.cf as a dictionary."""
    joined = re.sub(r"\n\s+", " ", text)
    return dict(re.split(r"\s*=\s*", line, maxsplit=1) for line in joined.splitlines() if line)


class World:
    """The list on port 53 of an address of its own, with somebody who is listed, somebody who sends nothing else, and a stranger."""

    def __init__(self, lab):
        self.lab, self.server = lab, new_address()
        self.listed, self.only, self.stranger = new_address(), new_address(), new_address()
        self.public = "198.51.100.9"  # listed too: SpamAssassin asks about no address of 127.0.0.0/8
        self.backstop = lab.backstop(start=False, top=f"""
dns {{ listen = {{"{self.server}:53"}} zone = "{ZONE}" nameserver = {{"ns1.example.net"}} }}
keeper {{ trap = {{"trap.test"}} list-reserved = true any-senders = 0 }}
web {{ public-url = "https://bl.example.net" }}""")
        now = int(time.time())
        acts = [(ip, 0, t) for ip in (self.listed, self.public) for t in range(4)] + [(self.only, d, t) for d in range(6) for t in range(6)]
        self.backstop.cli("evidence", "add", "--batch", stdin="".join(json.dumps(
            {"id": 0, "ip": ip, "class": "bounce", "witness": "trap", "target": f"t{t}@trap.test", "time": now - day * DAY}) + "\n"
            for ip, day, t in acts)).ok()
        self.backstop.start()

        def shown(ip):
            return self.backstop.cli("list", "show", ip, "--json").rows[0]
        wait_until(lambda: shown(self.listed)["listed"] and shown(self.only)["listed"], 20, "both to be listed")


@pytest.fixture(scope="module")
def world(labs):
    return World(labs())


def postfix(world, any_too=False):
    main, table, any_zone = blocks("Postfix")
    path = world.lab.file("backscatter", table)
    values = settings(main.replace("/etc/postfix/backscatter", path))
    if any_too:
        values.update(settings(any_zone))
    return world.lab.postfix("p-any" if any_too else "p-safe", domain="post.test", resolver=world.server, **values), "games@post.test"


def exim(world, any_too=False):
    safe, any_zone = blocks("Exim")
    return world.lab.exim("e-any" if any_too else "e-safe", domain="exim.test", resolver=world.server,
                          acl_first=any_zone + safe if any_too else safe), "games@exim.test"


@pytest.fixture(scope="module", params=[postfix, exim], ids=["postfix", "exim"])
def safe(request, world):
    return request.param(world)


@pytest.fixture(scope="module", params=[postfix, exim], ids=["postfix", "exim"])
def both(request, world):
    return request.param(world, any_too=True)


def send(server, source, sender):
    """The last reply: of the command that was refused, or of the message."""
    where, to = server
    with Smtp(where.server, source=source) as client:
        return client.transaction(sender, to, message(sender, to, "a message"))


BOUNCES = ["", "postmaster@client.test", "Postmaster@CLIENT.test"]


@pytest.mark.parametrize("sender", BOUNCES)
def test_a_bounce_from_who_is_listed_is_refused_with_the_link(world, safe, sender):
    reply = send(safe, world.listed, sender)
    assert 550 <= reply.code <= 554, reply
    assert f"https://bl.example.net/lookup/{world.listed}" in str(reply), reply


@pytest.mark.parametrize("sender", ["ann@client.test", "not-postmaster@client.test", "postmaster.x@client.test"])
def test_ordinary_mail_from_who_is_listed_passes(world, safe, sender):
    assert send(safe, world.listed, sender).code == 250
    assert send(safe, world.only, sender).code == 250, "any. is not asked here"


@pytest.mark.parametrize("sender", [*BOUNCES, "ann@client.test"])
def test_who_is_not_listed_is_not_touched(world, safe, sender):
    assert send(safe, world.stranger, sender).code == 250


@pytest.mark.parametrize("sender", ["ann@client.test", ""])
def test_any_refuses_all_mail_of_who_sends_nothing_else(world, both, sender):
    reply = send(both, world.only, sender)
    assert 550 <= reply.code <= 554 and f"https://bl.example.net/lookup/{world.only}" in str(reply), reply


def test_any_lets_ordinary_mail_of_the_others_pass(world, both):
    for sender in ("ann@client.test", ""):
        assert send(both, world.stranger, sender).code == 250
    assert send(both, world.listed, "ann@client.test").code == 250
    assert send(both, world.listed, "").code >= 550


def test_without_an_answer_mail_passes(world):
    """A list that is away is no reason to refuse."""
    where, to = postfix_without(world)
    assert send((where, to), world.listed, "").code == 250


def postfix_without(world):
    main, table, _ = blocks("Postfix")
    path = world.lab.file("backscatter-away", table)
    return world.lab.postfix("p-away", domain="away.test", resolver=new_address(),
                             **settings(main.replace("/etc/postfix/backscatter", path))), "games@away.test"


# ---- content filters -------------------------------------------------------------------------------------------------------------


def test_spamassassin(world):
    """Its own lint, and messages: only a bounce from who is listed hits the rule."""
    folder = world.lab.folder("spamassassin")
    with open(os.path.join(folder, "init.pre"), "w") as f:
        f.write("loadplugin Mail::SpamAssassin::Plugin::DNSEval\nloadplugin Mail::SpamAssassin::Plugin::Check\n")
    with open(os.path.join(folder, "list.cf"), "w") as f:
        f.write(blocks("SpamAssassin")[0] + f"dns_server {world.server}:53\ndns_available yes\nuse_bayes 0\n")
    words = ["--siteconfigpath", folder, "-C", folder, "-p", world.lab.file("prefs", "")]
    lint = subprocess.run(["spamassassin", "--lint", *words], capture_output=True, text=True, timeout=60)
    assert lint.returncode == 0, lint.stderr

    def hits(sender, ip):
        mail = (f"Return-Path: <{sender}>\nReceived: from out.client.test (out.client.test [{ip}])\n"
                "\tby mx.here.test (Postfix) with ESMTP id 1; Wed, 25 Nov 2026 10:00:00 +0000\n"
                + message("x@client.test", "a@here.test").decode().replace("\r", ""))
        done = subprocess.run(["spamassassin", "-t", "-D", "rules", *words], input=mail, capture_output=True, text=True, timeout=60)
        return "ran meta rule BACKSCATTER_LISTED ======> got hit" in done.stderr
    assert hits("", world.public) and hits("postmaster@client.test", world.public)
    assert not hits("ann@client.test", world.public)
    assert not hits("", "198.51.100.10")


def test_rspamd_takes_its_configuration(world):
    """Only that: that the symbols come as they should was seen by hand, as rspamd needs a minute to start."""
    any_zone, safe_zone, composite = blocks("rspamd")
    folder = world.lab.folder("rspamd")
    for name, text in (("rbl.conf", any_zone + safe_zone), ("composites.conf", composite)):
        os.makedirs(os.path.join(folder, "local.d"), exist_ok=True)
        with open(os.path.join(folder, "local.d", name), "w") as f:
            f.write(text)
    options = [f"--var={name}={folder}" for name in ("LOCAL_CONFDIR", "DBDIR", "RUNDIR", "LOGDIR")]
    done = subprocess.run(["rspamadm", *options, "configtest", "-c", "/etc/rspamd/rspamd.conf"], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0 and "syntax OK" in done.stdout, done.stdout + done.stderr
    dumped = subprocess.run(["rspamadm", *options, "configdump", "-c", "/etc/rspamd/rspamd.conf", "rbl"], capture_output=True, text=True, timeout=90)
    assert "any.bl.example.net" in dumped.stdout and "safe.bl.example.net" in dumped.stdout, "both lists are in it"
