# SPDX-License-Identifier: Apache-2.0
"""A DNS server for tests: answers from a table that may be changed while it runs, over UDP and TCP on loopback.

A line is "NAME TYPE RDATA" (A, AAAA, MX, TXT, CNAME, PTR, ...), or "NAME SERVFAIL", "NAME TIMEOUT" (no answer at all),
"NAME REFUSED", "NAME GARBAGE" (octets that are no answer), or "NAME LATE SECONDS" besides its records: no answer until so
long after it was first asked for. "*.NAME" is a wildcard. Names that are not in it, and have nothing below them, do not
exist. It plays a recursive server: RA is set and CNAMEs within the table are followed."""
import socket
import socketserver
import struct
import threading
import time

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from .net import free_port

SPECIAL = {"SERVFAIL": dns.rcode.SERVFAIL, "REFUSED": dns.rcode.REFUSED, "TIMEOUT": None, "GARBAGE": None}


class Dns:
    def __init__(self, zone="", address="127.0.0.1", ttl=5):
        self.address, self.port, self.ttl = address, free_port(address, udp=True), ttl
        self.questions = []
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._special, self._records = {}, {}
        self.set(zone)
        self._servers = [_Udp((address, self.port), _UdpHandler), _Tcp((address, self.port), _TcpHandler)]
        for server in self._servers:
            server.dns = self
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def endpoint(self):
        return f"{self.address}:{self.port}"

    def set(self, zone):
        """Replaces the table."""
        self._zone = zone
        special, records, late = {}, {}, {}
        for line in zone.splitlines():
            words = line.split(None, 2)
            if not words or words[0].startswith("#"):
                continue
            name = dns.name.from_text(words[0])
            if words[1] in SPECIAL:
                special[name] = words[1]
                continue
            if words[1] == "LATE":
                late[name] = float(words[2])
                continue
            kind = dns.rdatatype.from_text(words[1])
            records.setdefault(name, {}).setdefault(kind, []).append(
                dns.rdata.from_text(dns.rdataclass.IN, kind, words[2], origin=dns.name.root, relativize=False))
        with self._lock:
            self._special, self._records, self._late, self._first = special, records, late, {}

    def add(self, zone):
        """More lines for the table."""
        self._zone += "\n" + zone
        self.set(self._zone)

    def txt(self, name):
        """The first TXT record of a name, its strings joined, as bytes; None when there is none."""
        with self._lock:
            found = self._records.get(dns.name.from_text(name.rstrip(".").lower() + "."), {}).get(dns.rdatatype.TXT)
        return b"".join(found[0].strings) if found else None

    def asked(self, name, kind):
        """How often that was asked."""
        wanted = (dns.name.from_text(name), dns.rdatatype.from_text(kind))
        with self._lock:
            return self.questions.count(wanted)

    def answer(self, wire):
        """The answer's octets are made by its to_wire(); None: none."""
        try:
            query = dns.message.from_wire(wire)
            question = query.question[0]
        except Exception:  # whatever a client sends, the server lives on
            return None
        response = dns.message.make_response(query, recursion_available=True)
        with self._lock:
            name = dns.name.Name([label.lower() for label in question.name.labels])
            self.questions.append((name, question.rdtype))
            special, late = self._special.get(name), self._late.get(name)
            since = self._first.setdefault(name, time.monotonic()) if late else 0
        if late and self._closing.wait(max(0, since + late - time.monotonic())):
            return None
        if special == "GARBAGE":
            return _Garbage(wire)
        if special:
            if SPECIAL[special] is None:
                return None
            response.set_rcode(SPECIAL[special])
            return response
        with self._lock:
            self._fill(response, question.name, question.rdtype)
        return response

    def _find(self, name):
        if name in self._records:
            return self._records[name]
        if any(known.is_subdomain(name) for known in self._records):
            return {}
        parent = name
        while parent != dns.name.root:
            parent = parent.parent()
            wildcard = dns.name.Name((b"*",) + parent.labels)
            if wildcard in self._records:
                return self._records[wildcard]
        return None

    def _fill(self, response, name, kind):
        for _ in range(8):
            lower = dns.name.Name([label.lower() for label in name.labels])
            node = self._find(lower)
            if node is None:
                response.set_rcode(dns.rcode.NXDOMAIN)
                break
            if kind in node:
                response.answer.append(dns.rrset.from_rdata_list(name, self.ttl, node[kind]))
                return
            alias = node.get(dns.rdatatype.CNAME)
            if not alias:
                break
            response.answer.append(dns.rrset.from_rdata_list(name, self.ttl, alias))
            name = alias[0].target
        top = dns.name.Name(name.labels[-2:]) if len(name.labels) > 1 else dns.name.root
        response.authority.append(dns.rrset.from_text(top, self.ttl, "IN", "SOA", f". . 1 60 60 60 {self.ttl}"))

    def close(self):
        self._closing.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def logs(self):
        with self._lock:
            return [(f"dns {self.endpoint}", "\n".join(f"{n} {dns.rdatatype.to_text(t)}" for n, t in self.questions[-100:]))]


class _Garbage:
    """The question's number and flags of an answer, and then a record that points at itself and beyond the end."""

    def __init__(self, wire):
        self.wire = wire[:2] + b"\x81\x80\x00\x01\xff\xff\x00\x00\x00\x00" + wire[12:] + b"\xc0\x0c\x00\x10\x00\x01\xff\xff\xff\xff\xff\xff\xc0\xff"

    def to_wire(self, max_size=0):
        return self.wire


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True
    max_packet_size = 65535


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class _UdpHandler(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        response = self.server.dns.answer(data)
        if response is None:
            return
        wire = response.to_wire(max_size=65535)
        if len(wire) > 1232:
            response.answer, response.authority, response.additional = [], [], []
            response.flags |= dns.flags.TC
            wire = response.to_wire()
        sock.sendto(wire, self.client_address)


class _TcpHandler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(10)
        try:
            while True:
                head = self._read(2)
                response = self.server.dns.answer(self._read(struct.unpack("!H", head)[0]))
                if response is not None:
                    wire = response.to_wire(max_size=65535)
                    self.request.sendall(struct.pack("!H", len(wire)) + wire)
        except (OSError, EOFError):
            pass

    def _read(self, n):
        data = b""
        while len(data) < n:
            more = self.request.recv(n - len(data), socket.MSG_WAITALL)
            if not more:
                raise EOFError
            data += more
        return data
