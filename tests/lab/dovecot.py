# SPDX-License-Identifier: Apache-2.0
"""A real Dovecot that takes mail by LMTP behind a Postfix: real quotas, and Sieve that answers by itself (vacation, reject). It
runs as nobody, with a configuration of its own."""
import glob
import os
import pwd
import shutil

from .net import free_port, new_address, wait_for_port
from .process import Process

CONFIGURATION = """\
base_dir = {path}/run
state_dir = {path}/run
log_path = {path}/dovecot.log
protocols = lmtp
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
ssl = no
hostname = {name}.{domain}
postmaster_address = postmaster@{domain}
submission_host = {submission}
submission_timeout = 10s
mail_location = maildir:~/mail
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
mail_plugins = quota
lmtp_save_to_detail_mailbox = no
recipient_delimiter = +
passdb {{
  driver = passwd-file
  args = username_format=%n {path}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%n {path}/users
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage=100M
  quota_grace = 0
  sieve = file:~/active.sieve
}}
protocol lmtp {{
  mail_plugins = quota sieve
}}
service lmtp {{
  chroot =
  inet_listener lmtp {{
    address = {address}
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


class Dovecot:
    """users: {name: quota in octets, or None}; sieve: {name: script}. submission: HOST:PORT where its answers go. Recipients whose
    quota a message would exceed, and others than its users, it refuses in LMTP."""

    def __init__(self, path, name, domain, users, submission, sieve=None):
        self.path, self.name, self.address = path, name, new_address()
        self.port = free_port(self.address)
        self.process = None
        nobody = pwd.getpwnam("nobody")
        self._write("dovecot.conf", CONFIGURATION.format(path=path, name=name, domain=domain, submission=submission,
                                                         address=self.address, port=self.port))
        self._write("users", "".join(
            f"{user}:{{plain}}x:{nobody.pw_uid}:{nobody.pw_gid}::{self.home(user)}::"
            + (f"userdb_quota_rule=*:bytes={quota}" if quota else "") + "\n" for user, quota in users.items()))
        for user in users:
            os.makedirs(self.home(user))
            if user in (sieve or {}):
                self._write(f"home/{user}/active.sieve", sieve[user])
        for folder, _, names in os.walk(path):
            for entry in [folder] + [os.path.join(folder, n) for n in names]:
                os.chown(entry, nobody.pw_uid, nobody.pw_gid)
        self._nobody = nobody

    def _write(self, name, text):
        with open(os.path.join(self.path, name), "w") as f:
            f.write(text)

    def home(self, user):
        return os.path.join(self.path, "home", user)

    def _become_nobody(self):
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(self._nobody.pw_gid)
            os.setuid(self._nobody.pw_uid)

    def start(self):
        self.process = Process(["/usr/sbin/dovecot", "-F", "-c", os.path.join(self.path, "dovecot.conf")],
                               os.path.join(self.path, "dovecot.out"), preexec=self._become_nobody)
        wait_for_port(self.address, self.port, alive=self.process.alive)

    def close(self):
        if self.process:
            self.process.stop(5)  # its processes are groups of their own, so it must end them itself
            self.process = None
        shutil.rmtree(os.path.join(self.path, "run"), ignore_errors=True)

    def maildir(self, user):
        """The messages of a user, as bytes."""
        found = []
        for path in sorted(glob.glob(os.path.join(self.home(user), "mail", "new", "*"))):
            with open(path, "rb") as f:
                found.append(f.read())
        return found

    def logs(self):
        text = ""
        for name in ("dovecot.out", "dovecot.log"):
            try:
                with open(os.path.join(self.path, name), errors="replace") as f:
                    text += f.read()
            except FileNotFoundError:
                pass
        return [(f"dovecot {self.name}", text[-6000:])]
