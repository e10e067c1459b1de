# SPDX-License-Identifier: MIT
"""BizMail events as BizMail documents them, each about a message of its own unless told otherwise."""

import uuid

TIME_S = 1713100000  # the sample time of BizMail's documentation; in the past, so always credible


def message_id():
    return f"{uuid.uuid4()}@bizfly.vn"


def delivered(**fields):
    event = {
        "event": "delivered",
        "id": message_id(),
        "recipient": "user@example.com",
        "time": TIME_S,
        "mxHostname": "mx.example.com",
        "response": "250 OK",
    }
    return event | fields


def bounce(**fields):
    event = {
        "event": "bounce",
        "id": message_id(),
        "to": "user@example.com",
        "time": TIME_S,
        "response": "550 5.1.1 The email account does not exist",
        "category": "hard_bounce",
        "user": "",
        "seq": "",
        "returnPath": "",
    }
    return event | fields


def soft_bounce(**fields):
    return bounce(**{"category": "soft_bounce", "response": "452 4.2.2 Mailbox full"} | fields)


def drop(**fields):
    event = {
        "action": "drop",
        "id": message_id(),
        "recipient": "user@example.com",
        "reason": "Suppressed address",
        "user": "",
        "seq": "",
    }
    return event | fields


def without(event, *names):
    return {name: value for name, value in event.items() if name not in names}
