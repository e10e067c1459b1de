# SPDX-License-Identifier: MIT
"""Senders behind a load balancer, or of one gateway: an event that got no 200 is posted again, to the next one."""

import http.client
import threading

import events

RESULTS = ("accepted", "duplicate")


class Senders:
    """Threads that post, one event after the other, from entering to leaving a with statement."""

    def __init__(self, *gateways, count=4, answer_timeout_s=2.0):
        """answer_timeout_s: after which a gateway that does not answer is left for the next one."""
        self.gateways = gateways
        self.answer_timeout_s = answer_timeout_s
        self.acknowledged = []  # message ids
        self.refused = []  # what each 503 had as its Retry-After
        self.unexpected = []  # answers that are neither 200 nor 503
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(first,)) for first in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _send(self, turn):
        event = events.delivered()
        while not self._done.is_set():
            try:
                with self.gateways[turn % len(self.gateways)].client() as client:
                    client.connection.timeout = self.answer_timeout_s
                    while self._post(client, event):
                        event = events.delivered()
                        if self._done.is_set():
                            return
            except (OSError, http.client.HTTPException):
                pass  # not there, or no answer
            turn += 1
            self._done.wait(0.02)

    def _post(self, client, event):
        answer = client.post(event)
        if answer.status == 503:
            self.refused.append(answer.headers["Retry-After"])
        elif answer.result in RESULTS:
            self.acknowledged.append(event["id"])
            return True
        else:
            self.unexpected.append(answer)
        return False
