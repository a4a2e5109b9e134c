"""Read a trial with intercurrent events, and the strategies of its imputation, from a record."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from openlupus.errors import ValidationError
from openlupus.statistics.imputation.reference import Strategy, Trial, trial
from openlupus.statistics.imputation.reference_model import Base, fit_base
from openlupus.validation.golden import Record, read_records, require

# Phrases of the records' `method`, the first that occurs counts.
STRUCTURES = {
    "unstructured": "us",
    "heterogeneous AR(1)": "ar1h",
    "AR(1)": "ar1",
    "heterogeneous compound symmetry": "csh",
    "compound symmetry": "cs",
    "heterogeneous Toeplitz": "toeph",
    "Toeplitz": "toep",
    "heterogeneous ante-dependence": "adh",
    "ante-dependence": "ad",
}
STRATEGIES: dict[str, Strategy] = {
    "MAR": "MAR",
    "JR": "J2R",
    "CR": "CR",
    "CIR": "CIR",
    "LMCF": "LMCF",
}


@dataclass(frozen=True)
class Wide:
    """A long file as subjects by visits, with what a record says of its analysis."""

    y: np.ndarray
    covariates: dict[str, np.ndarray]
    arm: np.ndarray
    arms: list[str]
    visits: list[str]
    event: np.ndarray
    reference: np.ndarray
    options: dict[str, Any]
    group: str
    visit: str

    def design(self, arm: np.ndarray) -> np.ndarray:
        """Columns of the imputation model, one set a visit, were the subjects in these arms."""
        visits = np.arange(len(self.visits))
        at = np.broadcast_to(
            (visits[:, None] == visits).astype(float), (len(arm), *[len(visits)] * 2)
        )
        parts = [at]
        for term in self.options["imputation_model"]:
            first, second = (each.strip() for each in term.split("*"))
            name = first if second == self.visit else second
            require(self.visit in (first, second), f"{term} is not an interaction with the visit")
            columns = indicators(arm) if name == self.group else self.covariates[name]
            parts += [at * column[:, None, None] for column in columns.T]
        return np.concatenate(parts, axis=2)

    def analysis(self, y: np.ndarray, who: np.ndarray) -> np.ndarray:
        """ANCOVA at each visit: the effect, and the means of both arms."""
        design, group = self.analysed(who)
        beta = np.linalg.lstsq(design, y, rcond=None)[0]
        return (self.contrasts(design, group) @ beta).T.ravel()

    def analysed(self, who: np.ndarray) -> tuple[np.ndarray, int]:
        """Design of the ANCOVA of some subjects, and the column of the arm."""
        terms = self.options["analysis_model"].split("~")[1].split("+")
        columns = [np.ones((len(who), 1))]
        group = 0
        for name in (term.strip() for term in terms):
            if name in ("group", self.group):
                group = sum(c.shape[1] for c in columns)
                columns.append(indicators(self.arm)[who])
            else:
                columns.append(self.covariates[name][who])
        return np.concatenate(columns, axis=1), group

    def contrasts(self, design: np.ndarray, group: int) -> np.ndarray:
        """Rows: difference of the arms; mean of the first, mean of the second arm."""
        effect = np.zeros(design.shape[1])
        effect[group] = 1
        mean = design.mean(axis=0) * (1 - effect)
        return np.array([effect, mean, mean + effect])

    def names(self) -> list[str]:
        return [f"{what}_{v}" for v in self.visits for what in ("trt", "lsm_ref", "lsm_alt")]


def wide(record: Record) -> Wide:
    options = {**described(record), **record.options}
    data, events = (replace(record, input=each.strip()).rows() for each in record.input.split("+"))
    subject, visit = list(events[0])
    outcome = options["outcome"]
    references = options["references"]
    (group,) = [c for c in data[0] if {row[c] for row in data} == set(references)]
    people = list(dict.fromkeys(row[subject] for row in data))
    visits = sorted({row[visit] for row in data}, key=lambda v: (len(v), v))
    arms = sorted(references)
    first = {row[subject]: row for row in reversed(data)}
    y = np.full((len(people), len(visits)), np.nan)
    for row in data:
        if row[outcome] not in ("", "NA"):
            y[people.index(row[subject]), visits.index(row[visit])] = float(row[outcome])
    begun = {row[subject]: visits.index(row[visit]) for row in events}
    used = re.findall(r"\w+", " ".join(options["imputation_model"]) + options["analysis_model"])
    covariates = {
        name: numbers([first[p][name] for p in people])
        for name in dict.fromkeys(used)
        if name in data[0] and name not in (group, visit, outcome)
    }
    arm = np.array([arms.index(first[p][group]) for p in people])
    other = np.array([arms.index(references[first[p][group]]) for p in people])
    event = np.array([begun.get(p, len(visits)) for p in people])
    return Wide(y, covariates, arm, arms, visits, event, other, options, group, visit)


def described(record: Record) -> dict[str, Any]:
    """Options of a record of the same input that says what the model is."""
    for each in read_records(record.folder):
        same = each.file == record.file and each.input == record.input
        if same and "imputation_model" in each.options:
            wanted = ("references", "imputation_model", "outcome", "analysis_model")
            return {name: each.options[name] for name in wanted}
    raise ValidationError(f"{record.id}: no record says what the imputation model is")


def base(record: Record) -> tuple[Wide, Trial, Base]:
    table = wide(record)
    text = str(record.options.get("method", ""))
    strategy = STRATEGIES[record.options["strategy_for_post_ICE"]]
    apart = "separate covariance" in text
    made = trial(
        table.y, table.design(table.arm), table.design(table.reference),
        strategy=[strategy if e < len(table.visits) else "MAR" for e in table.event],
        event=table.event,
        group=table.arm if apart else None, reference_group=table.reference if apart else None,
    )  # fmt: skip
    named = re.search(r"covariance='(\w+)'", record.software.get("call", ""))
    found = [code for phrase, code in STRUCTURES.items() if phrase in text]
    found += [named[1]] if named else []
    require(bool(found), f"{record.id}: no covariance structure is named")
    return table, made, fit_base(made, covariance=found[0], reml=not re.search(r"\bML\b", text))


def indicators(codes: np.ndarray) -> np.ndarray:
    return (codes[:, None] == np.arange(1, codes.max() + 1)).astype(float)


def numbers(values: list[str]) -> np.ndarray:
    """A numeric covariate as one column, any other as indicators of its further levels."""
    try:
        return np.array([float(v) for v in values])[:, None]
    except ValueError:
        levels = sorted(set(values))
        return indicators(np.array([levels.index(v) for v in values]))
