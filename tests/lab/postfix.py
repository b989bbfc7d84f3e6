# SPDX-License-Identifier: Apache-2.0
"""A real Postfix of its own: configuration, queue, data folder, ports. Needs root, as Postfix does.

Its local users are users of the machine (Debian has "games", "news", "irc", "list", "backup" everywhere); their mail lands
in Maildirs inside the lab. Aliases, recipient tables and any main.cf setting can be given."""
import email
import email.policy
import grp
import os
import pwd
import re
import shutil
import subprocess
import time

from .net import free_port, new_address, wait_for_port
from .process import Process, resolving_by, wait_until

MASTER_CF = """\
{listen}
pickup     unix  n  -  n  60   1  pickup
cleanup    unix  n  -  n  -    0  cleanup
qmgr       unix  n  -  n  300  1  qmgr
tlsmgr     unix  -  -  n  1000? 1 tlsmgr
rewrite    unix  -  -  n  -    -  trivial-rewrite
bounce     unix  -  -  n  -    0  bounce
defer      unix  -  -  n  -    0  bounce
trace      unix  -  -  n  -    0  bounce
verify     unix  -  -  n  -    1  verify
flush      unix  n  -  n  1000? 0 flush
proxymap   unix  -  -  n  -    -  proxymap
proxywrite unix  -  -  n  -    1  proxymap
smtp       unix  -  -  n  -    -  smtp
relay      unix  -  -  n  -    -  smtp
showq      unix  n  -  n  -    -  showq
error      unix  -  -  n  -    -  error
retry      unix  -  -  n  -    -  error
discard    unix  -  -  n  -    -  discard
local      unix  -  n  n  -    -  local
virtual    unix  -  n  n  -    -  virtual
lmtp       unix  -  -  n  -    -  lmtp
anvil      unix  -  -  n  -    1  anvil
scache     unix  -  -  n  -    1  scache
postlog    unix-dgram n - n -  1  postlogd
"""


class Postfix:
    """settings are main.cf's names. domain: its own domain, whose users are `users` (names of the machine's users);
    relayhost and the like are settings. source: the address it connects from. resolver: the address of the DNS server, port 53, that
    it asks, instead of the machine's."""

    def __init__(self, path, name, domain="localhost.test", users=("games",), aliases=None, address=None, source=None,
                 extra_services="", resolver=None, **settings):
        if os.geteuid() != 0:
            raise RuntimeError("Postfix can only be run by root")
        self.path, self.name, self.domain, self.users = path, name, domain, list(users)
        self.address = address or new_address()
        self.port = free_port(self.address)
        self.queue, self.maildirs = os.path.join(path, "q"), os.path.join(path, "mail")
        self.log_path = os.path.join(path, "maillog")
        self.process, self.resolver = None, resolver
        self._make_folders()
        listen = f"{self.address}:{self.port} inet n - n - - smtpd"
        self._write("c/master.cf", MASTER_CF.format(listen=listen) + extra_services)
        self._write("aliases", "".join(f"{k} {v}\n" for k, v in {"postmaster": self.users[0], **(aliases or {})}.items()))
        self._write("c/main.cf", self._main_cf(source, settings))

    @property
    def server(self):
        return self.address, self.port

    @property
    def endpoint(self):
        return f"{self.address}:{self.port}"

    def _write(self, name, text):
        """Postfix waits until a configuration file is some seconds old, in case it is still being edited; so it is made old."""
        path = os.path.join(self.path, name)
        with open(path, "w") as f:
            f.write(text)
        os.utime(path, (time.time() - 60,) * 2)

    def _make_folders(self):
        postfix, postdrop = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
        os.makedirs(os.path.join(self.path, "c"))
        os.makedirs(os.path.join(self.queue, "pid"))
        for folder in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved",
                       "trace"):
            os.mkdir(os.path.join(self.queue, folder), 0o700)
            os.chown(os.path.join(self.queue, folder), postfix, 0)
        for folder, mode in (("maildrop", 0o730), ("public", 0o710)):
            os.mkdir(os.path.join(self.queue, folder))
            os.chown(os.path.join(self.queue, folder), postfix, postdrop)
            os.chmod(os.path.join(self.queue, folder), mode)
        os.mkdir(os.path.join(self.path, "data"), 0o700)
        os.chown(os.path.join(self.path, "data"), postfix, -1)
        os.mkdir(self.maildirs)
        os.chmod(self.maildirs, 0o1777)

    def _main_cf(self, source, settings):
        values = {
            "compatibility_level": "3.6", "queue_directory": self.queue, "data_directory": os.path.join(self.path, "data"),
            "maillog_file": self.log_path, "maillog_file_prefixes": self.path,
            "command_directory": "/usr/sbin", "daemon_directory": "/usr/lib/postfix/sbin",
            "myhostname": f"{self.name}.{self.domain}", "mydomain": self.domain, "myorigin": self.domain,
            "mydestination": self.domain, "mynetworks": "127.0.0.0/8", "inet_interfaces": "loopback-only",
            "inet_protocols": "ipv4", "local_recipient_maps": f"inline:{{ {self._local_users()} }}, $alias_maps",
            "alias_maps": "texthash:" + os.path.join(self.path, "aliases"), "alias_database": "",
            "mail_spool_directory": self.maildirs + "/", "home_mailbox": "", "mailbox_command": "", "biff": "no",
            "smtp_dns_support_level": "disabled", "smtp_host_lookup": "native", "relayhost": "", "smtputf8_enable": "yes",
            "default_transport": "smtp", "recipient_delimiter": "+", "smtp_tls_security_level": "may",
            "minimal_backoff_time": "5s", "maximal_backoff_time": "10s", "queue_run_delay": "5s",
            "smtpd_client_connection_count_limit": "0", "smtpd_client_connection_rate_limit": "0",
            "smtpd_error_sleep_time": "0", "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
            "notify_classes": "", "import_environment": "MAIL_CONFIG",
        }
        if source:
            values["smtp_bind_address"] = source
        values.update(settings)
        return "".join(f"{name} = {value}\n" for name, value in values.items())

    def _local_users(self):
        return ", ".join(f"{{ {user} = x }}" for user in self.users + ["postmaster"])

    def start(self):
        argv = ["/usr/lib/postfix/sbin/master", "-c", os.path.join(self.path, "c"), "-d"]
        if self.resolver:
            argv = resolving_by(self.resolver, os.path.join(self.path, "resolv.conf"), argv)
        self.process = Process(argv, os.path.join(self.path, "master.out"))
        wait_for_port(self.address, self.port, alive=self.process.alive)

    def stop(self):
        if self.process:
            self.process.kill()
            for _, group in self._groups():
                try:
                    os.killpg(group, 9)
                except ProcessLookupError:
                    pass
            self.process = None

    def _groups(self):
        """master makes itself a process group leader; its daemons stay in that group, so one kill takes all. The pid file
        tells of a master that got away."""
        try:
            with open(os.path.join(self.queue, "pid", "master.pid")) as f:
                pid = int(f.read())
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if self.path.encode() in f.read():
                    return [(pid, os.getpgid(pid))]
        except (OSError, ValueError):
            pass
        return []

    def close(self):
        self.stop()
        shutil.rmtree(self.queue, ignore_errors=True)

    def logs(self):
        return [(f"postfix {self.name}", self.log()[-6000:])]

    def log(self):
        try:
            with open(self.log_path, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def wait_log(self, pattern, timeout=20, count=1):
        def seen():
            found = list(re.finditer(pattern, self.log(), re.M))
            return found[count - 1] if len(found) >= count else None
        return wait_until(seen, timeout, f"/{pattern}/ in {self.name}'s log")

    def maildir(self, user):
        """The messages of a user, as email.message.EmailMessage, oldest first."""
        folder = os.path.join(self.maildirs, user, "new")
        try:
            names = sorted(os.listdir(folder), key=lambda n: os.path.getmtime(os.path.join(folder, n)))
        except FileNotFoundError:
            return []
        messages = []
        for name in names:
            with open(os.path.join(folder, name), "rb") as f:
                messages.append(email.message_from_binary_file(f, policy=email.policy.default))
        return messages

    def wait_mail(self, user, count=1, timeout=20):
        """The user's messages, once there are count."""
        def enough():
            found = self.maildir(user)
            return found if len(found) >= count else None
        return wait_until(enough, timeout, f"{count} messages for {user} at {self.name}")

    def wait_queue_empty(self, timeout=20):
        """Returns when nothing is in the queue any more."""
        def empty():
            return not any(names for folder in ("incoming", "active", "deferred", "maildrop")
                           for _, _, names in os.walk(os.path.join(self.queue, folder)))
        wait_until(empty, timeout, f"{self.name}'s queue to be empty")

    def flush(self):
        """Tries deferred mail again now."""
        subprocess.run(["/usr/sbin/postqueue", "-c", os.path.join(self.path, "c"), "-f"], check=True)
