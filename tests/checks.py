#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""House rules that a compiler does not know. Every finding is FILE:LINE: text; any of them is a failure.

Looks at the files that git tracks or would track. Needs Python and clang-format, nothing else.
A rule is a function below that yields (file, line, text), or raises Skipped; RULES lists them.
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
    "dispatcher_settings.h": "delivery",
    "source_settings.h": "event",
    "target_settings.h": "policy",
}

# Third-party headers and the only places that may know them.
FENCES = {
    r"h2o(\.h|/.*)": r"src/http/libh2o\.h",
    r"curl/.*": r"src/delivery/client/.*|src/(cli|trial|url)/.*|tests/unit/delivery/test_client_failure\.c",
    r"sqlite3(ext)?\.h": r"src/store/sqlite/.*",
    r"libpq-fe\.h": r"src/store/postgres/connection/.*",
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
    r"log_event": r"src/(base|cli|gateway|store|trial)/.*|src/delivery/envelope_pool\.c|tests/.*",
    r"malloc|calloc|realloc|reallocarray|strdup|strndup|v?asprintf": r"src/base/memory\.c",
}

# Files that are in a circle of calls, as src/<name> without the ending. The list only becomes shorter.
CIRCLES_LEFT = {
    "admin/admin", "admin/api", "admin/readiness",
    "base/buf", "base/text",
    "config/read", "config/read_list",
    "control/copy_events", "control/copy_quarantine", "control/store_copy",
    "http/exchange", "http/http2", "http/loop", "http/refusal", "http/server", "http/tls",
    "http/gate", "http/linger", "http/pace",
}

# Split, so that this file does not find itself.
LEFT_OPEN = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE_PATHS = re.compile(r"(?<![\w./$}])/(ho" r"me|ro" r"ot|wo" r"rk|Us" r"ers)/[\w.]")
FIXED_SLEEP = re.compile(r"\b(time\.sleep|usleep|nanosleep|sleep) *\(? *[0-9]")


class Skipped(Exception):
    """What a rule needs and does not find here."""


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
    """{folder: the folders it may use}, in their order, from what src/CMakeLists.txt links."""
    text = "\n".join(line.partition("#")[0] for line in lines_of("src/CMakeLists.txt"))
    calls = re.findall(r"^repostal_layer\(([\w/]+)([^)]*)\)", text, re.M)
    folders = {name.replace("/", "_"): name for name, _ in calls}
    return {name: {name, *(folders.get(link, link) for link in re.findall(r"\brepostal_(\w+)", links))}
            for name, links in calls}


@cache
def layer_of_header(header):
    """Of include/repostal/<header>: the lowest layer that implements it, in one of its rooms if nowhere else; None
    when none does."""
    if header in LAYER_OF_HEADER:
        return LAYER_OF_HEADER[header]
    source = Path(header).stem + ".c"
    whole = [layer for layer in layers() if "/" not in layer]
    for found in Path.glob, Path.rglob:
        for layer in whole:
            if any(found(ROOT / "src" / layer, source)):
                return layer
    return None


def layer_of(name):
    """None for the program itself, which may use everything."""
    if name.startswith("include/"):
        return layer_of_header(Path(name).name)
    folder = str(Path(name).parent).removeprefix("src/")
    return folder if folder in layers() else None


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
    """The rooms of a layer know its public headers, whose types they fill; that they call nothing of it is seen
    by the rule of circles."""
    owner = layer_of_header(header)
    return (owner is None or owner in layers()[layer] or layer.startswith(f"{owner}/")
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
            elif quote == '"' and layer is not None and not is_private_header(name, layer, header):
                yield name, number, f"{header} is in no folder that {layer} may use: private headers stay in theirs"


def is_private_header(name, layer, header):
    """Of the file's own room, or of one that it may use, by the path from the file or from the layer."""
    places = (ROOT / name).parent, ROOT / "src" / layer.partition("/")[0]
    paths = [(place / header).relative_to(ROOT / "src") for place in places if (place / header).is_file()]
    return any(str(path.parent) in layers()[layer] for path in paths)


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


# -- circles ----------------------------------------------------------------------------------------


def module_of(name):
    """A .c file with the header of its name, as <folder>/<name>: what a circle is made of."""
    path = Path(name)
    if path.parts[0] == "include":
        return f"{layer_of_header(path.name)}/{path.stem}"
    return str(path.with_suffix("")).removeprefix("src/")


def function_bodies(name):
    """(line of the signature, signature, line of the brace, body) of each function. Relies on clang-format."""
    code = code_of(name)
    brace = None
    for number, line in enumerate(code, 1):
        if line == "{":
            brace = number
        elif line == "}" and brace is not None:
            begin = first_line_of_signature(code, brace)
            yield begin, " ".join(code[begin - 1:brace - 1]), brace, code[brace - 1:number]
            brace = None


def function_name(signature):
    return re.search(r"(\w+)\s*\(", signature)[1]


@cache
def symbols():
    """{name: the module that defines it} of what others can use: functions and variables, and in headers inline
    functions and macros that look like functions."""
    owners = {}
    for name in c_files("src|include"):
        for _, signature, _, _ in function_bodies(name):
            if name.endswith(".h") or not signature.startswith("static"):
                owners[function_name(signature)] = module_of(name)
        for line in code_of(name):
            match = re.match(r"#define (\w+)\(", line) if name.endswith(".h") else re.match(
                r"(?!static\b|extern\b|typedef\b)\w[\w *]*?\b(\w+)(\[[^]]*\])*( = .*| =|;)$", line)
            if match:
                owners[match[1]] = module_of(name)
    return owners


def stretches(name):
    """(first line, text) of each function of a file, and of a .c file's other lines together."""
    rest = list(code_of(name))
    for begin, signature, brace, body in function_bodies(name):
        yield brace, "\n".join([signature, *body[1:]])
        rest[begin - 1:brace - 1 + len(body)] = [""] * (brace - begin + len(body))
    if name.endswith(".c"):
        yield 1, "\n".join(rest)


def uses(name):
    """(line, symbol) of other modules. What a header only declares is not used by it."""
    own = {function_name(signature) for _, signature, _, _ in function_bodies(name)}
    for first, text in stretches(name):
        declared = set(re.findall(r"\b(?!(?:return|else|case|struct|enum|union)\b)\w+ \**(\w+)(?= =|[],;)[]|$)", text, re.M))
        for number, line in enumerate(text.split("\n"), first):
            for tag, symbol in re.findall(r"(?:\b(struct|enum|union)\s+)?(?<![\w.>])([A-Za-z_]\w*)", line):
                owner = symbols().get(symbol)
                if owner not in (None, module_of(name)) and not tag and symbol not in own | declared:
                    yield number, symbol


@cache
def calls():
    """{module: {module that it uses: (file, line, symbol)}}"""
    graph = {}
    for name in c_files("src|include"):
        for number, symbol in uses(name):
            graph.setdefault(module_of(name), {}).setdefault(symbols()[symbol], (name, number, symbol))
    return graph


def calls_of_folders():
    graph = {}
    for user, used in calls().items():
        for other, where in used.items():
            if folder_of(user) != folder_of(other):
                graph.setdefault(folder_of(user), {}).setdefault(folder_of(other), where)
    return graph


def folder_of(module):
    return module if module == "main" else str(Path(module).parent)


def circle_through(graph, start):
    """The shortest way from start back to it: [start, ...], or None."""
    before = {}
    waiting = [start]
    for node in waiting:
        for following in sorted(graph.get(node, {})):
            if following == start:
                way = [node]
                while way[0] != start:
                    way.insert(0, before[way[0]])
                return way
            if following not in before:
                before[following] = node
                waiting.append(following)
    return None


def check_circles():
    """Calls go one way: no file is used, by whatever detour, by a file that it uses; nor is a folder."""
    for graph, left in (calls(), CIRCLES_LEFT), (calls_of_folders(), set()):
        found = set()
        for start in sorted(graph):
            way = circle_through(graph, start)
            if way is None:
                continue
            found.add(start)
            if start in left:
                continue
            name, number, _ = graph[start][(way + way)[1]]
            steps = [f" -{graph[here][there][2]}()-> {there}" for here, there in zip(way, way[1:] + way[:1])]
            yield name, number, f"a circle: {start}" + "".join(steps)
        for start in sorted(left - found):
            yield "tests/checks.py", 1, f"{start} is in no circle any more: remove it from CIRCLES_LEFT"


# -- size and calls ---------------------------------------------------------------------------------


def check_function_length():
    """From the line of the name to the closing brace."""
    for name in c_files():
        for begin, _, brace, body in function_bodies(name):
            size = brace - begin + len(body)
            if size > FUNCTION_LINES_MAX:
                yield name, begin, f"a function of {size} lines, more than {FUNCTION_LINES_MAX}"


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


def check_quoted_budgets():
    """tests/README.md says how long the steps of tests/run.sh may take, all of them."""
    script = "\n".join(lines_of("tests/run.sh"))
    budgets = dict(re.findall(r"\[(\w+)\]=(\d+)", re.search(r"BUDGETS_S=\(([^)]*)\)", script)[1]))
    budgets["all of these"] = re.search(r"TOTAL_BUDGET_S=(\d+)", script)[1]
    del budgets["packages"]  # not a step
    for number, line in numbered("tests/README.md"):
        if match := re.match(r"\| `?([\w ]+?)`? \| (\d+) \|", line):
            wanted = budgets.pop(match[1], None)
            if wanted != match[2]:
                yield "tests/README.md", number, f"tests/run.sh has {wanted or 'no budget'} for {match[1]}"
    for name, seconds in budgets.items():
        yield "tests/README.md", 1, f"the step {name} of tests/run.sh is missing, {seconds} s"


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
    """clang-format 14, the one of Debian 12: others disagree with it about details, and Debian 13 has none."""
    program = shutil.which("clang-format-14")
    if program is None:
        raise Skipped("no clang-format-14 here")
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
    check_layers, check_header_owners, check_fences, check_version_questions, check_circles,
    check_function_length, check_file_length, check_banned_calls, check_licence_lines, check_include_guards,
    check_nothing_left_open, check_machine_paths, check_white_space, check_fixed_sleeps, check_wall_time,
    check_top_level, check_named_tests, check_quoted_budgets, check_quoted_figures, check_format, check_scripts,
]


def main():
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    for rule in RULES:
        title = rule.__name__.removeprefix("check_").replace("_", " ")
        try:
            findings = list(rule())
            verdict = "FAIL" if findings else "ok"
        except Skipped as reason:
            findings, verdict, title = [], "skip", f"{title}: {reason}"
        counts[verdict] += 1
        for name, number, text in findings:
            print(f"{name}:{number}: {text}")
        print(f"{verdict:4}  {title}")
    print(f"checks: {counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
