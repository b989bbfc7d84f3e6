# SPDX-License-Identifier: Apache-2.0
"""kill -9 under load: every message that got 250 arrives, whatever was killed when.

Clients send numbered messages out (durable spool) and in (cut-through) without pause, like mail servers: what gets no answer is
sent again. Meanwhile a service, or all processes at once, are killed and come back. At the end all that was acknowledged must be
at the other side; copies beyond the first are counted."""
import os
import random
import signal
import threading
import time

from .process import wait_until
from .smtp import Smtp, SmtpError, message


class CrashTrials:
    def __init__(self, lab, seed=1, out_clients=4, in_clients=2, **settings):
        self.random = random.Random(seed)
        self.world, self.down = lab.sink(), lab.sink()
        self.relay = lab.backstop(routes={"*": self.world.endpoint}, retry_schedule=["1s"], client_session_rate=0,
                                  client_session_limit=1000, downstream_command_timeout="5s", **settings)
        self.relay.tenant("acme", "tenant.test", self.down.endpoint, ["127.0.0.1/32"])
        self.outside = lab.address()
        self.acknowledged = {"out": set(), "in": set()}
        self.kills = {"service": 0, "all": 0}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._client, args=("out", n), daemon=True) for n in range(out_clients)]
        self._threads += [threading.Thread(target=self._client, args=("in", n), daemon=True) for n in range(in_clients)]

    def _client(self, direction, number):
        count = 0
        while not self._stop.is_set():
            name = f"{direction}-{number}-{count}"
            count += 1
            body = "x" * 70 + "\r\n"
            content = message(subject=name, message_id=f"<{name}@load.test>", body=body * (6000 if count % 50 == 0 else 50))
            while not self._send(direction, content):
                if self._stop.is_set():
                    return
                time.sleep(0.02)
            self.acknowledged[direction].add(name)

    def _send(self, direction, content):
        try:
            if direction == "out":
                with Smtp(self.relay.server, timeout=20) as client:
                    return client.transaction("user@tenant.test", "friend@world.test", content).code == 250
            with Smtp(self.relay.server, source=self.outside, timeout=20) as client:
                return client.transaction("stranger@world.test", "x@tenant.test", content).code == 250
        except (OSError, SmtpError, ValueError):
            return False

    def run(self, trials, progress=None):
        self.relay.wait_event("rules", what="rules")  # compiled once; what is started again has them in milliseconds
        for thread in self._threads:
            thread.start()
        for trial in range(trials):
            # A kill comes at any moment of the first half second of full load.
            time.sleep(self.random.uniform(0.02, 0.5))
            self._kill()
            if progress and (trial + 1) % 25 == 0:
                progress(trial + 1, self)
        time.sleep(0.3)
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _kill(self):
        services = self.relay.pids()
        if services and self.random.random() < 0.5:
            self.kills["service"] += 1
            os.kill(self.random.choice(services), signal.SIGKILL)
            try:
                self.relay.wait_greeting(30)
                return
            except RuntimeError:
                pass  # the supervisor went too: as with "all"
        self.kills["all"] += 1
        self.relay.kill()
        self.relay.start()

    @staticmethod
    def arrived(sink):
        """{subject: copies}"""
        counts = {}
        for m in list(sink.messages):
            if m.accepted:
                counts[m.field("Subject")] = counts.get(m.field("Subject"), 0) + 1
        return counts

    def settle(self, timeout=90):
        """Waits until all that was acknowledged has arrived; {what: count} with the missing ones by name."""
        def missing():
            return [name for direction, sink in (("out", self.world), ("in", self.down))
                    for name in self.acknowledged[direction] - set(self.arrived(sink))]

        try:
            wait_until(lambda: not missing(), timeout, "all acknowledged messages to arrive", every=0.5)
        except TimeoutError:
            pass
        counts = {d: self.arrived(s) for d, s in (("out", self.world), ("in", self.down))}
        return {"missing": missing(), "acknowledged": {d: len(v) for d, v in self.acknowledged.items()},
                "duplicates": {d: sum(n - 1 for n in c.values()) for d, c in counts.items()}, "kills": dict(self.kills)}
