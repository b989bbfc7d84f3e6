# SPDX-License-Identifier: Apache-2.0
"""A real Exim beside Postfix. The packages exclude each other, so Exim's is unpacked into build/exim (once; needs the Debian
mirror the first time) and run from there with a configuration of its own. The program wants its user Debian-exim to exist:
libnss-wrapper shows it an /etc/passwd that has one, so that the machine's stays as it is."""
import fcntl
import glob
import os
import pwd
import re
import shutil
import subprocess

from .net import free_port, new_address, wait_for_port
from .process import Process, resolving_by, wait_until

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
CACHE = os.path.join(TOP, "build", "exim")
PACKAGES = ["exim4-daemon-light", "exim4-base", "libidn12", "libgnutls-dane0"]

CONFIGURATION = """\
exim_user = nobody
exim_group = nogroup
never_users =
exim_path = {program}
deliver_drop_privilege = true
primary_hostname = {name}.{domain}
spool_directory = {spool}
log_file_path = {spool}/log/%slog
pid_file_path = {spool}/exim.pid
local_interfaces = <; {address}
daemon_smtp_ports = {port}
tls_advertise_hosts =
host_lookup =
rfc1413_hosts =
smtp_accept_max = 1000
smtp_connect_backlog = 1024
smtp_accept_max_per_host = 0
smtp_accept_queue_per_connection = 0
domainlist local_domains = {local_domains}
domainlist relay_to_domains = {relay_to}
hostlist relay_from_hosts = {relay_from}
acl_smtp_rcpt = acl_rcpt
{acl_data}keep_environment = LD_LIBRARY_PATH : LD_PRELOAD : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
prdr_enable = true
bounce_return_body = false
{main}
begin acl
acl_rcpt:
{acl_first}  accept domains = +local_domains
{verify}{acl_rcpt}  accept hosts = +relay_from_hosts
  accept domains = +relay_to_domains
  deny message = relay not permitted
{acl}
begin routers
{routers}
begin transports
maildir:
  driver = appendfile
  directory = {maildirs}/$local_part_data
  maildir_format
  create_directory
  user = nobody
  group = nogroup
{maildir}smtp:
  driver = smtp
{transport}{transports}
begin retry
* quota
* * F,1h,5s
"""

VERIFY = """\
         endpass
         message = unknown user
         verify = recipient
"""


def install():
    """The path of the exim program."""
    program = os.path.join(CACHE, "root", "usr", "sbin", "exim4")
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(program):
            subprocess.run(["apt-get", "download", "-q", *PACKAGES], cwd=CACHE, check=True, capture_output=True)
            for package in glob.glob(os.path.join(CACHE, "*.deb")):
                subprocess.run(["dpkg", "-x", package, os.path.join(CACHE, "root")], check=True)
            os.chmod(program, 0o755)  # no setuid: it would forget LD_LIBRARY_PATH when it starts itself again
    return program


def place(folder):
    """A copy of the program and its libraries where Exim's own user can read them, which a checkout may not be."""
    installed, program, libraries = install(), os.path.join(folder, "exim4"), os.path.join(folder, "lib")
    os.makedirs(libraries, exist_ok=True)
    for library in glob.glob(os.path.join(CACHE, "root", "usr", "lib", "*-linux-gnu", "*.so*")):
        shutil.copy(library, libraries)
    shutil.copy(installed, program)
    return program, libraries


class Exim:
    """relay_to: HOST, PORT where everything that is not its own goes. Users of its own domain are `users`; mail for them lands in
    Maildirs. cutthrough: recipients are asked there while the client waits (control = cutthrough_delivery). accept_all: whom it
    serves is looked at only when the message has been taken. transport, acl_rcpt, routers (before its own), maildir, transports
    and main are more lines of configuration; acl_first are those of the ACL for RCPT before all others. resolver: the address of the DNS
    server, port 53, that it asks, instead of the machine's."""

    def __init__(self, path, name, domain="exim.test", users=("games",), relay_to=None, relay_to_domains="", relay_from="127.0.0.0/8",
                 cutthrough=False, source=None, transport="", acl_rcpt="", acl_data="", acl="", main="",
                 accept_all=False, routers="", maildir="", transports="", local_domains=None, acl_first="", resolver=None):
        self.path, self.name, self.domain = path, name, domain
        self.address, self.spool, self.maildirs = new_address(), os.path.join(path, "spool"), os.path.join(path, "mail")
        self.port = free_port(self.address)
        self.program, self.libraries = place(path)
        self.process, self.resolver = None, resolver
        nobody = pwd.getpwnam("nobody")
        for folder in (self.spool, self.spool + "/log", self.maildirs):
            os.makedirs(folder, exist_ok=True)
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            os.chmod(folder, 0o755)
        if relay_to:
            routers += ("onward:\n  driver = manualroute\n  domains = !+local_domains\n"
                        f"  route_list = * {relay_to[0]}\n  self = send\n  transport = smtp\n")
            transport += f"  port = {relay_to[1]}\n  hosts_try_fastopen =\n  allow_localhost\n"
        routers += ("local:\n  driver = accept\n  domains = +local_domains\n"
                    f"  local_parts = postmaster : {' : '.join(users)}\n  transport = maildir\n")
        if source:
            transport += f"  interface = {source}\n"
        if cutthrough:
            acl_rcpt += "  warn control = cutthrough_delivery\n"
        self.configuration = os.path.join(path, "exim.conf")
        with open(self.configuration, "w") as f:
            f.write(CONFIGURATION.format(
                program=self.program, name=name, domain=domain, local_domains=local_domains or domain, spool=self.spool,
                address=self.address, port=self.port, relay_to=relay_to_domains, verify="" if accept_all else VERIFY,
                maildir=maildir, transports=transports,
                relay_from=relay_from, routers=routers, transport=transport, maildirs=self.maildirs, acl_rcpt=acl_rcpt, acl_first=acl_first,
                acl_data=f"acl_smtp_data = {acl_data}\n" if acl_data else "", acl=acl, main=main))
        os.chmod(self.configuration, 0o644)
        for file, line in (("passwd", "Debian-exim:x:65533:65533::/nonexistent:/usr/sbin/nologin\n"),
                           ("group", "Debian-exim:x:65533:\n")):
            with open("/etc/" + file) as f, open(os.path.join(path, file), "w") as copy:
                copy.write(f.read() + line)

    @property
    def server(self):
        return self.address, self.port

    @property
    def endpoint(self):
        return f"{self.address}:{self.port}"

    def environment(self):
        """Exim insists on a user of its own, which need not be added to this machine for that."""
        wrapper = glob.glob("/usr/lib/*-linux-gnu/libnss_wrapper.so*")[0]
        return {"LD_LIBRARY_PATH": self.libraries, "LD_PRELOAD": wrapper,
                "NSS_WRAPPER_PASSWD": os.path.join(self.path, "passwd"), "NSS_WRAPPER_GROUP": os.path.join(self.path, "group")}

    def start(self):
        argv = [self.program, "-C", self.configuration, "-bdf", "-q5s", "-oX", f"<; [{self.address}]:{self.port}"]
        if self.resolver:
            argv = resolving_by(self.resolver, os.path.join(self.path, "resolv.conf"), argv)
        self.process = Process(argv, os.path.join(self.path, "exim.out"), env=self.environment())
        wait_for_port(self.address, self.port, alive=self.process.alive)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process = None
            subprocess.run(["pkill", "-9", "-f", self.configuration], check=False)

    def close(self):
        self.stop()
        shutil.rmtree(self.spool, ignore_errors=True)

    def wait_queue_empty(self, timeout=20):
        """Returns when nothing is in the queue any more."""
        wait_until(lambda: not os.listdir(os.path.join(self.spool, "input")), timeout, f"{self.name}'s queue to be empty")

    def log(self):
        text = ""
        for name in ("exim.out", "spool/log/mainlog", "spool/log/paniclog"):
            try:
                with open(os.path.join(self.path, name), errors="replace") as f:
                    text += f.read()
            except FileNotFoundError:
                pass
        return text

    def logs(self):
        return [(f"exim {self.name}", self.log()[-6000:])]

    def wait_log(self, pattern, timeout=20, count=1):
        def seen():
            found = list(re.finditer(pattern, self.log(), re.M))
            return found[count - 1] if len(found) >= count else None
        return wait_until(seen, timeout, f"/{pattern}/ in {self.name}'s log")

    def maildir(self, user):
        """The messages of a user, as bytes."""
        found = []
        for path in sorted(glob.glob(os.path.join(self.maildirs, user, "new", "*"))):
            with open(path, "rb") as f:
                found.append(f.read())
        return found

    def wait_mail(self, user, count=1, timeout=20):
        def enough():
            found = self.maildir(user)
            return found if len(found) >= count else None
        return wait_until(enough, timeout, f"{count} messages for {user} at {self.name}")
