# SPDX-License-Identifier: Apache-2.0
"""The lab: makes servers and tidies up after them."""
import os
import shutil
import tempfile

from .net import new_address


class Lab:
    """Owns servers and folders. Its folder is short (Unix socket names are limited) and open to other users."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="bs-")
        os.chmod(self.path, 0o755)
        self._parts = []
        self.keep = bool(os.environ.get("LAB_KEEP"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for part in reversed(self._parts):
            part.close()
        self._parts.clear()
        if not self.keep:
            shutil.rmtree(self.path, ignore_errors=True)

    def add(self, part):
        """A part has close(), and logs() giving [(title, text)] for reports of failed tests."""
        self._parts.append(part)
        return part

    def logs(self):
        return [pair for part in self._parts for pair in part.logs()]

    def folder(self, name):
        path = os.path.join(self.path, name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o755)
        return path

    def file(self, name, text):
        path = os.path.join(self.path, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    address = staticmethod(new_address)

    def certificate(self, name="localhost"):
        """(certificate file, key file), self-signed."""
        from .tls import self_signed
        return self_signed(self.folder("tls"), name)

    def dns(self, zone=""):
        from .dns import Dns
        return self.add(Dns(zone))

    def sink(self, address=None, port=None, **script):
        from .sink import Sink
        return self.add(Sink(address or new_address(), port, **script))

    def postfix(self, name, **settings):
        from .postfix import Postfix
        return self._started(Postfix(self.folder(name), name, **settings))

    def exim(self, name, **settings):
        from .exim import Exim
        return self._started(Exim(self.folder(name), name, **settings))

    def dovecot(self, name, **settings):
        from .dovecot import Dovecot
        return self._started(Dovecot(self.folder(name), name, **settings))

    def gate(self, target):
        from .gate import Gate
        return self.add(Gate(target))

    def policy(self, decide):
        from .policy import PolicyServer
        return self.add(PolicyServer(decide))

    def backstop(self, start=True, **settings):
        from .backstop import Backstop
        made = self.add(Backstop(self.folder("backstop"), **settings))
        return made.start() if start else made

    def _started(self, server):
        """Added before it is started, so that its log is shown when it does not start."""
        self.add(server).start()
        return server
