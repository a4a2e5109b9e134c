"""Mutation test of the rule tables: change one entry, and a test must fail.

Every weight, tier, threshold, key and code that stands in a table of `openlupus.instruments` is
changed on its own, and so is every comparison of its rules (`<` for `<=`); then the tests of the
instruments are run, in a process of its own, until one fails. A mutant that no test notices has
survived.

    python -m benchmarks.mutation [MODULE ...] [--processes N]

prints what survived and the kill rate of tables and comparisons. The target is 100 % of the
tables. Labels, docstrings and messages are not scored, and are left alone.
"""

import argparse
import ast
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
ROOM = ROOT / "src" / "openlupus" / "instruments"
TESTS = ROOT / "tests" / "instruments"
NOT_TABLES = ("arrays", "verdicts", "decimals", "scale", "gene_cutoff", "__init__")
# Those that look at tables entry by entry come first: most mutants die there.
FIRST = ("test_tables.py", "test_vectors.py")
# They look at no table, and cost time.
NOT_NEEDED = ("test_frames.py", "test_gene_cutoff.py", "test_properties.py")

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

    def __str__(self) -> str:
        where = f"{self.path.relative_to(ROOM)}:{self.line}:{self.column}"
        return f"{where}  {self.before} -> {self.after}"

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
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            yield from _comparison(node, text, module, path)


def _is_table(node: ast.stmt) -> bool:
    """An assignment at the top of a module to a name in capitals."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    names = [t.id for t in targets if isinstance(t, ast.Name)]
    value = getattr(node, "value", None)
    typed = isinstance(value, ast.Subscript)  # `Kind = Literal[...]` is a type
    return bool(names) and not typed and all(n.lstrip("_")[:1].isupper() for n in names)


def _entries(node: ast.stmt) -> Iterator[ast.Constant]:
    """Constants of a table, without the labels of items and without `__all__`."""
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and _changed(child.value) is not None:
            yield child


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

        settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50)
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

    names = sorted(p.name for p in TESTS.glob("test_*.py") if p.name not in NOT_NEEDED)
    stages = [*([name] for name in FIRST), [name for name in names if name not in FIRST]]
    for stage in stages:
        paths = [str(TESTS / name) for name in stage]
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        if code := int(pytest.main([*options, *paths], plugins=[_Steady()])):
            return code
    return 0


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
    parser.add_argument("--kind", choices=["table", "comparison"])
    asked = parser.parse_args()
    paths = [
        path
        for path in sorted(ROOM.rglob("*.py"))
        if path.stem not in NOT_TABLES and (not asked.modules or path.stem in asked.modules)
    ]
    found = [m for path in paths for m in mutants(path) if asked.kind in (None, m.kind)]
    # Loaded once, and shared by every child; nothing of the package itself.
    for name in ("numpy", "scipy.stats", "pytest"):
        importlib.import_module(name)
    assert not any(name.startswith("openlupus") for name in sys.modules)
    if os.waitstatus_to_exitcode(os.waitpid(start(None), 0)[1]):
        print("the tests fail without any mutation: mend them first", file=sys.stderr)
        return 2
    alive = survivors(found, asked.processes)
    for kind in ("table", "comparison"):
        of_kind = [m for m in found if m.kind == kind]
        killed = len(of_kind) - sum(m.kind == kind for m in alive)
        if of_kind:
            rate = 100 * killed / len(of_kind)
            print(f"{kind}: {killed} of {len(of_kind)} mutants killed, {rate:.1f} %")
    return 1 if any(m.kind == "table" for m in alive) else 0


if __name__ == "__main__":
    sys.exit(main())
