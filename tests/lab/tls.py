# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made by the openssl command."""
import hashlib
import os
import ssl
import subprocess


def self_signed(folder, name="localhost"):
    """(certificate file, key file); made once per folder and name."""
    certificate, key = os.path.join(folder, name + ".crt"), os.path.join(folder, name + ".key")
    if not os.path.exists(certificate):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "30", "-subj", "/CN=" + name, "-addext", "subjectAltName=DNS:" + name,
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        os.chmod(key, 0o644)
    return certificate, key


def fingerprint(certificate):
    """SHA-256 of the certificate in lower-case hex."""
    with open(certificate) as f:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(f.read())).hexdigest()


def server_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def client_context(certificate=None, key=None):
    """Any server certificate is taken."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate, key)
    return context
