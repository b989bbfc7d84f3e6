# SPDX-License-Identifier: Apache-2.0
"""Addresses and ports on loopback that nobody else uses."""
import os
import random
import socket
import time

_random = random.Random(os.urandom(16))
_given = set()


def new_address():
    """An address in 127.0.0.0/8 that was not given out before. Two test runs at once meet on one with a chance of one in
    some millions a test, and even then have different ports."""
    while True:
        address = f"127.{_random.randint(16, 250)}.{_random.randint(1, 250)}.{_random.randint(1, 250)}"
        if address not in _given:
            _given.add(address)
            return address


def free_port(address="127.0.0.1", udp=False):
    """A TCP port (and UDP port, if asked) free on address, outside the range the kernel gives to outgoing connections."""
    for _ in range(1000):
        port = _random.randint(10000, 32000)
        sockets = []
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM) if udp else (socket.SOCK_STREAM,):
                s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
                sockets.append(s)
                s.bind((address, port))
            return port
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()
    raise RuntimeError(f"no free port on {address}")


def wait_for_port(address, port, timeout=20, alive=None):
    """Returns when something accepts connections there. alive() is asked in between; false means it never will."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
            return
        except OSError as error:
            if alive and not alive():
                raise RuntimeError(f"the server for {address}:{port} has exited") from error
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing listens on {address}:{port}") from error
            time.sleep(0.02)
