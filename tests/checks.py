#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""House rules that a compiler does not know. Every finding is FILE:LINE: text; any of them is a failure.

Looks at the files that git tracks or would track. Needs Python and clang-format, nothing else.
A rule is a function below that yields (file, line, text); RULES lists them.
"""

import json
import ast
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# The top level is fixed.
TOP_LEVEL = {"src", "include", "tests", "conf", "examples", "CMakeLists.txt", "README.md", "LICENSE",
             "CHANGELOG.md"}

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600

# Public headers of which no src/<layer>/<name>.c tells where they belong. A header with types only
# belongs to the lowest layer that may know what it holds.
LAYER_OF_HEADER = {
    "address.h": "base",  # bizmail has an address.c of its own, about mail
    "inbound.h": "inbound",
    "source_settings.h": "translate",
    "target_settings.h": "policy",
}

# Third-party headers and the only places that may know them.
FENCES = {
    r"h2o(\.h|/.*)": r"src/http/libh2o\.h",
    r"curl/.*": r"src/delivery/client(_(failure|guard|tls)\.[ch]|\.c)|src/(cli|trial|url)/.*|tests/unit/delivery/test_client_failure\.c",
    r"sqlite3(ext)?\.h": r"src/store/sqlite\w*\.[ch]",
    r"libpq-fe\.h": r"src/store/postgres\w*\.[ch]",
    r"libconfig\.h": r"src/config/.*",
    r"jansson(_config)?\.h": r"src/(cli|control|pages|trial)/.*",
    r"openssl/.*": r"src/(crypto|http)/.*",
    r"libsmartcols\.h": r"src/cli/show/table\.c",
}

# Names that tell one version of a library from another, and the only places that may ask.
VERSION_QUESTIONS = {
    r"H2O_(LIBRARY_)?VERSION\w*|LIBH2O_IS_UPSTREAM": r"src/http/libh2o\.h",
}

# Calls and the only places that may make them.
BANNED_CALLS = {
    r"(str|wcs)(cpy|cat)|v?sprintf|gets|strtok|alloca|system|tmpnam|mktemp|rand|srand": None,
    r"localtime|gmtime|ctime|asctime": None,
    r"atoi|atol|atoll|atof|strto(l|ll|ul|ull|f|d|ld|imax|umax)|v?[sf]?scanf": r"src/base/(text|buf)\.c",
    # What others than the operator can cause has a limit: log_limited().
    r"log_event": r"src/(gateway\w*|preflight|stranded)\.c|src/(base|cli|store|trial)/.*|src/delivery/sign_pool\.c|tests/.*",
    r"malloc|calloc|realloc|reallocarray|strdup|strndup|v?asprintf": r"src/base/memory\.c",
}

# Split, so that this file does not find itself.
LEFT_OPEN = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE_PATHS = re.compile(r"(?<![\w./$}])/(ho" r"me|ro" r"ot|wo" r"rk|Us" r"ers)/[\w.]")
FIXED_SLEEP = re.compile(r"\b(time\.sleep|usleep|nanosleep|sleep) *\(? *[0-9]")


@cache
def files():
    """Paths relative to the root, as git has or would have them."""
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
                             cwd=ROOT, capture_output=True)
    if listing.returncode == 0:
        names = listing.stdout.decode().split("\0")
    else:  # an unpacked archive
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file()]
        names = [name for name in names if not name.startswith(("build/", ".git/"))]
    return sorted(name for name in set(names) if name and (ROOT / name).is_file())


@cache
def lines_of(name):
    data = (ROOT / name).read_bytes()
    return [] if b"\0" in data else data.decode("utf-8", errors="replace").split("\n")


def numbered(name):
    return enumerate(lines_of(name), 1)


def selected(pattern):
    return [name for name in files() if re.fullmatch(pattern, name)]


def c_files(folders="src|include|tests"):
    return selected(rf"({folders})/.*\.[ch]")


@cache
def code_of(name):
    """The lines of a C file without comments and without what strings and character constants hold."""
    text = "\n".join(lines_of(name))
    token = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)

    def blank(match):
        found = match.group()
        return found[0] * 2 if found[0] in "\"'" else re.sub(r"[^\n]", " ", found)

    return token.sub(blank, text).split("\n")


# -- layers -----------------------------------------------------------------------------------------


@cache
def layers():
    """{layer: the layers it may use}, in their order, from what src/CMakeLists.txt links."""
    text = "\n".join(line.partition("#")[0] for line in lines_of("src/CMakeLists.txt"))
    calls = re.findall(r"^repostal_layer\((\w+)([^)]*)\)", text, re.M)
    return {name: {name, *re.findall(r"\brepostal_(\w+)", links)} for name, links in calls}


@cache
def layer_of_header(header):
    """Of include/repostal/<header>: the lowest layer that implements it; None when none does."""
    if header in LAYER_OF_HEADER:
        return LAYER_OF_HEADER[header]
    source = Path(header).stem + ".c"
    for layer in layers():
        if (ROOT / "src" / layer / source).is_file():
            return layer
    return None


def layer_of(name):
    """None for the program itself, which may use everything."""
    parts = name.split("/")
    if parts[0] == "include":
        return layer_of_header(parts[-1])
    return parts[1] if len(parts) > 2 and parts[1] in layers() else None


def includes(name):
    for number, line in numbered(name):
        match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)', line)
        if match:
            yield number, match[1], match[2]


@cache
def settings_headers():
    """Where modules declare the settings structs that the configuration fills, and what these are made
    of: types, which config may know without linking the module."""
    names = {header for header in public_headers() if re.search(
        r"^struct \w+_settings \{", "\n".join(lines_of(f"include/repostal/{header}")), re.M)}
    return names | {include.removeprefix("repostal/") for header in names
                    for _, _, include in includes(f"include/repostal/{header}")}


def may_include(layer, header):
    owner = layer_of_header(header)
    return (owner is None or owner in layers()[layer]
            or (layer == "config" and header in settings_headers()))


def check_layers():
    """A module includes only headers of its own layer and of those it links."""
    for name in c_files("src|include"):
        layer = layer_of(name)
        for number, quote, header in includes(name):
            if header.startswith("repostal/"):
                header = header.removeprefix("repostal/")
                if header not in public_headers():
                    yield name, number, f"there is no include/repostal/{header}"
                elif layer is not None and not may_include(layer, header):
                    yield name, number, f"{layer} must not know {header} of {layer_of_header(header)}"
            elif quote == '"' and layer is not None and header not in headers_beside(name):
                yield name, number, f"{header} is not beside this file: private headers stay in their folder"


@cache
def headers_beside(name):
    return {path.name for path in (ROOT / name).parent.glob("*.h")}


@cache
def public_headers():
    return {Path(name).name for name in selected(r"include/repostal/\w+\.h")}


def check_header_owners():
    """Each public header belongs to a layer: by its .c, by the table above, or by being base's."""
    for name in selected(r"include/repostal/\w+\.h"):
        header = Path(name).name
        if layer_of_header(header) is None:
            outside = {include for _, _, include in includes(name) if include.startswith("repostal/")}
            if any(layer_of_header(include.removeprefix("repostal/")) != "base" for include in outside):
                yield name, 1, "no layer implements it: add it to LAYER_OF_HEADER in tests/checks.py"


def check_fences():
    """Third-party headers stay where they are fenced in, and out of public headers."""
    for name in c_files("src|include"):
        for number, _, header in includes(name):
            for pattern, place in FENCES.items():
                if re.fullmatch(pattern, header) and not re.fullmatch(place, name):
                    yield name, number, f"{header} may be included in {place} only"


def check_version_questions():
    """Which version of a library it is, is asked in one place: the others are the same for all of them."""
    patterns = [(re.compile(rf"\b({names})\b"), place) for names, place in VERSION_QUESTIONS.items()]
    for name in c_files("src|include"):
        for number, line in enumerate(code_of(name), 1):
            for pattern, place in patterns:
                if (match := pattern.search(line)) and not re.fullmatch(place, name):
                    yield name, number, f"{match[1]} is for {place} only"


# -- size and calls ---------------------------------------------------------------------------------


def check_function_length():
    """From the line of the name to the closing brace. Relies on clang-format: bodies begin and end in
    the first column."""
    for name in c_files():
        code = code_of(name)
        begin = None
        for number, line in enumerate(code, 1):
            if line == "{":
                begin = first_line_of_signature(code, number)
            elif line == "}" and begin is not None:
                size = number - begin + 1
                if size > FUNCTION_LINES_MAX:
                    yield name, begin, f"a function of {size} lines, more than {FUNCTION_LINES_MAX}"
                begin = None


def first_line_of_signature(code, brace):
    begin = brace - 1
    while begin > 1 and (code[begin - 1][:1].isspace() or not code[begin - 1]):
        begin -= 1
    return begin


def check_file_length():
    for name in c_files("src|include"):
        size = len(lines_of(name)) - 1
        if size > FILE_LINES_MAX:
            yield name, FILE_LINES_MAX + 1, f"a file of {size} lines, more than {FILE_LINES_MAX}"


def check_banned_calls():
    patterns = [(re.compile(rf"(?<![\w.>])({calls})\s*\("), place) for calls, place in BANNED_CALLS.items()]
    for name in c_files("src"):
        for number, line in enumerate(code_of(name), 1):
            for pattern, place in patterns:
                match = pattern.search(line)
                if match and not (place and re.fullmatch(place, name)):
                    yield name, number, f"{match[1]}() is banned" + (f" outside {place}" if place else "")


# -- text -------------------------------------------------------------------------------------------


def check_licence_lines():
    for name in c_files():
        if lines_of(name)[0] != "/* SPDX-License-Identifier: MIT */":
            yield name, 1, "the first line is not /* SPDX-License-Identifier: MIT */"
    for name in selected(r"(tests|examples)/.*\.(py|sh|rb|php|js|mjs|go)"):
        if not any("SPDX-License-Identifier: MIT" in line for line in lines_of(name)[:3]):
            yield name, 1, "no SPDX-License-Identifier: MIT in the first three lines"


def check_include_guards():
    for name in selected(r"(src|include)/.*\.h"):
        guards = [line.split()[1] for line in lines_of(name) if line.startswith("#ifndef REPOSTAL_")]
        if not guards or f"#define {guards[0]}" not in lines_of(name):
            yield name, 1, "no include guard REPOSTAL_..._H"


def check_nothing_left_open():
    for name in selected(r"(src|include|tests|conf|examples)/.*|[^/]*|\.\w+.*"):
        for number, line in numbered(name):
            if match := LEFT_OPEN.search(line):
                yield name, number, f"{match[1]}: finish it, or write an issue"


def check_machine_paths():
    for name in files():
        for number, line in numbered(name):
            if match := MACHINE_PATHS.search(line):
                yield name, number, f"a path of somebody's machine: {match[0]}..."


def check_white_space():
    for name in files():
        lines = lines_of(name)
        if re.match(r"tests/(golden|fuzz/corpus)/|examples/events/", name) or not lines:
            continue  # bytes, not text
        for number, line in enumerate(lines, 1):
            if line != line.rstrip():
                yield name, number, "white space at the end of the line"
            if "\t" in line and name.endswith((".py", ".yml", ".json", ".txt", ".md")):
                yield name, number, "a tab"
            if re.match(r" {8}", line) and name.endswith((".c", ".h")):
                yield name, number, "eight blanks where a tab belongs"
        if lines[-1] != "":
            yield name, len(lines), "no newline at the end of the file"
        elif len(lines) > 2 and lines[-2] == "":
            yield name, len(lines) - 1, "an empty line at the end of the file"


def check_fixed_sleeps():
    """Tests await conditions: a fixed sleep is too short on one machine and too long on the others."""
    for name in selected(r"tests/.*\.(py|c|sh)"):
        for number, line in numbered(name):
            if FIXED_SLEEP.search(line):
                yield name, number, "a sleep of fixed length: await a condition"


def clock_spans(tree):
    """A function that tells whether an expression is a span between two times of a clock: a difference with
    a clock's reading or a request's time of arrival in it, or something that was made of such a difference."""
    readings, spans = set(), set()

    def is_reading(node):
        return (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name) and node.func.value.id == "time"
                and node.func.attr in ("monotonic", "perf_counter", "time")
                or isinstance(node, ast.Attribute) and node.attr == "at"
                or isinstance(node, ast.Name) and node.id in readings)

    def is_span(node):
        return any(isinstance(part, ast.BinOp) and isinstance(part.op, ast.Sub)
                   and not isinstance(part.right, ast.Constant)
                   and any(is_reading(side) for side in (part.left, part.right))
                   or isinstance(part, ast.Name) and part.id in spans for part in ast.walk(node))

    def learn():
        for node in ast.walk(tree):
            match node:
                case ast.Assign(targets=targets, value=value) | ast.For(target=targets, iter=value) \
                        | ast.comprehension(target=targets, iter=value):
                    names = {part.id for target in (targets if isinstance(targets, list) else [targets])
                             for part in ast.walk(target) if isinstance(part, ast.Name)}
                    if is_span(value):
                        spans.update(names)
                    elif is_reading(value):
                        readings.update(names)
                case ast.FunctionDef(name=name):
                    results = [part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value]
                    if any(is_span(result) for result in results):
                        spans.add(name)

    known = -1
    while known != len(readings) + len(spans):
        known = len(readings) + len(spans)
        learn()
    return is_span


def spans_bounded_above(tree):
    """Asserts that a span is less than something."""
    is_span = clock_spans(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            for comparison in (part for part in ast.walk(node.test) if isinstance(part, ast.Compare)):
                sides = [comparison.left, *comparison.comparators]
                for small, relation, large in zip(sides, comparison.ops, sides[1:]):
                    if isinstance(relation, (ast.Gt, ast.GtE)):
                        small, large = large, small
                    if isinstance(relation, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) and is_span(small) \
                            and not is_span(large):
                        yield comparison.lineno


def check_wall_time():
    """What a busy machine makes longer proves nothing: a test may say that something took at least so long,
    never that it took at most so long. Count, order, await, or set the clock; speed is for tests/bench.
    An exception has its reason on the line, after "# on any machine: "."""
    for name in selected(r"tests/(?!bench/).*\.py"):
        lines = lines_of(name)
        for number in sorted(set(spans_bounded_above(ast.parse("\n".join(lines))))):
            if "# on any machine: " not in "\n".join(lines[max(0, number - 2):number]):
                yield name, number, "an upper bound for a time that a busy machine makes longer"
    for name in selected(r"tests/(?!bench/|torture/preload/).*\.c"):
        for number, line in enumerate(code_of(name), 1):
            if re.search(r"\bassert_\w+\(.*\bclock_\w+\(\) - .*<", line):
                yield name, number, "an upper bound for a time that a busy machine makes longer"


def check_top_level():
    for name in sorted({name.split("/")[0] for name in files()}):
        if name not in TOP_LEVEL and not name.startswith("."):
            yield name, 1, "not one of the agreed names at the top level"


def check_named_tests():
    """A test that the documentation names is there, in the file that it names."""
    tests_of = {Path(file).name: set(re.findall(r"\btest_\w+", "\n".join(lines_of(file))))
                for file in selected(r"tests/.*\.(py|c)")}
    known = set().union(*tests_of.values(), (name.partition(".")[0] for name in tests_of))
    for name in selected(r".*\.md"):
        for number, line in numbered(name):
            for named in re.findall(r"(?<![\w/])test_\w+", line):
                if named not in known:
                    yield name, number, f"no test is called {named}"
            for file, named in re.findall(r"(\w+\.(?:py|c))::(\w+)", line):
                if named not in tests_of.get(file, ()):
                    yield name, number, f"no test of {file} is called {named}"


def check_quoted_figures():
    """README quotes the results of the benchmarks, all goals with them, and nothing else."""
    sys.path.insert(0, str(ROOT / "tests" / "bench"))
    import quoted

    figures = json.loads((ROOT / "tests/bench/results/figures.json").read_text())
    try:
        _, found, _ = quoted.split((ROOT / "README.md").read_text())
        wanted = quoted.table(figures)
    except LookupError as problem:
        yield "README.md", 1, str(problem)
        return
    if found != wanted:
        yield "README.md", 1, "the table of figures is not what tests/bench/results/figures.json says: quoted.update()"


# -- tools ------------------------------------------------------------------------------------------


def check_format():
    """clang-format 14, the one of Debian 12: others disagree with it about details."""
    program = shutil.which("clang-format-14")
    if program is None:
        yield ".clang-format", 1, "clang-format-14 is not installed"
        return
    result = subprocess.run([program, "--dry-run", "-Werror", *c_files()], cwd=ROOT, capture_output=True,
                            text=True)
    found = dict.fromkeys(re.findall(r"^(.+?):(\d+):\d+: error: ", result.stderr, re.M))
    for name, number in found:
        yield name, int(number), f"clang-format-14 -i {name}"
    if result.returncode != 0 and not found:
        yield ".clang-format", 1, result.stderr.strip()


def check_scripts():
    """They parse, and may be run when they begin with #!."""
    for name in files():
        first = (lines_of(name) or [""])[0]
        if re.match(r"#!.*\b(ba)?sh\b", first):
            shell = "bash" if "bash" in first else "sh"
            result = subprocess.run([shell, "-n", name], cwd=ROOT, capture_output=True, text=True)
            if result.returncode != 0:
                yield name, 1, result.stderr.strip()
        if first.startswith("#!") and not os.access(ROOT / name, os.X_OK):
            yield name, 1, "begins with #! but is not executable"
        try:
            if name.endswith(".py"):
                compile("\n".join(lines_of(name)), name, "exec")
        except (SyntaxError, ValueError) as problem:
            yield name, getattr(problem, "lineno", 1), str(problem)


RULES = [
    check_layers, check_header_owners, check_fences, check_version_questions, check_function_length, check_file_length,
    check_banned_calls, check_licence_lines, check_include_guards, check_nothing_left_open,
    check_machine_paths, check_white_space, check_fixed_sleeps, check_wall_time, check_top_level,
    check_named_tests, check_quoted_figures, check_format, check_scripts,
]


def main():
    failed = 0
    for rule in RULES:
        findings = list(rule())
        failed += bool(findings)
        for name, number, text in findings:
            print(f"{name}:{number}: {text}")
        print(f"{'FAIL' if findings else 'ok':4}  {rule.__name__.removeprefix('check_').replace('_', ' ')}")
    print(f"checks: {len(RULES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
