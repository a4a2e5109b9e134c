"""The pages of the instruments say what the code does: items, weights, composites, sections."""

import doctest
import re
from pathlib import Path

import pytest

from openlupus.instruments import (
    acr1997,
    bilag2004,
    composites,
    ctcae,
    eular_acr2019,
    flare,
    gene_cutoff,
    glucocorticoids,
    s2k_ri50,
    selena_sledai,
    sle_das,
    sledai2k,
    slicc2012,
)
from openlupus.scoring import FORMS

DOCS = Path(__file__).resolve().parents[2] / "docs" / "instruments"
NO_INSTRUMENT = ("index", "scoring", "consistency")
PAGES = sorted(path.stem for path in DOCS.glob("*.md") if path.stem not in NO_INSTRUMENT)


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_its_sections(name: str) -> None:
    text = page(name)
    assert "## Worked example" in text
    assert "## Pitfalls" in text
    assert "## Sources" in text
    assert "## Assumptions of ours" in text
    assert "## Rule" in text or "| Met when |" in text
    assert "|---|" in text
    assert f"({name}.md)" in page("index")


@pytest.mark.parametrize("name", [*PAGES, "scoring"])
def test_examples_are_what_the_code_says(name: str) -> None:
    """Every example of a page is run, and prints what the page says."""
    text = page(name)
    blocks = re.findall(r"```pycon\n(.*?)```", text, re.DOTALL)
    if name != "scoring":
        example = text.partition("## Worked example")[2].partition("\n## ")[0]
        assert "```pycon" in example
    source = "\n".join(blocks)
    test = doctest.DocTestParser().get_doctest(source, {}, name, f"{name}.md", 0)
    failures: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=failures.append)
    assert test.examples
    assert not failures, "".join(failures)


def test_every_composite_is_in_the_index() -> None:
    for name in composites.COMPOSITES:
        assert f"`{name}`" in page("index")


@pytest.mark.parametrize("item", sledai2k.ITEMS, ids=lambda item: item.key)
def test_sledai_table(item: sledai2k.Item) -> None:
    assert f"| {item.number} | `{item.key}` | {item.weight} | {item.system} |" in page("sledai2k")


@pytest.mark.parametrize("item", bilag2004.ITEMS, ids=lambda item: item.key)
def test_bilag_table(item: bilag2004.Item) -> None:
    detail = item.tier or item.unit or ""
    row = f"| {item.number} | `{item.key}` | {item.type} | {detail} | `{item.code}` |"
    assert row in page("bilag2004")


@pytest.mark.parametrize("item", eular_acr2019.ITEMS[1:], ids=lambda item: item.key)
def test_eular_acr_table(item: eular_acr2019.Item) -> None:
    assert f"`{item.key}` {item.weight}" in page("eular_acr2019")


@pytest.mark.parametrize("item", sle_das.ITEMS, ids=lambda item: item.key)
def test_sle_das_table(item: sle_das.Item) -> None:
    row = next(line for line in page("sle_das").splitlines() if f"`{item.key}`" in line)
    if item.weight is not None:
        assert f"{item.weight:g}" in row
    if item.key in sle_das.CURVES:
        curve = sle_das.CURVES[item.key]
        assert f"{curve.limit:g}" in row
        assert f"{curve.at_zero:g}" in row
        assert f"{abs(curve.slope):g} ln" in row


def test_other_tables_name_every_item() -> None:
    for module, name in ((slicc2012, "slicc2012"), (acr1997, "acr1997")):
        for item in module.ITEMS:
            assert item.key in page(name)
    for term in ctcae.TERMS:
        assert f"`{term}`" in page("ctcae")
    for drug in glucocorticoids.EQUAL_TO_5_MG:
        assert drug in page("glucocorticoids")
    for key in selena_sledai.WORDING:
        assert f"`{key}`" in page("selena_sledai")
    for criterion in flare.CRITERIA:
        assert f"| `{criterion}` |" in page("selena_flare_index")
    assert f"half its weight ({', '.join(_halves())})" in page("s2k_ri50").replace(" or ", ", ")


def _halves() -> list[str]:
    weights = sorted({item.weight for item in sledai2k.ITEMS}, reverse=True)
    return [f"{weight * s2k_ri50.IMPROVED_SHARE:g}" for weight in weights]


def test_the_limits_of_sle_das_are_on_its_page() -> None:
    text = page("sle_das")
    assert f"at most {sle_das.REMISSION_AT_MOST:g} remission" in text
    assert f"at most {sle_das.MILD_AT_MOST:g} mild" in text
    assert f"| constant | {sle_das.CONSTANT:g} |" in text


def test_what_a_split_of_scores_needs_is_on_its_page() -> None:
    text = page("gene_signature")
    assert f"{gene_cutoff.GRID} points" in text
    assert f"BIC better by {gene_cutoff.BIC_GAIN_ABOVE:g} or less" in text
    assert f"Ashman's D of {gene_cutoff.ASHMAN_ABOVE:g} or less" in text
    assert f"trough above {100 * gene_cutoff.DEEPEST_RATIO:g} % of the lower mode" in text
    assert f"hold less than {100 * gene_cutoff.SMALLEST_SHARE:g} % of the scores" in text
    assert gene_cutoff.DEEPER_BY_ERRORS == 1
    assert "less than one standard error of the density below it" in text


def test_every_sheet_has_a_page() -> None:
    index = page("index")
    assert all(name in index or name in ("facit_fatigue", "gene_signature") for name in FORMS)
