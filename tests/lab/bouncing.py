# SPDX-License-Identifier: Apache-2.0
"""Tenants' servers that take mail and then bounce it, or answer by themselves: real ones, made so that they do it.

Each is made for a world: an object with lab; smarthost ("[host]:port") and smarthost_plain ("host:port"), relay_server ((host, port)), where
its mail goes out; and for DirectExim victims, genuine (sinks), genuine_domains and returns. known are the users that have a
mailbox, fails those whose mail bounces, refuses those refused at RCPT, answers those that have an automatic reply."""
import os
import pwd

LIST, OPEN = "list.test", "open.test"  # of the one there is a complete list of recipients, of the other the server is asked


class Accepting:
    """A Postfix that takes all mail and bounces what it cannot deliver; one mailbox has reached its limit."""
    name, domain, open_domain = "down", LIST, OPEN
    known, fails, refuses, answers = ["games", "away"], ["news", "gone"], [], []
    speaks_dsn, smarthost, options = True, True, ()

    def __init__(self, world):
        self.source = world.lab.address()
        self.sources = [self.source]
        self.server = self.make(world)
        self.target = self.server.server
        path = os.path.join(self.server.maildirs, "news")
        with open(path, "wb") as f:
            f.truncate(200000)
        os.chown(path, pwd.getpwnam("news").pw_uid, -1)

    def make(self, world, **settings):
        settings = {"local_recipient_maps": "", **settings}
        return world.lab.postfix(self.name, domain=self.domain, users=["games", "news"], aliases={"away": "games"}, source=self.source,
                                 mydestination=f"{self.domain}, {self.open_domain}", relayhost=world.smarthost, message_size_limit="100000",
                                 mailbox_size_limit="200000", mail_spool_directory=os.path.join(world.lab.path, self.name, "mail"),
                                 default_process_limit="60", **settings)

    def delivered(self):
        """All that is in the mailboxes, as one text."""
        text = b""
        for name in os.listdir(self.server.maildirs):
            with open(os.path.join(self.server.maildirs, name), "rb") as f:
                text += f.read()
        return text

    def wait_empty(self, timeout):
        self.server.wait_queue_empty(timeout)


class Strict(Accepting):
    """A Postfix that knows its users, and refuses others; the full mailbox it sees too late."""
    fails, refuses = ["news"], ["gone"]

    def make(self, world):
        return super().make(world, local_recipient_maps="inline:{ { games = x }, { news = x } }, $alias_maps")


class BouncingExim:
    """An Exim that takes all mail and bounces what it cannot deliver, and an autoresponder that answers everybody. It does not
    offer DSN and knows nothing of X-Auto-Response-Suppress: only the relay can stop what it writes."""
    name, domain, open_domain = "down", LIST, OPEN
    known, fails, refuses, answers = ["games", "away"], ["news", "gone"], [], ["away"]
    speaks_dsn, smarthost, options = False, True, ()

    def __init__(self, world):
        self.source = world.lab.address()
        self.sources = [self.source] if self.smarthost else []
        self.server = world.lab.exim(self.name, domain=self.domain, local_domains=f"{self.domain} : {self.open_domain}", users=["games", "news", "away"],
                                     accept_all=True, source=self.source, main="queue_run_max = 20\n" + self.more(world), **self.onward(world), maildir=(
                                         "  quota = ${if eq{$local_part}{news}{10}{0}}\n  quota_is_inclusive = true\n"), transports=(
                                         "vacation:\n  driver = autoreply\n  user = nobody\n  to = $sender_address\n"
                                         "  from = $local_part@$domain\n  subject = Away: $h_subject:\n  text = Back on Monday.\n"))
        self.target = self.server.server

    vacation = ("vacation:\n  driver = accept\n  unseen\n  domains = +local_domains\n  local_parts = away\n"
                "  senders = !:\n  transport = vacation\n")

    def more(self, world):
        """More lines of its configuration."""
        return ""

    def onward(self, world):
        return {"relay_to": world.relay_server, "routers": self.vacation}

    def delivered(self):
        return b"\n".join(m for user in ("games", "away") for m in self.server.maildir(user))

    def wait_empty(self, timeout):
        self.server.wait_queue_empty(timeout)


class ContainedExim(BouncingExim):
    """The same, with containment."""
    options = ("--contain",)


class DirectExim(ContainedExim):
    """The same, but it does not send through the relay: it writes to the server of whoever it answers, and the relay is
    one of those (by its MX, here a table)."""
    smarthost = False

    def onward(self, world):
        table = {world.returns: world.relay_server, "*": (world.victims.address, world.victims.port),
                 **{domain: (world.genuine.address, world.genuine.port) for domain in world.genuine_domains}}
        routers = "".join(
            f"to{i}:\n  driver = manualroute\n  domains = {'!+local_domains' if domain == '*' else domain}\n"
            f"  route_list = * {host}::{port}\n  self = send\n  transport = smtp\n"
            for i, (domain, (host, port)) in enumerate(sorted(table.items(), reverse=True)))
        return {"routers": self.vacation + routers, "transport": "  hosts_try_fastopen =\n  allow_localhost\n"}


class BehindPostfix(Accepting):
    """A Postfix before a Dovecot: a small quota, users that Dovecot does not know, Sieve scripts that answer and that reject."""
    known, fails, answers = ["games", "away"], ["news", "gone", "picky"], ["away"]
    away_text, picky_text = "Back on Monday.", "I do not want this."
    settings = {}  # of the Postfix

    def __init__(self, world):
        self.source = world.lab.address()
        self.sources = [self.source, "127.0.0.1"]  # Dovecot's own answers come from there
        self.dovecot = world.lab.dovecot(
            self.name + "-store", domain=self.domain, users={"games": None, "away": None, "news": 500, "picky": None}, submission=world.smarthost_plain, sieve={
                "away": f'require "vacation";\nvacation :days 1 :addresses ["away@{self.domain}"] "{self.away_text}";\n',
                "picky": f'require "reject";\nreject "{self.picky_text}";\n'})
        self.server = self.make(world, mailbox_transport=f"lmtp:inet:[{self.dovecot.address}]:{self.dovecot.port}", alias_maps="",
                                lmtp_dns_support_level="disabled", **self.settings)
        self.target = self.server.server

    def delivered(self):
        return b"\n".join(m for user in ("games", "away") for m in self.dovecot.maildir(user))
