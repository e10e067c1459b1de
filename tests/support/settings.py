# SPDX-License-Identifier: MIT
"""Configuration files: a complete small one, changes to it, and libconfig's syntax."""

TOKEN = "secret-token"
PATH = "/webhooks/bizmail"
PATIENT = {"timeout": "60s", "connect_timeout": "30s"}  # a slow machine must not matter


def source(name="bizmail", path=PATH, **changes):
    return {"name": name, "path": path, "auth": {"token": TOKEN}} | changes


def target(name, url, **changes):
    return {
        "name": name,
        "url": url,
        "retry": ["200ms", "400ms", "800ms"],
        "jitter": 0.0,
        "breaker": {"failures": 0, "cooldown": "1s"},  # never opens, unless it is the subject
    } | PATIENT | changes


def two_targets(receiver, **of_the_first):
    """The first is the subject, the second shows that the others are not touched."""
    return [target("app", receiver.url("/app"), **of_the_first), target("other", receiver.url("/other"))]


def complete(directory, url, key, **changes):
    """One source, one target, ports of the system's choice; changes replace or extend groups. What is
    None is left out."""
    settings = {
        "listen": {"port": 0, "threads": 2},
        "admin": {"port": 0},
        "store": {"path": str(directory / "repostal.db")},
        "sources": [source()],
        "signing": {"keys": [str(key)]},
        "targets": [target("app", url)],
        "log": {"format": "json"},
        "shutdown_timeout": "5s",
    }
    for name, value in changes.items():
        group = isinstance(value, dict) and isinstance(settings.get(name), dict)
        settings[name] = given(settings[name] | value) if group else value
    return given(settings)


def given(group):
    return {name: value for name, value in group.items() if value is not None}


def render(settings):
    """A top-level list is a libconfig list, one further down a libconfig array."""
    lines = []
    for name, value in settings.items():
        text = f"( {', '.join(map(literal, value))} )" if isinstance(value, list) else literal(value)
        lines.append(f"{name}: {text};\n")
    return "".join(lines)


def literal(value):
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'
        case list():
            return f"[ {', '.join(map(literal, value))} ]"
        case dict():
            return "{ " + " ".join(f"{name} = {literal(item)};" for name, item in value.items()) + " }"
    raise TypeError(f"no libconfig literal for {value!r}")
