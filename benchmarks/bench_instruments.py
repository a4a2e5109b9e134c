"""Assessments scored per second and core, and a file of a million rows.

    python -m benchmarks.bench_instruments

Rates are processor time of one process, arrays to scores, best of five; files are one whole
command from CSV to CSV, in wall-clock and in processor time. Ratios are to the targets.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.machine import Cost, cost, described
from openlupus.instruments import bilag2004, clasi, composites, sledai2k

TARGETS = {"SLEDAI-2K": 5e6, "BILAG-2004": 5e5}
FILE_ROWS, FILE_SECONDS, BILAG_FILE_ROWS = 1_000_000, 10.0, 200_000

# Numeric items of BILAG-2004 and where their values lie; thresholds are crossed both ways.
SPANS = {
    "systolic_bp": (90, 200),
    "diastolic_bp": (50, 89),
    "urine_dipstick_protein": (0, 3),
    "urine_acr": (0, 200),
    "urine_pcr": (0, 200),
    "urine_protein_24h": (0, 3),
    "creatinine": (60, 260),
    "gfr": (10, 120),
    "haemoglobin": (5, 15),
    "wbc": (0.2, 8),
    "neutrophils": (0.1, 5),
    "lymphocytes": (0.1, 3),
    "platelets": (5, 300),
}


def sledai_codes(n: int, rng: np.random.Generator) -> np.ndarray:
    return (rng.random((n, 24)) < 0.1).astype(np.int8)


def bilag_items(n: int, rng: np.random.Generator) -> np.ndarray:
    """Full forms: a tenth of the ticked items active, every number measured."""
    items = np.zeros((n, len(bilag2004.ITEMS)))
    ill = rng.random(items.shape) < 0.1
    for i, item in enumerate(bilag2004.ITEMS):
        if item.type == "graded":
            items[:, i] = rng.integers(1, 5, n) * ill[:, i]
        elif item.type == "yesno":
            items[:, i] = ill[:, i]
        else:
            low, high = SPANS[item.key]
            values = rng.uniform(low, high, n)
            items[:, i] = values.round() if item.unit == "plus" else values.round(1)
    return items


def rate(n: int, work: Callable[[], object]) -> float:
    """Assessments per second of processor time."""
    best = np.inf
    for _ in range(5):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return n / best


def rates() -> dict[str, float]:
    rng = np.random.default_rng(1)
    codes = sledai_codes(2_000_000, rng)
    items, involved = bilag_items(200_000, rng), rng.random((200_000, 9)) < 0.5
    previous, subject = np.roll(items, 1, axis=0), np.arange(200_000) // 8
    boxes = np.column_stack([rng.choice([0.0, i.scale.high], 200_000) for i in clasi.ITEMS])
    grades = rng.integers(0, 5, (2, 500_000, 9), dtype=np.int8)
    totals, views = rng.integers(0, 40, (2, 500_000)), rng.uniform(0, 3, (2, 500_000)).round(2)
    sri = composites.COMPOSITES["sri"].score
    inputs = {
        f"{name}_{when}": values[i]
        for name, values in (("sledai", totals), ("bilag", grades), ("pga", views))
        for i, when in enumerate(("baseline", "visit"))
    }
    return {
        "SLEDAI-2K": rate(len(codes), lambda: sledai2k.score(codes)),
        "BILAG-2004": rate(
            len(items),
            lambda: bilag2004.grade(items, previous=previous, previous_involvement=involved),
        ),
        "BILAG-2004 over visits": rate(len(items), lambda: bilag2004.grade_course(items, subject)),
        "CLASI": rate(len(boxes), lambda: clasi.score(boxes)),
        "SRI-4": rate(grades.shape[1], lambda: sri(**inputs)),
        "SRI-4 with reasons": rate(grades.shape[1], lambda: sri(**inputs).reason),
    }


def with_visits(items: dict[str, np.ndarray]) -> pl.DataFrame:
    """Eight visits of each subject beside their items."""
    rows = np.arange(len(next(iter(items.values()))))
    who = [f"S-{i // 8:06d}" for i in rows]
    return pl.DataFrame({"USUBJID": who, "VISITNUM": rows % 8, **items})


def write_sledai(path: Path) -> None:
    rng = np.random.default_rng(2)
    codes = sledai_codes(FILE_ROWS, rng)
    frame = with_visits({key: codes[:, i] for i, key in enumerate(sledai2k.KEYS)})
    gaps = pl.Series(rng.random(FILE_ROWS) < 0.01)
    frame.with_columns(rash=pl.when(~gaps).then(pl.col("rash"))).write_csv(path)


def write_bilag(path: Path) -> None:
    items = bilag_items(BILAG_FILE_ROWS, np.random.default_rng(3))
    with_visits({key: items[:, i] for i, key in enumerate(bilag2004.KEYS)}).write_csv(path)


def scored(instrument: str, write: Callable[[Path], None]) -> Cost:
    """The command `openlupus score`, from file to file."""
    with tempfile.TemporaryDirectory() as folder:
        items, out = Path(folder) / "items.csv", Path(folder) / "scores.csv"
        write(items)
        command = ("-m", "openlupus.cli", "score", instrument, str(items), "--out", str(out))
        return cost(sys.executable, *command)


def main() -> None:
    print(described())
    for name, got in rates().items():
        target = TARGETS.get(name)
        ratio = f", {got / target:.1f} x the target of {target:,.0f}" if target else ""
        print(f"{name}: {got:,.0f} assessments per second and core{ratio}")
    for instrument, rows, write in (
        ("sledai2k", FILE_ROWS, write_sledai),
        ("bilag2004", BILAG_FILE_ROWS, write_bilag),
    ):
        spent = scored(instrument, write)
        print(
            f"openlupus score {instrument}, {rows:,} rows: {spent.wall:.1f} s wall, "
            f"{spent.cpu:.1f} s processor, peak {spent.peak:.2f} GiB"
        )
    print(f"target: {FILE_ROWS:,} rows of SLEDAI-2K within {FILE_SECONDS:.0f} s")


if __name__ == "__main__":
    main()
