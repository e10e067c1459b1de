# SPDX-License-Identifier: MIT
"""Posts to the public listener as bytes, and what a refusal of one looks like."""

import json

from settings import PATH, TOKEN

NO_TOKEN = {"Authorization": None}


def assert_refused(answer, status):
    """A refusal has BizMail's error shape."""
    assert answer.status == status, answer
    assert answer.headers.get_content_type() == "application/json"
    (error,) = answer.json["errors"]
    assert set(error) == {"msg", "param", "location"}
    assert error["msg"]


def request_bytes(event, extra=""):
    body = json.dumps(event).encode()
    return (f"POST {PATH} HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n{extra}"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
