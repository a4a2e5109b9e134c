"""An invented trial, patient by patient, and the tables that a paper would print of it.

Two arms of unequal size, a BICLA end point, two strata; nothing of it is from any trial.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np

from openlupus.statistics.cmh import cmh
from openlupus.statistics.risk_difference import stratified_newcombe

ARMS = ("active", "control")
RACES = ("Asian", "Black", "White or other")
ANY, RASH, FLU = "Any adverse event", "Adverse events|Rash", "Adverse events|Influenza"


@dataclass
class Patients:
    """Patients of both arms; every array has one entry a patient."""

    active: np.ndarray
    stratum: np.ndarray
    age: np.ndarray
    score: np.ndarray
    years: np.ndarray
    female: np.ndarray
    race: np.ndarray
    bicla: np.ndarray
    completed: np.ndarray
    rash: np.ndarray
    influenza: np.ndarray
    other_event: np.ndarray

    def arm(self, name: str) -> np.ndarray:
        return np.ones_like(self.active) if name == "total" else self.active == (name == "active")


def patients(seed: int, *, n: tuple[int, int] = (96, 47)) -> Patients:
    rng = np.random.default_rng(seed)
    size = sum(n)
    active = np.arange(size) < n[0]
    stratum = rng.random(size) < 0.4
    chance = 0.35 + 0.18 * active - 0.12 * stratum
    return Patients(
        active=active, stratum=stratum.astype(int), age=rng.integers(18, 70, size),
        score=np.clip(rng.poisson(9, size), 4, 30),
        years=np.round(rng.gamma(1.5, 5, size) + 0.5, 1),
        female=rng.random(size) < 0.9, race=rng.integers(0, len(RACES), size),
        bicla=rng.random(size) < chance, completed=rng.random(size) < 0.85,
        rash=rng.random(size) < 0.1, influenza=rng.random(size) < 0.12,
        other_event=rng.random(size) < 0.5,
    )  # fmt: skip


def half_up(x: Fraction | float, decimals: int) -> str:
    exact = Decimal(x.numerator) / Decimal(x.denominator) if isinstance(x, Fraction) else Decimal(x)
    return str(exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP) + 0)


def counted(which: np.ndarray, of: np.ndarray) -> str:
    n, total = int((which & of).sum()), int(of.sum())
    return f"{n} ({half_up(Fraction(100 * n, total), 0)})"


@dataclass
class Paper:
    """Cells of the paper by table, row and column; what else it says, as lines of the file."""

    n: dict[str, int]
    cells: dict[str, dict[str, dict[str, str]]]
    facts: dict[tuple[str, str], str] = field(default_factory=dict)
    relations: list[str] = field(default_factory=list)
    power: str = ""

    def text(self) -> str:
        """The file `published.toml`."""
        lines = ['source = "Invented, J Invent 2030;1:1"', 'control = "control"', "[columns]"]
        for key, n in self.n.items():
            members = ', sum = ["active", "control"]' if key == "total" else ""
            lines.append(f'{key} = {{ label = "{key.title()}", n = {n}{members} }}')
        lines += [f'[tables.{table}]\ntitle = "{table.title()}"' for table in self.cells]
        for table, rows in self.cells.items():
            lines.append(f"[cells.{table}]")
            for row, cells in rows.items():
                inside = ", ".join(f'{column} = "{text}"' for column, text in cells.items())
                lines.append(f'"{row}" = {{ {inside} }}')
        for table in dict.fromkeys(table for table, _ in self.facts):
            lines.append(f"[rows.{table}]")
            lines += [f'"{r}" = {{ {f} }}' for (t, r), f in self.facts.items() if t == table]
        lines += self.relations
        text = "\n".join([*lines, self.power]) + "\n"
        tomllib.loads(text)
        return text


Limits = Callable[[np.ndarray, np.ndarray], object]


def paper(of: Patients, *, limits: Limits = stratified_newcombe) -> Paper:
    """What a paper prints: correct in every number."""
    n = {name: int(of.arm(name).sum()) for name in (*ARMS, "total")}
    baseline: dict[str, dict[str, str]] = {}
    for name in n:
        who = of.arm(name).astype(bool)
        column = {
            "Age — yr": f"{_mean(of.age, who)}±{_sd(of.age, who)}",
            "SLEDAI-2K score": f"{_mean(of.score, who, 2)}±{_sd(of.score, who, 2)}",
            "Median time since diagnosis (range) — yr": _median(of.years, who),
            "Female sex": counted(of.female, who),
            **{f"Race|{race}": counted(of.race == i, who) for i, race in enumerate(RACES)},
        }
        for row, text in column.items():
            baseline.setdefault(row, {})[name] = text
    efficacy = {
        "BICLA response": _comparison(of, np.ones_like(of.active), limits),
        "BICLA response in stratum 2": _comparison(of, of.stratum == 1, limits),
        "Change in FACIT-Fatigue": {
            "active": "5.2±1.1", "control": "2.1±1.3", "active_difference": "3.1 (-0.2 to 6.4)",
            "active_p": "0.07",
        },
    }  # fmt: skip
    event = of.rash | of.influenza | of.other_event
    safety = {
        row: {name: counted(which, of.arm(name).astype(bool)) for name in n}
        for row, which in ((ANY, event), (RASH, of.rash), (FLU, of.influenza))
    }
    text = {
        "Completed": {name: str(int((of.completed & of.arm(name)).sum())) for name in ARMS},
        "Discontinued": {name: str(int((~of.completed & of.arm(name)).sum())) for name in ARMS},
        "Rash": {"total": str(int(of.rash.sum()))},
    }
    facts = {("baseline", row): 'plus_minus = "SD"' for row in ("Age — yr",)}
    facts["baseline", "SLEDAI-2K score"] = (
        'plus_minus = "SD", granularity = 1, scale = [0, 105],'
        f" n = {{ active = {n['active']}, control = {n['control']}, total = {n['total']} }}"
    )
    facts["efficacy", "Change in FACIT-Fatigue"] = 'plus_minus = "SE"'
    facts |= {("text", row): 'shows = "count"' for row in text}
    return Paper(n, {"baseline": baseline, "efficacy": efficacy, "safety": safety, "text": text},
                 facts, [_relation(*each) for each in RELATIONS], POWER)  # fmt: skip


RELATIONS = (
    ("same", '{ table = "columns" }',
     '{ table = "text", row = "Completed" }, { table = "text", row = "Discontinued" }'),
    ("same", '{ table = "text", row = "Rash" }', f'{{ table = "safety", row = "{RASH}" }}'),
    ("at-most", f'{{ table = "safety", row = "{RASH}" }}',
     f'{{ table = "safety", row = "{ANY}" }}'),
)  # fmt: skip

POWER = """[power]
power = 80
difference = 25
alpha = 0.05
n = { active = 96 }
n_control = 48
"""


def _relation(kind: str, left: str, right: str) -> str:
    return f'[[relation]]\nkind = "{kind}"\nleft = {left}\nright = [{right}]'


def _comparison(of: Patients, among: np.ndarray, limits: Limits) -> dict[str, str]:
    groups = [(of.active, among), (~of.active, among)]
    x = np.array([[(of.bicla & a & b & (of.stratum == s)).sum() for s in (0, 1)]
                  for a, b in groups])  # fmt: skip
    n = np.array([[(a & b & (of.stratum == s)).sum() for s in (0, 1)] for a, b in groups])
    kept = n.all(axis=0)
    got, p = limits(x[:, kept], n[:, kept]), float(cmh(x[:, kept], n[:, kept]).p)
    numbers = [half_up(100 * float(v), 1) for v in (got.value, got.lower, got.upper)]
    cells = {
        name: f"{k}/{size} ({half_up(Fraction(100 * int(k), int(size)), 0)})"
        for name, k, size in zip(ARMS, x.sum(axis=1), n.sum(axis=1), strict=True)
    }
    cells["active_difference"] = f"{numbers[0]} ({numbers[1]} to {numbers[2]})"
    cells["active_p"] = "<0.001" if p < 0.001 else half_up(p, 3 if p < 0.01 else 2)
    return cells


def _mean(x: np.ndarray, who: np.ndarray, decimals: int = 1) -> str:
    return half_up(Fraction(int(x[who].sum()), int(who.sum())), decimals)


def _sd(x: np.ndarray, who: np.ndarray, decimals: int = 1) -> str:
    return half_up(float(x[who].std(ddof=1)), decimals)


def _median(x: np.ndarray, who: np.ndarray) -> str:
    values = [half_up(float(v), 1) for v in (np.median(x[who]), x[who].min(), x[who].max())]
    return f"{values[0]} ({values[1]}–{values[2]})"
