"""Mutation test of the rule tables: change one entry, and a test must fail.

Every weight, tier, threshold, key and code that stands in a table of `openlupus.instruments`, every
default of an option, and every comparison of its rules (`<` for `<=`) is changed on its own; then
the tests of its instrument are run until one fails. A mutant that no test notices has survived.

The plain tests, which need no fixture and draw no examples, are called first, without pytest, with
the package imported anew for each mutant; what they do not notice gets a process of its own, in
which pytest runs every test of the instrument.

    python -m benchmarks.mutation [MODULE ...] [--processes N]

prints what survived and the kill rate of each module. The target is 100 % of tables and defaults,
without the mutants of `EQUIVALENT`, each of which says why nobody can tell it from the original.
Labels, docstrings and messages are not scored, and are left alone.
"""

import argparse
import ast
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import itertools
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ROOM = ROOT / "src" / "openlupus" / "instruments"
TESTS = ROOT / "tests" / "instruments"
# Files in which most mutants die; and those that run many examples, or load the most.
FIRST = ("test_tables", "test_composites", "test_composite_limits", "test_bilag2004_limits")
OF_ALL = ("test_vectors", "test_composites", "test_composite_limits", "test_pages")
LAST = ("test_frames", "test_pages", "test_properties", "test_gene_cutoff")
KINDS = ("table", "default", "comparison")
# Loaded once, and shared by every child; nothing of the package itself.
SHARED = ("numpy", "scipy.stats", "scipy.optimize", "pytest", "hypothesis.strategies", "polars")

# What every instrument rests on is tested with all of them.
SHARED_BY_ALL = ("arrays", "decimals", "scale", "verdicts")

# No rules: how a maximum is searched for, to a tolerance that its tests allow; how much is cached,
# how many faults a message shows.
SETTINGS = (
    *("REACH", "STARTS_PERCENT", "FIRST_STEPS", "MIXTURE_STEPS", "MIXTURE_TOLERANCE", "LEAST_SD"),
    *("BLOCK", "SHOWN"),
)

# Mutants that are the same rule, by place-free text `module: before -> after`, with the reason.
EQUIVALENT: dict[str, str] = {
    "grading: .array([min(s.high, [4 -> 5]": (
        "keeps the tops of numeric items, which have no codes, within a byte; no top is 5"
    ),
    'grading: _STATES = (["absent" -> "absentx"]': (
        "a word of messages: no grade is made at code 0, so none names it"
    ),
    "flare: EDAI_SEVERE_ABOVE = [12.0 -> 12.1]": "totals are whole numbers",
    'glucocorticoids: , "ONCE": 1, "PRN": [0 -> 1]': (
        "a PRN record counts nothing before its frequency is looked at"
    ),
}

KEYWORD = re.compile(
    r"[a-z0-9_]+|[A-Z][A-Z0-9]*|[A-Za-z]+[0-9]+|[A-Z]{2,}[-/ ][A-Z0-9/ -]+|\S*[/^]\S*"
)
SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}


@dataclass(frozen=True)
class Mutant:
    """One change of one module: what is replaced, where, by what."""

    module: str
    path: Path
    line: int
    column: int
    before: str
    after: str
    kind: str

    @property
    def text(self) -> str:
        """The change and what stands before it on its line: a key of `EQUIVALENT`."""
        line = self.path.read_text(encoding="utf-8").splitlines()[self.line - 1]
        before = line[max(self.column - 20, 0) : self.column].lstrip()
        return f"{self.path.stem}: {before}[{self.before} -> {self.after}]"

    def __str__(self) -> str:
        where = f"{self.path.relative_to(ROOM)}:{self.line}:{self.column}"
        return f"{where}  {self.before} -> {self.after}"

    @property
    def instrument(self) -> str:
        """The module below `openlupus.instruments`: `bilag2004` for each file of its folder."""
        return self.module.split(".")[2]

    def source(self) -> str:
        """The module with the change."""
        lines = self.path.read_text(encoding="utf-8").encode().splitlines(keepends=True)
        row = lines[self.line - 1]
        end = self.column + len(self.before.encode())
        assert row[self.column : end].decode() == self.before
        lines[self.line - 1] = row[: self.column] + self.after.encode() + row[end:]
        return b"".join(lines).decode()


def mutants(path: Path) -> Iterator[Mutant]:
    """Every change of one file."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    module = ".".join(("openlupus.instruments", *path.relative_to(ROOM).with_suffix("").parts))
    for node in tree.body:
        if _is_table(node):
            for constant in _entries(node):
                before = ast.get_source_segment(text, constant)
                after = _changed(constant.value)
                if before and after and "\n" not in before:
                    at = (constant.lineno, constant.col_offset)
                    yield Mutant(module, path, *at, before, after, "table")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for constant in _defaults(node):
                before, after = ast.get_source_segment(text, constant), _changed(constant.value)
                if before and after:
                    at = (constant.lineno, constant.col_offset)
                    yield Mutant(module, path, *at, before, after, "default")
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            yield from _comparison(node, text, module, path)


def _is_table(node: ast.stmt) -> bool:
    """An assignment at the top of a module to a name in capitals."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    # Of `A, B = 1, 2` both are names of the table.
    parts = [part for t in targets for part in (t.elts if isinstance(t, ast.Tuple) else [t])]
    names = [t.id for t in parts if isinstance(t, ast.Name)]
    value = getattr(node, "value", None)
    typed = isinstance(value, ast.Subscript)  # `Kind = Literal[...]` is a type
    if any(name in SETTINGS for name in names):
        return False
    return bool(names) and not typed and all(n.lstrip("_")[:1].isupper() for n in names)


def _entries(node: ast.stmt) -> Iterator[ast.Constant]:
    """Constants of a table, without the labels of items and without `__all__`."""
    value = getattr(node, "value", None)  # not what annotates it
    for child in ast.walk(value) if isinstance(value, ast.AST) else ():
        if isinstance(child, ast.Constant) and _changed(child.value) is not None:
            yield child


def _defaults(node: ast.FunctionDef) -> Iterator[ast.Constant]:
    """Defaults of a function's arguments that are written out in its signature."""
    for value in (*node.args.defaults, *node.args.kw_defaults):
        if isinstance(value, ast.Constant) and value.value is not None:
            yield value


def _changed(value: object) -> str | None:
    """Another value of the same kind: the next number, the other truth, another word."""
    if isinstance(value, bool):
        return repr(not value)
    if isinstance(value, int):
        return repr(value + 1)
    if isinstance(value, float):
        digits = len(repr(value).partition(".")[2])
        return repr(round(value + 10**-digits, digits))
    if isinstance(value, str) and KEYWORD.fullmatch(value):
        other = {"A": "B", "B": "C", "C": "A"}.get(value, f"{value}x")
        return repr(other).replace("'", '"')
    return None


def _comparison(node: ast.Compare, text: str, module: str, path: Path) -> Iterator[Mutant]:
    other = SWAPPED.get(type(node.ops[0]))
    if other is None or node.left.end_lineno != node.comparators[0].lineno:
        return
    row = text.splitlines()[node.left.end_lineno - 1].encode()
    between = row[node.left.end_col_offset : node.comparators[0].col_offset].decode()
    before = between.strip(" ()")
    names = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
    if before == names[type(node.ops[0])]:
        column = node.left.end_col_offset + between.index(before)
        yield Mutant(module, path, node.left.end_lineno, column, before, names[other], "comparison")


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from changed source."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(
        self, fullname: str, _path: object, _target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.mutant.module:
            return None
        return importlib.util.spec_from_file_location(fullname, self.mutant.path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.mutant.source(), str(self.mutant.path), "exec"), module.__dict__)


class _Steady:
    """A plugin: the same examples each time, and none too slow on a busy machine."""

    def pytest_configure(self) -> None:
        from hypothesis import settings

        settings.register_profile("steady", deadline=None, derandomize=True, max_examples=25)
        settings.load_profile("steady")


def start(mutant: Mutant | None) -> int:
    """Run the tests in a child process, against a mutant if any; exit code 0 if none fails."""
    child = os.fork()
    if child:
        return child
    try:
        code = _tests_fail(mutant)
    except BaseException:
        code = 3  # the module cannot be loaded at all: that is noticed
    os._exit(code)


def _tests_fail(mutant: Mutant | None) -> int:
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    os.chdir(ROOT)
    if mutant is not None:
        sys.meta_path.insert(0, _Mutated(mutant))
    import pytest

    for stage in _stages(mutant):
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--assert=plain"]
        if code := int(pytest.main([*options, *stage], plugins=[_Steady()])):
            return code
    return 0


def _stages(mutant: Mutant | None) -> list[list[str]]:
    """Test files of the mutant's instrument, in the order in which they are likely to notice it."""
    everything = [str(path) for path in sorted(TESTS.glob("test_*.py"))]
    if mutant is None:
        return [everything]
    naming = sorted(_naming(mutant), key=lambda p: (Path(p).stem in LAST, p))
    rest = everything if mutant.instrument in SHARED_BY_ALL else []
    return [[p] for p in dict.fromkeys([*naming, *rest])]


def _naming(mutant: Mutant) -> list[str]:
    """Test files that name the instrument, and those that are about all of them."""
    word = re.compile(rf"\b{mutant.instrument}\b")
    paths = [str(path) for path in sorted(TESTS.glob("test_*.py"))]
    return [
        p
        for p in paths
        if Path(p).stem in OF_ALL or word.search(Path(p).read_text(encoding="utf-8"))
    ]


# -- plain tests, called without pytest --------------------------------------------------------


def noticed_by_plain_tests(found: Sequence[Mutant], processes: int) -> set[Mutant]:
    """Those that a test function notices which needs no fixture and draws no examples."""
    readers: dict[int, int] = {}
    for part in range(processes):
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.chdir(ROOT)
            with os.fdopen(writer, "w", buffering=1) as told:
                told.writelines(f"{i}\n" for i in _noticed(found, part, processes))
            os._exit(0)
        os.close(writer)
        readers[child] = reader
    noticed: set[Mutant] = set()
    for child, reader in readers.items():
        with os.fdopen(reader) as told:
            noticed |= {found[int(line)] for line in told}
        os.waitpid(child, 0)
    return noticed


def _noticed(found: Sequence[Mutant], part: int, parts: int) -> Iterator[int]:
    sys.path[:0] = [str(ROOT / "tests"), str(TESTS)]
    # A file that fails by itself here would notice whatever it is shown.
    sound = {p.stem for p in TESTS.glob("test_*.py") if not _fails(p.stem, None)}
    for i in range(part, len(found), parts):
        names = sound & {Path(path).stem for path in _naming(found[i])}
        plain = sorted(names, key=lambda n: (n not in FIRST, n in LAST, n))
        if any(_fails(name, found[i]) for name in plain):
            yield i


def _fails(file: str, mutant: Mutant | None) -> bool:
    """Whether a plain test of the file fails when all is imported anew, with the mutant if any."""
    import pytest

    for name in list(sys.modules):
        if name.startswith("openlupus") or name == file:
            del sys.modules[name]
    finders = [] if mutant is None else [_Mutated(mutant)]
    sys.meta_path[:0] = finders
    try:
        for call in _plain(importlib.import_module(file)):
            call()
    except pytest.skip.Exception:
        return False
    except (Exception, pytest.fail.Exception):
        return True
    finally:
        del sys.meta_path[: len(finders)]
    return False


def _plain(file: ModuleType) -> Iterator[Callable[[], Any]]:
    """Tests without fixtures and drawn examples, once for each of their parameters."""
    for name, function in list(vars(file).items()):
        if not name.startswith("test_") or hasattr(function, "is_hypothesis_test"):
            continue
        marks = [m for m in getattr(function, "pytestmark", ()) if m.name == "parametrize"]
        keywords = [_keywords(*mark.args[:2]) for mark in marks]
        wanted = set(function.__code__.co_varnames[: function.__code__.co_argcount])
        if wanted == {name for group in keywords for name in next(iter(group), {})}:
            for chosen in itertools.product(*keywords):
                yield functools.partial(function, **{k: v for c in chosen for k, v in c.items()})


def _keywords(names: str | Sequence[str], rows: Iterable[Any]) -> list[dict[str, Any]]:
    keys = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
    return [dict(zip(keys, _values(row, len(keys)), strict=True)) for row in rows]


def _values(row: Any, size: int) -> Sequence[Any]:
    if hasattr(row, "marks"):  # pytest.param
        return row.values
    return row if size > 1 else (row,)


# -- one mutant a process -----------------------------------------------------------------------


def survivors(found: Sequence[Mutant], processes: int) -> list[Mutant]:
    """Those that no test notices."""
    running: dict[int, Mutant] = {}
    alive: list[Mutant] = []
    waiting = list(reversed(found))
    done, begun = 0, time.monotonic()
    while waiting or running:
        while waiting and len(running) < processes:
            mutant = waiting.pop()
            running[start(mutant)] = mutant
        child, status = os.wait()
        mutant = running.pop(child)
        done += 1
        if os.waitstatus_to_exitcode(status) == 0:
            alive.append(mutant)
            print(f"SURVIVED {mutant.kind}: {mutant}", flush=True)
        if done % 100 == 0:
            each = (time.monotonic() - begun) / done
            print(f"{done} of {len(found)}, {each:.2f} s each", file=sys.stderr, flush=True)
    return alive


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", help="names such as sledai2k; all by default")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--kind", choices=KINDS)
    asked = parser.parse_args()
    paths = [
        path
        for path in sorted(ROOM.rglob("*.py"))
        if path.stem != "__init__" and (not asked.modules or path.stem in asked.modules)
    ]
    found = [m for path in paths for m in mutants(path) if asked.kind in (None, m.kind)]
    found.sort(key=lambda m: KINDS.index(m.kind))
    for name in SHARED:
        importlib.import_module(name)
    assert not any(name.startswith("openlupus") for name in sys.modules)
    if os.waitstatus_to_exitcode(os.waitpid(start(None), 0)[1]):
        print("the tests fail without any mutation: mend them first", file=sys.stderr)
        return 2
    dead = noticed_by_plain_tests(found, asked.processes)
    print(f"{len(dead)} of {len(found)} noticed by plain tests", file=sys.stderr, flush=True)
    alive = survivors([m for m in found if m not in dead], asked.processes)
    unexplained = [m for m in alive if m.text not in EQUIVALENT]
    print(_summary(found, alive, unexplained))
    return 1 if any(m.kind != "comparison" for m in unexplained) else 0


def _summary(
    found: Sequence[Mutant], alive: Sequence[Mutant], unexplained: Sequence[Mutant]
) -> str:
    """Killed of all, by instrument and kind, as rows of a table."""
    rows = [
        "| Instrument | Tables | Defaults | Comparisons | Equivalent |",
        "|---|---|---|---|---|",
    ]

    def row(name: str, chosen: Sequence[Mutant]) -> str:
        cells: list[str] = []
        for kind in KINDS:
            of_kind = [m for m in chosen if m.kind == kind]
            killed = sum(m not in alive for m in of_kind)
            cells.append(f"{killed} of {len(of_kind)}" if of_kind else "")
        same = sum(m in alive and m not in unexplained for m in chosen)
        return f"| {name} | {' | '.join(cells)} | {same or ''} |"

    names = sorted({m.instrument for m in found})
    rows += [row(f"`{name}`", [m for m in found if m.instrument == name]) for name in names]
    return "\n".join([*rows, row("all", found)])


if __name__ == "__main__":
    sys.exit(main())
