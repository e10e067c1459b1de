# SPDX-License-Identifier: MIT
"""A configuration with a secret wherever one may stand, and the look for them where none may be."""

from settings import source, target

SECRETS = {
    "token": "literal-token-c8ff", "basic": "basic-secret-41aa", "header": "header-secret-77be",
    "env": "environment-secret-0d1e", "file": "file-secret-9a20", "url": "url-secret-5c5c",
    "admin": "admin-secret-b00c",
}


def secretive(tmp_path, url):
    """Changes that put a secret wherever one may stand."""
    secret_file = tmp_path / "admin.token"
    secret_file.write_text(SECRETS["file"] + "\n")
    return {
        "admin": {"port": 0, "token": SECRETS["admin"]},
        "sources": [source(auth={"token": SECRETS["token"]}),
                    source("second", "/second", auth={"basic": f"user:{SECRETS['basic']}"})],
        "targets": [target("app", url.replace("://", f"://user:{SECRETS['url']}@"), headers={
            "X-Literal": SECRETS["header"], "X-Env": "env:REPOSTAL_TEST", "X-File": f"file:{secret_file}"})],
    }


def assert_no_secret(text):
    shown = {name for name, secret in SECRETS.items() if secret in text}
    assert not shown, text
