"""Run R beside us where it is installed; say so where it is not."""

import csv
import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DEBIAN = {"mice": "r-cran-mice", "rpact": "r-cran-rpact", "DoseFinding": "r-cran-dosefinding"}


def in_r(package: str, script: str, rows: Sequence[Sequence[object]] = ()) -> Any:
    """What an R script writes with `answer(list(...))`; None, and a printed line, without R.

    The script finds the rows as the data frame `given`, columns V1, V2, ...; NaN is NA there.
    `elapsed(expression)` gives processor seconds.
    """
    rscript = shutil.which("Rscript")
    asked = ["-e", f"cat(requireNamespace('{package}', quietly = TRUE))"]
    if (
        rscript is None
        or "TRUE"
        not in subprocess.run([rscript, *asked], capture_output=True, text=True, check=False).stdout
    ):
        print(f"  R with {package} is not installed: not compared (Debian: {DEBIAN[package]})")
        return None
    with tempfile.TemporaryDirectory() as folder:
        data, program = Path(folder) / "data.csv", Path(folder) / "run.R"
        with data.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(
                ["NA" if value != value else repr(value) for value in row] for row in rows
            )
        program.write_text(f"{_BEFORE}\nsuppressMessages(library({package}))\n{script}\n")
        done = subprocess.run(
            [rscript, str(program), str(data)], capture_output=True, text=True, check=True
        )
    return json.loads(done.stdout.splitlines()[-1])


_BEFORE = r"""
path <- commandArgs(TRUE)[1]
given <- if (file.size(path) > 0) read.csv(path, header = FALSE) else NULL
elapsed <- function(work) { spent <- system.time(work); sum(spent[c("user.self", "sys.self")]) }
answer <- function(values) {
  one <- function(v) {
    v <- as.numeric(v)
    paste0("[", paste(ifelse(is.na(v), "null", sprintf("%.17g", v)), collapse = ","), "]")
  }
  parts <- vapply(names(values), function(n) sprintf("\"%s\": %s", n, one(values[[n]])), "")
  cat("{", paste(parts, collapse = ", "), "}\n", sep = "")
}
"""
