# SPDX-License-Identifier: Apache-2.0
"""A Postfix policy server (SMTPD_POLICY_README): decide(attributes) returns an access(5) action such as
"552 5.2.2 the mailbox is full" or "DUNNO"."""
import os
import socketserver
import threading

from .net import free_port


class PolicyServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, decide, address="127.0.0.1"):
        self.port = free_port(address)
        super().__init__((address, self.port), _Handler)
        self.decide, self.endpoint = decide, f"{address}:{self.port}"
        self.asked = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()

    def logs(self):
        return [("policy server", "\n".join(map(str, self.asked[-20:])))]


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        attributes = {}
        for line in self.rfile:
            line = line.decode(errors="replace").rstrip("\n")
            if line:
                name, _, value = line.partition("=")
                attributes[name] = value
                continue
            action = self.server.decide(attributes)
            self.server.asked.append((attributes.get("protocol_state"), attributes.get("recipient"), action))
            self.wfile.write(f"action={action}\n\n".encode())
            attributes = {}


def folder_size(path):
    """Octets of all files below path: what a quota counts."""
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)
