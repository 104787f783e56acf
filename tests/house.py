"""What the house measures: `python -m tests.house [--where] [folder]` prints the figures that its rules speak of."""

import argparse
import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
LONGEST_FUNCTION = 70
WORDS = frozenset[str]
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """A Python file, read and parsed once."""

    path: Path
    name: str
    """Relative to the folder."""
    lines: list[str]
    tree: ast.Module

    @property
    def module(self) -> str:
        return self.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def functions(self) -> Iterator[FunctionNode]:
        return (node for node in ast.walk(self.tree) if isinstance(node, FunctionNode))

    def calls(self) -> Iterator[ast.Call]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))

    def imported(self) -> dict[str, str]:
        """Return what each imported name stands for, dotted."""
        names = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                names |= {alias.asname or alias.name: alias.name for alias in node.names}
        return names


@dataclass(frozen=True)
class Figure:
    """One line of the answer; `where` are the places behind it."""

    name: str
    text: str
    where: list[str] = field(default_factory=list)


def sources(folder: Path, top: str) -> list[Source]:
    found = []
    for path in sorted((folder / top).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found.append(Source(path, path.relative_to(folder).as_posix(), text.splitlines(), ast.parse(text)))
    return found


def size(files: Sequence[Source]) -> int:
    return sum(len(file.lines) for file in files)


def sql_lines(folder: Path, top: str) -> int:
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (folder / top).rglob("*.sql"))


def spread(values: Sequence[int]) -> str:
    ordered = sorted(values) or [0]
    return f"median {ordered[len(ordered) // 2]}, p90 {ordered[len(ordered) * 9 // 10]}, max {ordered[-1]} lines"


# Size and shape


def lengths(app: Sequence[Source]) -> Iterator[Figure]:
    yield Figure("files", f"{len(app)}: {spread([len(file.lines) for file in app])}")
    functions = {
        f"{file.name}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for file in app
        for node in file.functions()
    }
    long = [place for place, length in functions.items() if length > LONGEST_FUNCTION]
    text = f"{len(functions):,}: {spread(list(functions.values()))}; {len(long)} over {LONGEST_FUNCTION}"
    yield Figure("functions", text, long)


def cycles(app: Sequence[Source]) -> Figure:
    """Packages of app/ that reach themselves over each other's imports, late imports too."""
    uses: dict[str, set[str]] = defaultdict(set)
    for file in app:
        package = _package(file.module)
        uses[package] |= {_package(name) for name in file.imported().values() if name.startswith("app.")} - {package}
    reached = {package: _reached(uses, package) for package in list(uses)}
    circles = {tuple(sorted(o for o in reached if o in reached[p] and p in reached[o])) for p in reached} - {()}
    return Figure("import cycles", f"{len(circles)} between packages", [" <-> ".join(circle) for circle in circles])


def _package(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _reached(uses: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(uses[start])
    while waiting:
        package = waiting.pop()
        if package not in seen:
            seen.add(package)
            waiting += uses.get(package, ())
    return seen


# Escapes from the checks


def escapes(app: Sequence[Source]) -> Iterator[Figure]:
    lines = [(file.name, number, line) for file in app for number, line in enumerate(file.lines, 1)]
    excused = [line for _, _, line in lines if re.search(r"#\s*noqa", line)]
    codes = Counter(code for line in excused for code in re.findall(r"\b[A-Z]+[0-9]+\b", line.partition("noqa")[2]))
    most = ", ".join(f"{code} {count}" for code, count in codes.most_common(4))
    yield Figure("noqa", f"{len(excused)} lines" + (f" ({most})" if most else ""))
    ignored = [f"{name}:{number}" for name, number, line in lines if "type: ignore" in line]
    yield Figure("type: ignore", f"{len(ignored)} lines", ignored)
    anything = [
        f"{name}:{number}"
        for name, number, line in lines
        if re.search(r"\bAny\b", line) and not re.match(r"\s*(from|import)\b", line)
    ]
    outside = [place for place in anything if not place.startswith("app/db.py:")]
    inside = len(anything) - len(outside)
    yield Figure("Any", f"{len(anything)} lines: {inside} in app/db.py, {len(outside)} elsewhere", outside)


# Ways to run a statement

EXECUTE = {"execute", "scalar", "scalars", "stream", "stream_scalars"}
CORE = {"select", "insert", "update", "delete"}
OBJECTS = {"add", "add_all", "get", "get_one", "merge", "delete", "refresh"}
QUERY = {"all", "maybe", "one", "run"}


def statements(app: Sequence[Source]) -> Figure:
    """Count calls by how they run a statement; app/db.py, where the ways are made, is left out."""
    runners = {f"{file.module}.{node.name}" for file in app for node in file.functions() if _runs_its_argument(node)}
    roots = {name: root for file in app for name, root in _assigned(file.tree).items() if name.isupper()}
    ways: dict[str, list[str]] = defaultdict(list)
    for file in app:
        if file.name != "app/db.py":
            imported = file.imported()
            local = roots | _parameters(file.functions()) | _assigned(file.tree)
            for call in file.calls():
                way = _way(call, local) or _runner(call, imported, file.module, runners)
                if way:
                    ways[way].append(f"{file.name}:{call.lineno}")
    counts = sorted(ways.items(), key=lambda item: -len(item[1]))
    lines = [f"{len(places):4} {way}" for way, places in counts]
    text = f"{sum(len(places) for places in ways.values())} run in {len(ways)} ways"
    return Figure(
        "statements", "\n".join([text, *lines]), [f"{place} {way}" for way, places in counts for place in places]
    )


def _way(call: ast.Call, assigned: dict[str, str]) -> str | None:
    if not isinstance(call.func, ast.Attribute):
        return None
    receiver, verb = ast.unparse(call.func.value).rpartition(".")[2], call.func.attr
    if receiver in {"connection", "cursor", "driver"} and verb == "execute":
        return "driver.execute"
    if _is_session(call.func.value):
        if verb in EXECUTE and call.args:
            return _executed(_root(call.args[0]), verb, assigned)
        return f"session.{verb}(object)" if verb in OBJECTS else None
    if call.args and _is_session(call.args[0]) and (receiver.isupper() or receiver == "statement"):
        return "Query" if verb in QUERY else "Direct.rows" if verb == "rows" else None
    return None


def _executed(root: str, verb: str, assigned: dict[str, str]) -> str | None:
    """Name the way; a parameter is given by a caller of this function, which is counted itself."""
    kind = root if root in CORE | {"text"} else assigned.get(root, "?")
    if kind in CORE:
        return "typed select/insert/update/delete"
    if kind == "parameter":
        return None
    return f"session.{'execute' if verb == 'execute' else 'scalar'}({kind})"


def _root(expression: ast.expr) -> str:
    """Return the name a chain of calls begins with: `select` of `select(...).where(...)`, `X` of `queries.X`."""
    while True:
        if isinstance(expression, ast.Call):
            expression = expression.func
        elif isinstance(expression, ast.IfExp):
            expression = expression.body
        elif isinstance(expression, ast.Attribute):
            if isinstance(expression.value, ast.Name) and expression.attr.isupper():
                return expression.attr
            expression = expression.value
        else:
            return re.sub(r"^(pg|postgresql)_", "", expression.id) if isinstance(expression, ast.Name) else ""


def _assigned(tree: ast.Module) -> dict[str, str]:
    """Return with what kind of statement each name is bound, one name standing for another resolved."""
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            root = _root(node.value)
            bound |= {target.id: root for target in targets if isinstance(target, ast.Name) and root != target.id}
    known = CORE | {"text"}
    given = _parameters(node for node in ast.walk(tree) if isinstance(node, FunctionNode))
    ends = {name: bound.get(root, root) for name, root in bound.items()}
    return {name: kind for name, end in ends.items() if (kind := end if end in known else given.get(end)) in known}


def _parameters(functions: Iterable[FunctionNode]) -> dict[str, str]:
    """Return what the parameters are: a typed statement where the annotation says so."""
    typed = re.compile(r"\b(Select|Insert|Update|Delete)\b")
    return {
        argument.arg: found[1].lower() if (found := typed.search(ast.unparse(argument.annotation))) else "parameter"
        for function in functions
        for argument in (*function.args.posonlyargs, *function.args.args)
        if argument.annotation is not None
    }


def _runs_its_argument(function: FunctionNode) -> bool:
    """Whether it gives its caller's SQL to the session: a way of its own."""
    given = _parameters([function])
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and _is_session(call.func.value):
            argument = call.args[0] if call.args and call.func.attr in EXECUTE else None
            if isinstance(argument, ast.Call) and ast.unparse(argument.func) == "text":
                argument = argument.args[0]
            if isinstance(argument, ast.Name) and given.get(argument.id) == "parameter":
                return True
    return False


def _is_session(expression: ast.expr) -> bool:
    return ast.unparse(expression).rpartition(".")[2].endswith("session")


def _runner(call: ast.Call, imported: dict[str, str], module: str, runners: set[str]) -> str | None:
    if isinstance(call.func, ast.Name):
        name = imported.get(call.func.id, f"{module}.{call.func.id}")
    elif isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        name = f"{imported.get(call.func.value.id, '')}.{call.func.attr}"
    else:
        return None
    return name if name in runners else None


# Words of a column


def vocabularies(app: Sequence[Source], folder: Path) -> Figure:
    """Word lists that stand as a Literal and once more as a Literal, a tuple or a CHECK."""
    places: dict[WORDS, list[str]] = defaultdict(list)
    for file in app:
        for line, kind, words in _word_lists(file.tree):
            places[words].append(f"{file.name}:{line} {kind}")
    for path in sorted((folder / "app").rglob("*.sql")):
        for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for words in _checked(text) if "CHECK" in text else ():
                places[words].append(f"{path.relative_to(folder).as_posix()}:{line} CHECK")
    twice = {
        words: found
        for words, found in places.items()
        if len(found) > 1 and any(place.endswith("Literal") for place in found)
    }
    where = [f"{'|'.join(sorted(words))}: {'; '.join(found)}" for words, found in twice.items()]
    return Figure("vocabularies", f"{len(twice)} in more than one place", where)


def _word_lists(tree: ast.Module) -> Iterator[tuple[int, str, WORDS]]:
    literals = [node for node in ast.walk(tree) if isinstance(node, ast.Subscript) and _is_literal(node)]
    inside = {id(node.slice) for node in literals}
    for node in literals:
        yield from _words(node.slice, "Literal")
    for other in ast.walk(tree):
        if isinstance(other, ast.Tuple | ast.List | ast.Set) and id(other) not in inside:
            yield from _words(other, "tuple")
        elif isinstance(other, ast.Call) and ast.unparse(other.func).rpartition(".")[2] == "CheckConstraint":
            for words in _checked(ast.unparse(other)):
                yield other.lineno, "CHECK", words


def _is_literal(node: ast.Subscript) -> bool:
    return ast.unparse(node.value).rpartition(".")[2] == "Literal"


def _words(node: ast.expr, kind: str) -> Iterator[tuple[int, str, WORDS]]:
    parts = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else []
    texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    if len(texts) == len(parts) > 1:
        yield node.lineno, kind, frozenset(texts)


def _checked(text: str) -> Iterator[WORDS]:
    for found in re.findall(r"\bIN \(('[^()]*')\)", text.replace("\\'", "'")):
        words = frozenset(re.findall(r"'([^']*)'", found))
        if len(words) > 1:
            yield words


# Tests

RAW = re.compile(r"INSERT INTO (?=[\w{%:])")
ATTACKS = re.compile(r"/[^/]*(guard|attack|proof)[^/]*$|ledger")
"""Files of people with SQL: a statement that the product would not make is what they test (elsewhere: `# Attack`)."""
ORACLE = (
    "tests/model/agreement.py",
    "tests/model/arithmetic.py",
    "tests/model/paper.py",
    "tests/model/plan.py",
    "tests/model/things.py",
)
"""What the product is compared with: an expected value, not a help."""
PLAYED = (
    "tests/trust/twins.py",
    "tests/trust/probes.py",
    "tests/trust/at_the_pages.py",
    "tests/trust/use_of_care.py",
    "tests/clients/",
    "tests/http/probe.py",
)
"""What is itself tried: the employer's games against privacy, strangers' clients of the API, routes that misbehave."""
PROGRAMS = ("tests/house.py", "tests/portal/texts.py")
"""What a target of the Makefile runs."""


def proofs(app: Sequence[Source], tests: Sequence[Source]) -> Iterator[Figure]:
    yield Figure("tests / code", f"{size(tests) / max(size(app), 1):.2f}")
    support = [file for file in tests if not file.path.name.startswith("test_") and file.name not in PROGRAMS]
    bench = [file for file in support if file.name.startswith("tests/bench/")]
    oracle = [file for file in support if file.name in ORACLE]
    played = [file for file in support if file.name.startswith(PLAYED)]
    support = [file for file in support if file not in (*bench, *oracle, *played)]
    lengths = sorted(((len(file.lines), file.name) for file in (*support, *oracle, *bench, *played)), reverse=True)
    where = [f"{name} {length}" for length, name in lengths]
    apart = f"and apart from them the bench {size(bench):,}, the paper model {size(oracle):,}, games {size(played):,}"
    yield Figure("test support", f"{size(support):,} lines, {apart}", where)
    others = [file for file in tests if not re.search(r"/(test_)?house\.py$", file.name)]
    found = [
        f"{file.name}{' attack' if ATTACKS.search(file.name) or '# Attack' in before else ''}"
        for file in others
        for before, line in zip(["", *file.lines], file.lines, strict=False)
        for _ in RAW.findall(line)
    ]
    attacks = sum(place.endswith(" attack") for place in found)
    where = [f"{place} {count}" for place, count in Counter(found).items()]
    yield Figure("raw INSERTs", f"{len(found) - attacks} in tests/, and {attacks} that attack a guard", where)


def figures(folder: Path) -> Iterator[Figure]:
    app, tests, migrations = (sources(folder, top) for top in ("app", "tests", "migrations"))
    grown = size(migrations) + sql_lines(folder, "migrations")
    code = f"app/ {size(app):,} of Python and {sql_lines(folder, 'app'):,} of SQL, migrations/ {grown:,}"
    yield Figure("lines", f"{code}, tests/ {size(tests):,}")
    yield from lengths(app)
    yield cycles(app)
    yield from escapes(app)
    yield statements(app)
    yield vocabularies(app, folder)
    yield from proofs(app, tests)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.house", description="Print the figures of the house.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT)
    parser.add_argument("--where", action="store_true", help="name the places behind each figure")
    given = parser.parse_args()
    for figure in figures(given.folder):
        text = figure.text.replace("\n", "\n" + " " * 15)
        sys.stdout.write(f"{figure.name:14} {text}\n")
        for place in figure.where if given.where else ():
            sys.stdout.write(f"{'':15}{place}\n")


if __name__ == "__main__":
    main()
