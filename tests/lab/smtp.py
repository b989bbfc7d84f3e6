# SPDX-License-Identifier: Apache-2.0
"""A raw SMTP client: it sends what it is told, right or wrong."""
import base64
import re
import socket
import time

from .tls import client_context


class SmtpError(Exception):
    """The server closed the connection, or said something that is not a reply."""


class Reply:
    """code, enhanced ("5.1.1" or ""), text (lines joined by newlines, without codes), lines (raw)."""

    def __init__(self, lines):
        self.lines = lines
        self.code = int(lines[0][:3])
        match = re.match(r"([245]\.\d+\.\d+)(?: |$)", lines[0][4:])
        self.enhanced = match.group(1) if match else ""
        skip = 4 + (len(self.enhanced) + 1 if match else 0)
        self.text = "\n".join(line[skip:] for line in lines)

    def __repr__(self):
        return " / ".join(self.lines)

    def __eq__(self, other):
        return self.code == other if isinstance(other, int) else NotImplemented

    __hash__ = None

    @property
    def ok(self):
        return 200 <= self.code < 400


def stuff(message):
    """Dot-stuffed, with the final dot. Lines must already end as they shall."""
    message = re.sub(rb"(?m)^\.", b"..", message)
    return message + (b"" if message.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def message(sender="", to="", subject="hello", body="Hi.\r\n", extra="", message_id=None):
    """An ordinary message, as bytes with CR LF line ends."""
    message_id = message_id or f"<{time.time_ns()}.{id(body)}@client.test>"
    return (f"From: {sender or 'postmaster@client.test'}\r\nTo: {to}\r\nSubject: {subject}\r\n"
            f"Date: Mon, 01 Jan 2024 00:00:00 +0000\r\nMessage-ID: {message_id}\r\n{extra}\r\n{body}").encode()


class Smtp:
    """A connection. With ehlo=None nothing is read or sent; otherwise the greeting is read and EHLO sent."""

    def __init__(self, server, source=None, ehlo="client.test", timeout=30, preamble=b""):
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(server)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.extensions = {}
        if preamble:
            self.socket.sendall(preamble)
        if ehlo is not None:
            self.greeting = self.reply()
            if self.greeting.ok:
                self.ehlo(ehlo)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data)

    def line(self):
        while b"\n" not in self._buffer:
            try:
                more = self.socket.recv(65536)
            except ConnectionError as error:
                raise SmtpError(f"connection lost: {error}") from error
            if not more:
                raise SmtpError(f"the server closed the connection; unread: {self._buffer!r}")
            self._buffer += more
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def reply(self):
        lines = []
        while True:
            line = self.line()
            if not re.match(r"\d{3}([ -]|$)", line):
                raise SmtpError(f"not a reply: {line!r}")
            lines.append(line)
            if line[3:4] != "-":
                return Reply(lines)

    def command(self, line):
        self.send(line if isinstance(line, bytes) else line + "\r\n")
        return self.reply()

    def pipeline(self, *lines):
        """All lines in one write; the replies to them."""
        self.send("".join(line + "\r\n" for line in lines))
        return [self.reply() for _ in lines]

    def ehlo(self, name="client.test"):
        reply = self.command("EHLO " + name)
        self.extensions = {}
        for line in reply.text.split("\n")[1:]:
            word, _, rest = line.partition(" ")
            self.extensions[word.upper()] = rest
        return reply

    def starttls(self, name="client.test", certificate=None, key=None):
        reply = self.command("STARTTLS")
        if reply.code == 220:
            self.handshake(certificate, key)
            self.ehlo(name)
        return reply

    def handshake(self, certificate=None, key=None):
        self.socket = client_context(certificate, key).wrap_socket(self.socket, server_hostname="localhost")

    def auth_plain(self, user, password):
        return self.command("AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode())

    def mail(self, sender, parameters=""):
        return self.command(f"MAIL FROM:<{sender}>" + (" " + parameters if parameters else ""))

    def rcpt(self, recipient, parameters=""):
        return self.command(f"RCPT TO:<{recipient}>" + (" " + parameters if parameters else ""))

    def data(self, content):
        """DATA, then the content (bytes with CR LF), dot-stuffed; the last reply."""
        reply = self.command("DATA")
        if reply.code != 354:
            return reply
        self.send(stuff(content))
        return self.reply()

    def transaction(self, sender, recipients, content=None):
        """A whole transaction that stops at the first refusal; the deciding reply."""
        recipients = [recipients] if isinstance(recipients, str) else recipients
        reply = self.mail(sender)
        if not reply.ok:
            return reply
        for recipient in recipients:
            reply = self.rcpt(recipient)
            if not reply.ok:
                self.command("RSET")
                return reply
        return self.data(content if content is not None else message(sender, recipients[0]))

    def quit(self):
        try:
            return self.command("QUIT")
        finally:
            self.close()

    def at_end(self, timeout=10):
        """True when the server closes the connection within timeout."""
        self.socket.settimeout(timeout)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False
