# SPDX-License-Identifier: Apache-2.0
"""lab: real mail servers, scripted ones, and the product, side by side on loopback.

    with Lab() as lab:
        dns = lab.dns("example.org MX 10 mx.example.org")
        sink = lab.sink()
        downstream = lab.postfix("down", domain="tenant.test", users=["games"])

Everything gets an address of its own in 127.0.0.0/8, a folder of its own, and is gone when the lab is left. Nothing here
sleeps for a fixed time: one waits for a port, a log line or a message, always with a deadline.
"""
from .lab import Lab
from .net import free_port, new_address, wait_for_port
from .process import Process, wait_until
from .sink import Close, Drip, Hang, Message, Reset, Sink, Slow
from .smtp import Reply, Smtp, SmtpError

__all__ = ["Lab", "Process", "Sink", "Smtp", "SmtpError", "Reply", "Message", "Close", "Reset", "Hang", "Slow", "Drip",
           "free_port", "new_address", "wait_for_port", "wait_until"]
