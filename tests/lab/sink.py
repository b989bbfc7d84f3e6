# SPDX-License-Identifier: Apache-2.0
"""A scripted SMTP server: says what the test tells it to, and remembers all it was told.

Every stage has an answer: greeting, ehlo, helo, starttls, mail, rcpt, data, end (after the final dot), rset, noop, quit.
An answer is a text ("550 5.1.1 no such user"; several lines joined by "\\n" become a multi-line reply), one of the acts
below, None for the usual answer, a list of answers for the first, second, ... time (then the usual one), or a function
(session, argument) -> any of these. They may be changed while the server runs: sink.script["rcpt"] = "450 4.2.0 later".

    Close(reply)    says reply, if any, and closes          Reset()     resets the connection (RST)
    Hang()          never answers, keeps the connection     Slow(s, r)  waits s seconds, then answers r
    Drip(s, r)      answers r, an octet every s seconds
"""
import re
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field

from .net import free_port


@dataclass
class Close:
    reply: str = ""


@dataclass
class Reset:
    pass


@dataclass
class Hang:
    pass


@dataclass
class Slow:
    seconds: float
    reply: object = None


@dataclass
class Drip:
    seconds: float
    reply: object = None


@dataclass
class Message:
    """What came in one transaction. accepted is false when the answer after the final dot was not positive (or was lost on
    purpose)."""
    peer: tuple
    ehlo: str
    tls: bool
    sender: str
    mail_parameters: str
    recipients: list
    rcpt_parameters: list
    data: bytes
    accepted: bool
    connection: int
    at: float = field(default_factory=time.monotonic)

    @property
    def header(self):
        return self.data.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")

    def field(self, name):
        """The value of the first header field of that name, unfolded; None if there is none."""
        values = self.fields(name)
        return values[0] if values else None

    def fields(self, name):
        unfolded = re.sub(r"\r\n(?=[ \t])", "", self.header)
        return [m.group(1).strip() for m in re.finditer(rf"(?im)^{re.escape(name)}:([^\r\n]*)", unfolded)]


def split_path(argument):
    """("a b"@x, parameters) of 'FROM:<"a b"@x> parameters'."""
    match = re.match(r'[^:]*: *<((?:"(?:\\.|[^"\\])*"|[^">])*)> *(.*)', argument)
    return match.groups() if match else ("", argument)


class _End(Exception):
    """The session is over."""


class _Session:
    def __init__(self, sink, connection, peer, number):
        self.sink, self.socket, self.peer, self.number = sink, connection, peer, number
        self.ehlo, self.tls, self.buffer = "", False, b""
        self.prdr_offered = False
        self.reset()

    def reset(self):
        self.sender = self.mail_parameters = None
        self.recipients, self.rcpt_parameters, self.chunks, self.prdr = [], [], [], False

    def more(self):
        """Reads once. With read_rate, as slowly as that many octets a second."""
        rate = self.sink.read_rate
        if rate:
            time.sleep(min(1.0, 512 / rate))
        data = self.socket.recv(512 if rate else 65536)
        if not data:
            raise _End
        self.buffer += data

    def line(self):
        while b"\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\n", 1)
        line = line.rstrip(b"\r").decode("utf-8", "surrogateescape")
        self.sink.note(self, line)
        return line

    def octets(self, n):
        while len(self.buffer) < n:
            self.more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def say(self, reply):
        lines = reply.split("\n")
        code = lines[0][:3]
        wire = [line if index == 0 else f"{code}-{line}" for index, line in enumerate(lines)]
        if len(lines) > 1:
            wire[0] = code + "-" + lines[0][4:]
            wire[-1] = f"{code} {lines[-1]}"
        self.socket.sendall("".join(line + "\r\n" for line in wire).encode("utf-8", "surrogateescape"))

    def answer(self, stage, argument, usual):
        """Carries out the stage's answer and returns the reply's code."""
        planned = self.sink.planned(stage, self, argument)
        return self.act(usual if planned is None else planned, usual)

    def act(self, act, usual):
        if isinstance(act, str):
            self.say(act)
            return int(act[:3])
        if isinstance(act, Close):
            if act.reply:
                self.say(act.reply)
            raise _End
        if isinstance(act, Reset):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise _End
        if isinstance(act, Hang):
            self.sink.closing.wait()
            raise _End
        if isinstance(act, Slow):
            if self.sink.closing.wait(act.seconds):
                raise _End
            return self.act(act.reply or usual, usual)
        if isinstance(act, Drip):
            reply = act.reply or usual
            for octet in (reply + "\r\n").encode():
                if self.sink.closing.wait(act.seconds):
                    raise _End
                self.socket.sendall(bytes([octet]))
            return int(reply[:3])
        raise TypeError(f"not an answer: {act!r}")

    def run(self):
        if self.answer("greeting", "", f"220 {self.sink.name} ESMTP") != 220:
            raise _End
        while True:
            line = self.line()
            verb, _, argument = line.partition(" ")
            getattr(self, "do_" + verb.lower(), self.unknown)(argument)

    def unknown(self, argument):
        self.say("500 5.5.1 unknown command")

    def do_ehlo(self, argument):
        self.ehlo = argument
        extensions = [e for e in self.sink.extensions if not (e == "STARTTLS" and (self.tls or not self.sink.context))]
        self.reset()
        self.answer("ehlo", argument, "\n".join(["250 " + self.sink.name] + extensions))

    def do_helo(self, argument):
        self.ehlo = argument
        self.reset()
        self.answer("helo", argument, "250 " + self.sink.name)

    def do_starttls(self, argument):
        if self.answer("starttls", argument, "220 2.0.0 go ahead") != 220:
            return
        if self.sink.broken_tls:
            self.socket.recv(65536)
            self.socket.sendall(b"\x15\x03\x01\x00\x02\x02\x28this is not TLS\r\n")
            raise _End
        self.buffer = b""
        self.socket = self.sink.context.wrap_socket(self.socket, server_side=True)
        self.tls = True

    def do_mail(self, argument):
        path, parameters = split_path(argument)
        if self.answer("mail", path, "250 2.1.0 ok") == 250:
            self.reset()
            self.sender, self.mail_parameters = path, parameters
            self.prdr = "PRDR" in parameters.upper().split()

    def do_rcpt(self, argument):
        path, parameters = split_path(argument)
        if self.sender is None:
            self.say("503 5.5.1 MAIL first")
        elif self.answer("rcpt", path, "250 2.1.5 ok") in (250, 251):
            self.recipients.append(path)
            self.rcpt_parameters.append(parameters)

    def do_data(self, argument):
        if not self.recipients:
            self.say("503 5.5.1 RCPT first")
            return
        if self.answer("data", argument, "354 go ahead") != 354:
            return
        while not (self.buffer.startswith(b".\r\n") or b"\r\n.\r\n" in self.buffer):
            self.more()
        if self.buffer.startswith(b".\r\n"):
            content, self.buffer = b"", self.buffer[3:]
        else:
            content, self.buffer = self.buffer.split(b"\r\n.\r\n", 1)
            content += b"\r\n"
        self.finish(re.sub(rb"(?m)^\.", b"", content))

    def do_bdat(self, argument):
        words = argument.upper().split()
        self.chunks.append(self.octets(int(words[0])))
        if "LAST" in words:
            self.finish(b"".join(self.chunks))
        else:
            self.say("250 2.0.0 chunk ok")

    def finish(self, content):
        record = Message(self.peer, self.ehlo, self.tls, self.sender, self.mail_parameters, self.recipients,
                         self.rcpt_parameters, content, False, self.number)
        try:
            if self.prdr:
                self.say("353 per-recipient answers follow")
                codes = [self.answer("prdr", r, "250 2.1.5 ok") for r in self.recipients]
                self.answer("end", content, "250 2.0.0 done" if 250 in codes else "550 5.0.0 none")
                record.recipients = [r for r, code in zip(self.recipients, codes) if code == 250]
                record.accepted = bool(record.recipients)
            else:
                record.accepted = self.answer("end", content, f"250 2.0.0 taken as {len(self.sink.messages)}") == 250
        finally:
            self.sink.arrived(record)
            self.reset()

    def do_rset(self, argument):
        self.reset()
        self.answer("rset", argument, "250 2.0.0 ok")

    def do_noop(self, argument):
        self.answer("noop", argument, "250 2.0.0 ok")

    def do_quit(self, argument):
        self.answer("quit", argument, "221 2.0.0 bye")
        raise _End


class Sink:
    """Listens at once on address:port (port None: a free one). certificate: (certificate, key) files, to offer STARTTLS.
    read_rate: octets a second read from clients, None for no limit."""

    def __init__(self, address, port=None, certificate=None, broken_tls=False, read_rate=None, name="sink.test",
                 extensions=("PIPELINING", "SIZE 60000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "STARTTLS"),
                 **script):
        self.address, self.port = address, port or free_port(address)
        self.name, self.extensions, self.script = name, list(extensions), script
        self.read_rate, self.broken_tls = read_rate, broken_tls
        self.context = None
        if certificate or broken_tls:
            from .tls import server_context
            self.context = server_context(*certificate) if certificate else ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.messages, self.commands, self.connections = [], [], []
        self.closing = threading.Event()
        self._changed = threading.Condition()
        self._open = set()
        self._listen()

    def _listen(self):
        self._listener = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.read_rate:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.bind((self.address, self.port))
        self._listener.listen(512)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    @property
    def endpoint(self):
        return f"{self.address}:{self.port}"

    def pause(self):
        """Stops listening: connections are refused. Present sessions are cut."""
        self._stop_listening()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def resume(self):
        self._listen()

    def _stop_listening(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def close(self):
        self.closing.set()
        self.pause()

    def logs(self):
        return [(f"sink {self.endpoint}", "\n".join(f"{number}: {line}" for number, line in self.commands[-200:]))]

    def _accept(self, listener):
        while True:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            with self._changed:
                self.connections.append(peer)
                number = len(self.connections)
                self._open.add(connection)
                self._changed.notify_all()
            threading.Thread(target=self._serve, args=(connection, peer, number), daemon=True).start()

    def _serve(self, connection, peer, number):
        session = _Session(self, connection, peer, number)
        try:
            session.run()
        except (_End, OSError, ValueError) as end:
            if not isinstance(end, _End):
                self.note(session, f"[{type(end).__name__}: {end}]")
        finally:
            session.socket.close()
            connection.close()
            with self._changed:
                self._open.discard(connection)
                self._changed.notify_all()

    def planned(self, stage, session, argument):
        with self._changed:
            plan = self.script.get(stage)
            if isinstance(plan, list):
                plan = plan.pop(0) if plan else None
        return plan(session, argument) if callable(plan) else plan

    def note(self, session, line):
        with self._changed:
            self.commands.append((session.number, line))
            self._changed.notify_all()

    def arrived(self, record):
        with self._changed:
            self.messages.append(record)
            self._changed.notify_all()

    def _wait(self, condition, timeout, what):
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError(f"{self.endpoint}: waited {timeout} s for {what}; commands seen: {self.commands[-20:]}")
            return condition()

    def wait_for(self, predicate=lambda m: True, timeout=20, accepted=True):
        """The first message for which the predicate holds (and which was accepted, unless accepted=False)."""
        def find():
            return next((m for m in self.messages if (m.accepted or not accepted) and predicate(m)), None)
        return self._wait(find, timeout, "a message")

    def wait_for_count(self, count, timeout=20, predicate=lambda m: True):
        """The accepted messages for which the predicate holds, once there are count of them."""
        def find():
            found = [m for m in self.messages if m.accepted and predicate(m)]
            return found if len(found) >= count else None
        return self._wait(find, timeout, f"{count} messages")

    def wait_command(self, pattern, timeout=20, count=1):
        """The count-th command line that the pattern matches."""
        def find():
            found = [line for _, line in self.commands if re.search(pattern, line)]
            return found[count - 1] if len(found) >= count else None
        return self._wait(find, timeout, f"the command /{pattern}/")

    def wait_connection(self, count=1, timeout=20):
        return self._wait(lambda: self.connections[count - 1] if len(self.connections) >= count else None, timeout,
                          f"{count} connections")
