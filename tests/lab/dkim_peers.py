# SPDX-License-Identifier: Apache-2.0
"""Other people's DKIM: dkimpy, Mail::DKIM and libopendkim, behind the same two functions.

sign(message, way, domain, selector, key) gives the whole signed message; verify(message, keys) gives whether its first signature is
good. Messages are octets with CR LF. A Key is made once, by openssl; keys is {name of the TXT record: its text}."""
import base64
import ctypes
import json
import subprocess

PERL = r"""
use strict; use warnings;
use JSON::PP; use MIME::Base64; use Mail::DKIM::Signer; use Mail::DKIM::Verifier; use Mail::DKIM::DNS;
my %keys; $| = 1;
package Fake { sub new { bless {}, shift }
  sub query { my ($self, $name) = @_; my $text = $keys{lc $name} // return; bless {text => $text}, 'Fake::Packet' }
  sub send { shift->query(@_) }  sub errorstring { 'NXDOMAIN' } }
package Fake::Packet { sub answer { bless {text => shift->{text}}, 'Fake::Record' } sub header { bless {}, 'Fake::Header' } }
package Fake::Header { sub rcode { 'NOERROR' } }
package Fake::Record { sub type { 'TXT' } sub txtdata { shift->{text} } sub char_str_list { shift->{text} } }
package main;
Mail::DKIM::DNS::resolver(Fake->new);
while (my $line = <STDIN>) {
  my $q = decode_json($line);
  my $message = decode_base64($q->{message});
  my $answer = eval {
    if ($q->{keys}) {
      %keys = %{$q->{keys}};
      my $v = Mail::DKIM::Verifier->new;
      $v->PRINT($message); $v->CLOSE;
      my ($first) = $v->signatures;
      return {result => $first ? $first->result : 'none'};
    }
    my $s = Mail::DKIM::Signer->new(%{$q->{options}});
    $s->PRINT($message); $s->CLOSE;
    return {field => $s->signature->as_string};
  };
  print encode_json($answer // {error => "$@"}), "\n";
}
"""


class Key:
    """A pair of keys: its PEM file, and the record to publish."""

    def __init__(self, folder, name, kind, bits=None):
        self.kind, self.path = kind, f"{folder}/{name}.pem"
        options = ["-algorithm", kind] + (["-pkeyopt", f"rsa_keygen_bits:{bits}"] if bits else [])
        subprocess.run(["openssl", "genpkey", *options, "-out", self.path], check=True, capture_output=True)
        with open(self.path, "rb") as f:
            self.pem = f.read()
        self.public = subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout", "-outform", "DER"], check=True,
                                     capture_output=True).stdout

    @property
    def record(self):
        octets = self.public if self.kind == "rsa" else self.public[-32:]
        return f"v=DKIM1; k={self.kind}; p={base64.b64encode(octets).decode()}"

    @property
    def bare_record(self):
        """RSAPublicKey, as RFC 6376 3.6.1 names it."""
        der = subprocess.run(["openssl", "rsa", "-in", self.path, "-RSAPublicKey_out", "-outform", "DER"], check=True,
                             capture_output=True).stdout
        return f"v=DKIM1; p={base64.b64encode(der).decode()}"

    @property
    def seed(self):
        """Of Ed25519, as dkimpy wants it."""
        der = subprocess.run(["openssl", "pkey", "-in", self.path, "-outform", "DER"], check=True, capture_output=True).stdout
        return base64.b64encode(der[-32:])


class Dkimpy:
    kinds = ("rsa", "ed25519")
    adds_line_end = True

    def verify(self, message, keys):
        import dkim
        verifier = dkim.DKIM(message)
        try:
            return verifier.verify(dnsfunc=lambda name, timeout=5: keys.get(name.rstrip(b".").decode(), "").encode())
        except dkim.DKIMException:
            return False

    def sign(self, message, way, domain, selector, key, algorithm=None, names=None, length=False, identity=None):
        import dkim
        field = dkim.sign(message, selector.encode(), domain.encode(), key.seed if key.kind == "ed25519" else key.pem,
                          identity=identity, canonicalize=tuple(w.encode() for w in way.split("/")),
                          signature_algorithm=(algorithm or key.kind + "-sha256").encode(), include_headers=names, length=length)
        return field + message


class MailDkim:
    kinds = ("rsa",)  # Ed25519 takes CryptX, which Debian's package does not pull in
    adds_line_end = False  # RFC 6376 3.4.3 and 3.4.4, to a body whose last line has none: SMTP never brings one

    def __init__(self):
        self.perl = subprocess.Popen(["perl", "-e", PERL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _ask(self, message, **question):
        question["message"] = base64.b64encode(message).decode()
        self.perl.stdin.write(json.dumps(question) + "\n")
        self.perl.stdin.flush()
        answer = json.loads(self.perl.stdout.readline())
        assert "error" not in answer, answer
        return answer

    def verify(self, message, keys):
        return self._ask(message, keys=keys)["result"] == "pass"

    def sign(self, message, way, domain, selector, key, algorithm=None, **more):
        options = {"Algorithm": algorithm or "rsa-sha256", "Method": way, "Domain": domain, "Selector": selector,
                   "KeyFile": key.path, **more}
        return self._ask(message, options=options)["field"].replace("\n", "\r\n").replace("\r\r", "\r").encode() + b"\r\n" + message

    def close(self):
        self.perl.stdin.close()
        self.perl.wait()

    def logs(self):
        return []


class OpenDkim:
    """libopendkim through ctypes; keys come from a callback."""
    kinds = ("rsa",)
    adds_line_end = False
    WAYS = {"simple": 0, "relaxed": 1}
    ALGORITHMS = {"rsa-sha1": 0, "rsa-sha256": 1}
    PASSED, MATCH, CONTINUE, NOT_FOUND, ALL = 0x04, 0, 0, 3, ctypes.c_ulong(-1)

    def __init__(self):
        self.lib = lib = ctypes.CDLL("libopendkim.so.11")
        pointer = ctypes.c_void_p
        for name in ("dkim_init", "dkim_sign", "dkim_verify", "dkim_sig_getdomain", "dkim_sig_getselector"):
            getattr(lib, name).restype = pointer
        lib.dkim_sig_getdomain.restype = lib.dkim_sig_getselector.restype = ctypes.c_char_p
        self.handle = pointer(lib.dkim_init(None, None))
        assert self.handle
        self.keys = {}
        callback = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer, pointer, ctypes.c_size_t)
        self.callback = callback(self._key)
        lib.dkim_set_key_lookup(self.handle, self.callback)

    def _key(self, message, signature, buffer, size):
        signature = ctypes.c_void_p(signature)
        name = self.lib.dkim_sig_getselector(signature) + b"._domainkey." + self.lib.dkim_sig_getdomain(signature)
        text = self.keys.get(name.decode())
        if text is None:
            return self.NOT_FOUND
        text = text.encode() + b"\0"
        ctypes.memmove(buffer, text, min(len(text), size))
        return self.CONTINUE

    def _feed(self, message, octets):
        self.lib.dkim_chunk(message, octets, ctypes.c_size_t(len(octets)))
        self.lib.dkim_chunk(message, None, ctypes.c_size_t(0))
        return self.lib.dkim_eom(message, None)

    def verify(self, message, keys):
        self.keys = keys
        status = ctypes.c_int()
        handle = ctypes.c_void_p(self.lib.dkim_verify(self.handle, b"id", None, ctypes.byref(status)))
        self._feed(handle, message)
        signatures, count = ctypes.POINTER(ctypes.c_void_p)(), ctypes.c_int()
        self.lib.dkim_getsiglist(handle, ctypes.byref(signatures), ctypes.byref(count))
        first = ctypes.c_void_p(signatures[0]) if count.value else None
        good = bool(first) and bool(self.lib.dkim_sig_getflags(first) & self.PASSED) and \
            self.lib.dkim_sig_getbh(first) == self.MATCH
        self.lib.dkim_free(handle)
        return good

    def sign(self, message, way, domain, selector, key, algorithm="rsa-sha256", length=None):
        header, body = way.split("/")
        status, field, size = ctypes.c_int(), ctypes.c_char_p(), ctypes.c_size_t()
        handle = ctypes.c_void_p(self.lib.dkim_sign(
            self.handle, b"id", None, key.pem, selector.encode(), domain.encode(), self.WAYS[header], self.WAYS[body],
            self.ALGORITHMS[algorithm], self.ALL if length is None else ctypes.c_long(length), ctypes.byref(status)))
        assert handle and self._feed(handle, message) == 0
        assert self.lib.dkim_getsighdr_d(handle, ctypes.c_size_t(16), ctypes.byref(field), ctypes.byref(size)) == 0
        text = field.value
        self.lib.dkim_free(handle)
        return b"DKIM-Signature: " + text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n" + message
