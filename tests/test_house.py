"""The house itself: no trial in the engine, studies are data, the import stays light."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from reference import ROOT

SOURCE = ROOT / "src" / "openlupus"
CODE = sorted(path for path in SOURCE.rglob("*.py"))


def declared_words() -> set[str]:
    """Identity, drug, dose and registry words of the shipped studies, from their declarations."""
    words: set[str] = set()
    for path in (SOURCE / "studies").glob("*/study.toml"):
        if path.parent.name == "template":
            continue
        declared = tomllib.loads(path.read_text("utf-8"))
        study = declared["study"]
        words |= {study["id"], path.parent.name, *study.get("registrations", [])}
        words |= {word for word in study.get("intervention", "").split() if len(word) > 3}
        for arm in declared["arm"].values():
            if arm.get("role") == "test" and arm.get("dose"):
                words.add(arm["label"])
                words |= set(re.findall(r"[A-Za-z]{5,}", arm["label"])) - {"Dose"}
                words.add(f"{arm['dose']:g} {arm.get('unit', 'mg')}")
    return words


def test_the_engine_knows_no_trial():
    words = {word.lower() for word in declared_words()} | {"cc-220"}
    assert "iberdomide" in words
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in CODE
        for word in words
        if re.search(rf"\b{re.escape(word)}\b", path.read_text("utf-8").lower())
    ]
    assert found == []


def test_studies_are_data():
    assert [path for path in CODE if "studies" in path.relative_to(SOURCE).parts] == []
    imports = re.compile(r"^\s*(from|import) openlupus\.studies", re.MULTILINE)
    assert [path for path in CODE if imports.search(path.read_text("utf-8"))] == []


def test_import_loads_no_heavy_library():
    heavy = {"numpy", "polars", "pandas", "scipy", "matplotlib", "pydantic", "jinja2", "rich"}
    code = f"import sys, openlupus; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_lock_file_names_an_index():
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text("utf-8")
        assert "://" not in text
        assert "--hash=sha256:" in text


def test_every_shipped_study_says_where_its_facts_are_from():
    for path in (SOURCE / "studies").glob("*/study.toml"):
        assert (path.parent / "sources.md").is_file(), path.parent.name


def test_no_file_is_long_without_need():
    long = {
        str(path.relative_to(SOURCE)): lines
        for path in CODE
        if (lines := len(path.read_text("utf-8").splitlines())) > 500
    }
    assert long == {}


def test_the_reference_folder_is_there_in_ci(tmp_path: Path):
    from reference import need_reference

    assert need_reference().is_dir()
