# SPDX-License-Identifier: MIT
"""The public keys, as receivers fetch them."""


def assert_jwks_answers(gateway):
    """Whatever else is wrong; and the request is counted."""
    before = gateway.metric("jwks_requests_total")
    answer = gateway.request("GET", "/.well-known/jwks.json")
    assert answer.status == 200 and answer.json["keys"]
    assert answer.headers["Cache-Control"] == "public, max-age=900"
    assert gateway.metric("jwks_requests_total") == before + 1
