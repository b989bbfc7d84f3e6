# SPDX-License-Identifier: Apache-2.0
"""DKIM by another implementation than ours (dkimpy): messages signed for tests, and ours verified."""
import subprocess

import dkim


class DkimKey:
    """An RSA key with its name in the DNS."""

    def __init__(self, domain, selector="s1", bits=2048):
        self.domain, self.selector = domain, selector
        self.pem = subprocess.run(["openssl", "genrsa", "-traditional", str(bits)], check=True, capture_output=True).stdout
        text = subprocess.run(["openssl", "rsa", "-pubout"], input=self.pem, check=True, capture_output=True).stdout.decode()
        self.public = "".join(line for line in text.splitlines() if not line.startswith("-"))

    @property
    def record(self):
        """The line for a lab Dns."""
        strings = " ".join(f'"{self.public[i:i + 200]}"' for i in range(0, len(self.public), 200))
        return f'{self.selector}._domainkey.{self.domain} TXT "v=DKIM1; k=rsa; p=" {strings}'

    def sign(self, message):
        return dkim.sign(message, self.selector.encode(), self.domain.encode(), self.pem,
                         canonicalize=(b"relaxed", b"relaxed")) + message


def verify(message, dns):
    """Does the topmost signature hold, with the keys that the lab Dns has?"""
    def txt(name, timeout=5):
        return dns.txt(name.decode() if isinstance(name, bytes) else name)
    return dkim.verify(message, dnsfunc=txt)
