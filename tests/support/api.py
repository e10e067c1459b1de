# SPDX-License-Identifier: MIT
"""The admin API of a running gateway, as its clients use it."""

import json

from waiting import wait_until

API = "/api/v1"


def api(gateway, method, path, body=None, status=200, headers=None):
    """One call; returns the parsed answer. A header that is None is left out."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    sent = ({"Content-Type": "application/json"} if data is not None else {}) | (headers or {})
    connection = gateway.admin_connection(method, sent)
    try:
        connection.request(method, API + path, data,
                           {name: value for name, value in sent.items() if value is not None})
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    assert response.status == status, (method, path, response.status, text)
    assert response.headers["Content-Type"] == "application/json"
    answer = json.loads(text) if text else None
    if status >= 400 and answer is not None:
        assert set(answer["errors"][0]) == {"msg", "param", "location"}
    return answer


def pause(gateway, target="app"):
    """The answer says what is stored; those who deliver hear of it a little later, and this waits for that."""
    api(gateway, "POST", f"/targets/{target}/pause")
    gateway.wait_metric("target_state", 1, target=target, state="paused")


def deliveries(gateway, query=""):
    rows, cursor = [], None
    while True:
        page = api(gateway, "GET", f"/deliveries?limit=200{query}" + (f"&cursor={cursor}" if cursor else ""))
        rows += page["deliveries"]
        cursor = page["next"]
        if cursor is None:
            return rows


def finished_job(gateway, body):
    job = api(gateway, "POST", "/jobs", body, status=202)

    def finished():
        seen = api(gateway, "GET", f"/jobs/{job['id']}")
        return seen if seen["state"] != "running" else None

    return wait_until(finished, f"job {job['id']} is over")


def wait_states(gateway, states, query=""):
    def seen():
        return sorted(row["state"] for row in deliveries(gateway, query)) == sorted(states)

    wait_until(seen, f"deliveries are {states}")
