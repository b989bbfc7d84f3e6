# SPDX-License-Identifier: Apache-2.0
"""A gate before a server: open, shut, or flapping. What passes it is not changed.

    gate = lab.gate(downstream.server)      # open
    gate.shut()                             # connections are refused, present ones are cut
    gate.flap()                             # see below
    gate.open()

Flapping goes by what is said, not by the clock: of three connections the first is reset at once, the second is cut before its
second MAIL, the third before its first DATA or BDAT. Neither that nor shutting cuts between the begin of a message's text and its
answer, where nobody could know whether the message was taken and copies are nobody's fault."""
import re
import socket
import struct
import threading

from .net import free_port, new_address
from .process import wait_until

CUTS = ((None, 0), (rb"(?im)^MAIL FROM", 2), (rb"(?im)^(DATA|BDAT)\b", 1))  # (what, the how-manieth time)


class Gate:
    def __init__(self, target):
        self.target, self.address = target, new_address()
        self.port = free_port(self.address)
        self._lock = threading.Lock()
        self._pairs, self._listener, self._flapping, self.count = set(), None, False, 0
        self.open()

    @property
    def endpoint(self):
        return f"{self.address}:{self.port}"

    def open(self):
        self._flapping = False
        if not self._listener:
            self._listen()

    def flap(self):
        self.shut()
        self._flapping, self.count = True, 0
        self._listen()

    def shut(self):
        listener, self._listener = self._listener, None
        if listener:
            _shut(listener)
        for pair in self._present():
            wait_until(pair.cut, 20, "the end of a message under way")

    def close(self):
        listener, self._listener = self._listener, None
        if listener:
            _shut(listener)
        for pair in self._present():
            _shut(pair.client, pair.server)

    def _present(self):
        with self._lock:
            return list(self._pairs)

    def logs(self):
        return []

    def _listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.address, self.port))
        listener.listen(512)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            cut = None
            if self._flapping:
                cut = CUTS[self.count % len(CUTS)]
                self.count += 1
            threading.Thread(target=self._pass, args=(client, cut), daemon=True).start()

    def _pass(self, client, cut):
        if cut == CUTS[0]:
            _reset(client)
            return
        try:
            server = socket.create_connection(self.target, timeout=20)
            server.settimeout(None)
        except OSError:
            _reset(client)
            return
        pair = _Pair(client, server, cut)
        with self._lock:
            self._pairs.add(pair)
        threading.Thread(target=pair.pump, args=(server, client, pair.hear), daemon=True).start()
        pair.pump(client, server, pair.say)
        with self._lock:
            self._pairs.discard(pair)


class _Pair:
    """A connection that passes. stage: None, "asked" (DATA was said), "text" (a message is on its way, or its answer)."""

    def __init__(self, client, server, cut):
        self.client, self.server, self._cut, self._seen = client, server, cut, 0
        self.stage, self.lock = None, threading.Lock()

    def say(self, data):
        """From the client. False: here it ends."""
        if self.stage == "text":
            return True
        if self._cut:
            self._seen += len(re.findall(self._cut[0], data))
            if self._seen >= self._cut[1]:
                return False
        verb = re.search(CUTS[2][0], data)
        if verb:
            self.stage = "asked" if verb.group(1).upper() == b"DATA" else "text"
        return True

    def hear(self, data):
        if self.stage == "text":
            self.stage = None
        elif self.stage == "asked" and re.search(rb"(?m)^[345]", data):
            self.stage = "text" if re.search(rb"(?m)^354", data) else None
        return True

    def pump(self, source, sink, look):
        try:
            while data := source.recv(65536):
                with self.lock:
                    if not look(data):
                        break
                    sink.sendall(data)
        except OSError:
            pass
        _shut(source, sink)

    def cut(self):
        """Cuts it, if no message is under way."""
        with self.lock:
            if not self.stage:
                _shut(self.client, self.server)
            return not self.stage or self.client.fileno() < 0


def _shut(*sockets):
    for s in sockets:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        s.close()


def _reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
