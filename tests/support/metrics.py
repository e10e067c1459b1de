# SPDX-License-Identifier: MIT
"""The Prometheus text format, version 0.0.4, read strictly enough to notice when ours is not: each family
has one HELP and one TYPE line, in front of its samples, which stand together; and promtool's rules."""

import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
HEAD = re.compile(rf"# (HELP|TYPE) ({NAME.pattern}) (.+)")
SAMPLE = re.compile(rf"({NAME.pattern})(?:\{{(.*)\}})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
VALUE = re.compile(r"[+-]?(\d+(\.\d*)?([eE][+-]?\d+)?|Inf)|NaN")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}
TYPES = {"counter", "gauge", "histogram"}
OTHER_UNITS = re.compile(r"_(milliseconds|ms|microseconds|us|minutes|hours|days|kilobytes|kib|megabytes|percent)(_|$)")


class Metrics:
    def __init__(self, text):
        self.types = {}
        self.helps = {}
        self.samples = {}
        self._done = set()  # families whose samples are over
        self._family = None
        assert text.endswith("\n"), "the last line has no end"
        for line in text[:-1].split("\n"):
            if line.startswith("#"):
                self._head(line)
            else:
                self._sample(line)
        silent = set(self.types) ^ set(self.helps)
        assert not silent, f"HELP or TYPE is missing of {silent}"

    def _head(self, line):
        match = HEAD.fullmatch(line)
        assert match, f"neither HELP nor TYPE: {line}"
        kind, name, text = match.groups()
        table = self.types if kind == "TYPE" else self.helps
        assert name not in table, f"two {kind} lines for {name}"
        assert kind == "HELP" or text in TYPES, line
        table[name] = text
        self._enter(name)

    def _enter(self, family):
        if family == self._family:
            return
        if self._family:
            self._done.add(self._family)
        assert family not in self._done, f"the lines of {family} do not stand together"
        self._family = family

    def _family_of(self, name):
        for family in (name, *(name.removesuffix(suffix) for suffix in SUFFIXES["histogram"])):
            suffixes = SUFFIXES.get(self.types.get(family), ("",))
            if family in self.types and name.removeprefix(family) in suffixes:
                return family
        raise AssertionError(f"no TYPE in front of {name}")

    def _sample(self, line):
        match = SAMPLE.fullmatch(line)
        assert match, f"not a sample: {line}"
        name, labels, value = match.groups()
        assert VALUE.fullmatch(value), line
        pairs = LABEL.findall(labels or "")
        assert "".join(f'{key}="{text}",' for key, text in pairs).rstrip(",") == (labels or ""), line
        assert len({key for key, _ in pairs}) == len(pairs), f"a label twice: {line}"
        self._enter(self._family_of(name))
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

    def label_names(self, family):
        """The sets of label names that its samples carry; of a histogram without le."""
        suffixes = SUFFIXES.get(self.types[family], ("",))
        return {frozenset(label for label, _ in labels) - {"le"} for name, labels in self.samples
                if name.startswith(family) and name.removeprefix(family) in suffixes}


def full_name(name):
    return name if name.startswith(("repostal_", "process_")) else f"repostal_{name}"


def lint(metrics):
    """What promtool check metrics complains about, one text each."""
    for name, kind in metrics.types.items():
        if (kind == "counter") != name.endswith("_total"):
            yield f"{name}: only counters end in _total, and all do"
        if kind != "histogram" and name.endswith(SUFFIXES["histogram"]):
            yield f"{name}: ends like a part of a histogram"
        if ":" in name or name != name.lower():
            yield f"{name}: colons are for rules, and names are in lower case"
        if OTHER_UNITS.search(name):
            yield f"{name}: not a base unit"
        if re.search(rf"_{kind}(_|$)", name):
            yield f"{name}: the type is in the name"
        if not metrics.helps[name].endswith("."):
            yield f"{name}: the help is not a sentence"
    yield from lint_histograms(metrics)


def lint_histograms(metrics):
    for name in [name for name, kind in metrics.types.items() if kind == "histogram"]:
        for labels, count in metrics.series(f"{name}_count").items():
            buckets = {float(dict(key)["le"]): value
                       for key, value in metrics.series(f"{name}_bucket").items()
                       if frozenset(pair for pair in key if pair[0] != "le") == labels}
            values = [value for _, value in sorted(buckets.items())]
            if values != sorted(values) or buckets.get(math.inf) != count:
                yield f"{name}{dict(labels)}: its buckets do not add up"
            if labels not in metrics.series(f"{name}_sum"):
                yield f"{name}{dict(labels)}: no sum"
