# SPDX-License-Identifier: MIT
"""The Prometheus text format, read strictly enough to notice when ours is not."""

import re

SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')


class Metrics:
    def __init__(self, text):
        self.types = {}
        self.samples = {}
        assert text.endswith("\n"), "the last line has no end"
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                name, kind = line.split()[2:]
                assert name not in self.types, f"two TYPE lines for {name}"
                self.types[name] = kind
            elif line and not line.startswith("#"):
                self._sample(line)

    def _sample(self, line):
        match = SAMPLE.fullmatch(line)
        assert match, f"not a sample: {line}"
        name, labels, value = match.groups()
        pairs = LABEL.findall(labels or "")
        assert "".join(f'{key}="{text}",' for key, text in pairs).rstrip(",") == (labels or ""), line
        key = name, frozenset(pairs)
        assert key not in self.samples, f"twice: {line}"
        self.samples[key] = float(value)

    def series(self, name, **labels):
        """{labels: value} of the samples that carry these labels, and maybe others."""
        wanted = set(labels.items())
        name = full_name(name)
        return {key[1]: value for key, value in self.samples.items() if key[0] == name and wanted <= key[1]}

    def sum(self, name, **labels):
        """Zero when there is no such series: a counter may appear with its first event."""
        return sum(self.series(name, **labels).values())


def full_name(name):
    return name if name.startswith(("repostal_", "process_")) else f"repostal_{name}"
