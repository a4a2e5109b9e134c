"""Our tables against the machine-readable ones of the reference folder, entry for entry."""

import tomllib
from typing import Any

import pytest

from openlupus.instruments import (
    acr1997,
    bilag2004,
    clasi,
    ctcae,
    eular_acr2019,
    facit_fatigue,
    flare,
    gene_signature,
    glucocorticoids,
    joints,
    lldas,
    pga,
    s2k_ri50,
    selena_sledai,
    sle_das,
    sledai2k,
    slicc2012,
)
from openlupus.instruments.bilag2004 import criteria
from openlupus.instruments.composites import COMPOSITES
from reference import need_reference

pytestmark = pytest.mark.independent


def table(name: str) -> dict[str, Any]:
    path = need_reference() / "instruments" / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def test_sledai2k() -> None:
    source = table("sledai2k")
    ours = [(i.key, i.weight, i.system, i.source_class) for i in sledai2k.ITEMS]
    theirs = [(i["key"], i["weight"], i["system"], i["source_class"]) for i in source["item"]]
    assert ours == theirs
    for name, convention in source["convention"].items():
        assert set(sledai2k.CONVENTIONS[name]) == set(convention["exclude"])
        left = [i.weight for i in sledai2k.ITEMS if i.key not in convention["exclude"]]
        assert sum(left) == convention["max"]
    assert sledai2k.CONVENTIONS.keys() == source["convention"].keys()


def test_bilag2004_form() -> None:
    source = table("bilag2004")
    ours = [(i.number, i.key, i.system, i.type, i.tier, i.unit) for i in bilag2004.ITEMS]
    theirs = [
        (i["number"], i["key"], i["system"], i["type"], i.get("tier"), i.get("unit"))
        for i in source["item"]
    ]
    assert ours == theirs
    assert list(bilag2004.SYSTEMS) == source["instrument"]["systems"]
    flagged = [i["key"] for i in source["item"] if i.get("attribution_flag")]
    assert [i.key for i in bilag2004.ITEMS if i.attribution_code] == flagged
    for name, points in source["numeric"].items():
        assert list(bilag2004.SCHEMES[name]) == [points[grade] for grade in bilag2004.LETTERS]


def test_bilag2004_renal_thresholds() -> None:
    rule = table("bilag2004")["rule"]["renal"]
    for level, ours, suffix in (
        ("severe", criteria.PROTEIN_SEVERE_ABOVE, "gt"),
        ("moderate", criteria.PROTEIN_MODERATE_FROM, "ge"),
        ("mild", criteria.PROTEIN_MILD_ABOVE, "gt"),
    ):
        for key, limit in ours.items():
            assert limit == rule[f"{level}_proteinuria"][f"{key}_{suffix}"]
    assert rule["severe_proteinuria"]["dipstick_rise_levels"] == criteria.DIPSTICK_SEVERE_RISE
    moderate = rule["moderate_proteinuria"]
    assert moderate["dipstick_rise_levels"] == criteria.DIPSTICK_MODERATE_RISE
    assert moderate["dipstick_at_least"] == criteria.DIPSTICK_MODERATE_FROM
    assert rule["mild_proteinuria"]["dipstick_ge"] == criteria.DIPSTICK_MILD_FROM
    ours = (
        criteria.IMPROVED_FALL_PERCENT / 100,
        criteria.CREATININE_ABOVE,
        criteria.CREATININE_SEVERE_PERCENT_ABOVE / 100,
        criteria.CREATININE_MODERATE_PERCENT_FROM / 100,
        criteria.GFR_BELOW,
        criteria.GFR_FALL_PERCENT_BELOW / 100,
        criteria.GFR_CROSSING,
        criteria.SYSTOLIC_ABOVE,
        criteria.DIASTOLIC_ABOVE,
        criteria.SYSTOLIC_RISE_FROM,
        criteria.DIASTOLIC_RISE_FROM,
    )
    names = (
        *("improved_if_fall_fraction_ge", "creatinine_min_gt", "creatinine_a_ratio_gt"),
        *("creatinine_b_ratio_ge", "gfr_a_lt", "gfr_a_ratio_lt", "gfr_cross_lt"),
        *("bp_systolic_gt", "bp_diastolic_gt", "bp_systolic_rise_ge", "bp_diastolic_rise_ge"),
    )
    assert ours == tuple(rule[name] for name in names)


def test_bilag2004_haematological_thresholds() -> None:
    rule = table("bilag2004")["rule"]["haematological"]
    a, b, c = rule["A"], rule["B"], rule["C"]
    assert a["haemolysis_and_hb_lt"] == b["no_haemolysis_hb_lt"] == criteria.HB_SEVERE_BELOW
    assert b["haemolysis_and_hb"] == [criteria.HB_SEVERE_BELOW, criteria.HB_HAEMOLYSIS_BELOW]
    assert c["haemolysis_and_hb_ge"] == criteria.HB_HAEMOLYSIS_BELOW
    assert c["no_haemolysis_hb"] == [criteria.HB_SEVERE_BELOW, criteria.HB_MILD_BELOW]
    platelets = {criteria.A: a["platelets_lt"], criteria.B: b["platelets"][1]}
    platelets[criteria.C] = c["platelets"][1]
    assert dict(criteria.PLATELETS_BELOW) == platelets
    assert dict(criteria.WBC_BELOW) == {criteria.B: b["wbc_lt"], criteria.C: c["wbc"][1]}
    neutrophils = {criteria.B: b["neutrophils_lt"], criteria.C: c["neutrophils"][1]}
    assert dict(criteria.NEUTROPHILS_BELOW) == neutrophils
    assert dict(criteria.LYMPHOCYTES_BELOW) == {criteria.C: c["lymphocytes_lt"]}


def test_clasi() -> None:
    source = table("clasi")
    assert list(clasi.LOCATIONS) == source["locations"]["keys"]
    for part in ("activity", "damage"):
        for sign, rule in source[part].items():
            boxes = [i for i in clasi.ITEMS if i.sign == sign and i.part == part]
            skipped = rule.get("not_scored_at", [])
            places = [p for p in clasi.LOCATIONS if p not in skipped]
            assert [i.location for i in boxes] == (places if rule["per_location"] else [None])
            for scale in (box.scale for box in boxes):
                codes = [v for v in range(int(scale.high) + 1) if v not in scale.gaps]
                assert codes == rule.get("values", [0, 1])
    assert {name: limits[1] for name, limits in source["bands"].items()} == clasi.BANDS


def test_facit_fatigue() -> None:
    source = table("facit_fatigue")
    ours = [(i.number, i.key, i.reverse) for i in facit_fatigue.ITEMS]
    assert ours == [(i["number"], i["key"], i["reverse"]) for i in source["item"]]
    assert source["instrument"]["min_answered"] == facit_fatigue.MINIMUM_ANSWERED


def test_ctcae() -> None:
    source = table("ctcae")["term"]
    assert ctcae.TERMS.keys() == source.keys()
    for name, theirs in source.items():
        ours = ctcae.TERMS[name]
        assert (ours.analyte, ours.unit) == (theirs["analyte"], theirs["unit"])
        match ours:
            case ctcae.Low():
                assert list(ours.bounds) == list(theirs["bounds"].values())
            case ctcae.High():
                assert {f"g{g}_above": v for g, v in ours.above} == theirs["bounds"]
            case ctcae.Creatinine():
                assert list(ours.normal) == list(theirs["uln"].values())
                assert {f"g{g}_above": v for g, v in ours.baseline} == theirs["baseline"]
            case ctcae.Multiple():
                normal = theirs["bounds"] if ours.abnormal is None else theirs["normal_baseline"]
                assert list(ours.normal) == list(normal.values())
                if ours.abnormal is not None:
                    assert list(ours.abnormal) == list(theirs["abnormal_baseline"].values())
                    assert ours.from_first == ("g1_from" in theirs["abnormal_baseline"])


def test_glucocorticoids() -> None:
    source = table("glucocorticoids")
    theirs = {drug: rule["mg_equiv_to_5"] for drug, rule in source["drug"].items()}
    assert dict(glucocorticoids.EQUAL_TO_5_MG) == theirs
    routes = [route for group in source["routes"].values() for route in group]
    assert set(glucocorticoids.ROUTES) == set(routes)
    for name, per_day in source["frequency_per_day"].items():
        if isinstance(per_day, float):
            assert glucocorticoids.PER_DAY[name] == pytest.approx(per_day, rel=1e-15)
        else:
            assert name in glucocorticoids.PER_DAY


def test_gene_signatures() -> None:
    source = table("gene_signatures")
    assert list(gene_signature.HOUSEKEEPERS) == source["instrument"]["reference_genes"]
    theirs = {name: rule["genes"] for name, rule in source["signature"].items()}
    assert {name: list(genes) for name, genes in gene_signature.SIGNATURES.items()} == theirs


def test_composite_defaults() -> None:
    source = table("endpoints")
    options = {name: entry.options for name, entry in COMPOSITES.items()}
    assert options["sri"]["pga_rise"].default == source["sri"]["pga_increase_below"]
    assert options["bicla"]["pga_rise"].default == source["bicla"]["pga_increase_below"]
    assert set(lldas.MAJOR_ORGAN) == set(source["lldas"]["no_major_organ_items"])
    for name in ("sledai_at_most", "pga_at_most", "prednisone_at_most"):
        assert options["lldas"][name].default == source["lldas"][name]
    for name in ("pga_below", "prednisone_at_most"):
        assert options["doris"][name].default == source["doris2021"][name]


# -- codes of the records, which files of past studies hold -----------------------------------

CODES = {
    "SLEDAI-2K": (sledai2k, "SLED01", "SLED24"),
    "SELENA-SLEDAI": (selena_sledai, "SLED01", "SLED24"),
    "BILAG-2004": (bilag2004, "BIL001", "BIL097"),
    "CLASI": (clasi, "CLA001", "CLA056"),
    "FACIT-FATIGUE": (facit_fatigue, "FAC07001", "FAC07013"),
    "SELENA FLARE INDEX": (flare, "SFI01", "SFI15"),
    "SLE-DAS": (sle_das, "SDAS01", "SDAS18"),
    "ACR 1997": (acr1997, "ACR01", "ACR11"),
    "SLICC 2012": (slicc2012, "SLIC01", "SLIC18"),
    "EULAR/ACR 2019": (eular_acr2019, "EUAC01", "EUAC22"),
}


@pytest.mark.parametrize("category", CODES)
def test_codes_are_numbered_through(category: str) -> None:
    module, first, last = CODES[category]
    assert category == module.CATEGORY
    codes = [item.code for item in module.ITEMS]
    digits = len(first) - len(first.rstrip("0123456789"))
    width = 2 if category == "FACIT-FATIGUE" else digits
    prefix = first[:-width]
    numbers = range(int(first[-width:]), int(last[-width:]) + 1)
    assert codes == [f"{prefix}{number:0{width}d}" for number in numbers]
    assert list(module.CODES) == codes
    assert list(module.KEYS) == [item.key for item in module.ITEMS]


def test_other_codes() -> None:
    assert (pga.CATEGORY, pga.CODE, pga.KEYS) == ("PGA", "PGA01", ("pga",))
    assert (joints.CATEGORY, s2k_ri50.CATEGORY) == ("JOINT COUNT", "S2K RI-50")
    assert facit_fatigue.TOTAL_CODE == "FAC07014"
    assert [joint.tender_code for joint in joints.JOINTS] == [f"TJ{i:02d}" for i in range(1, 69)]
    swollen = {joint.swollen_code for joint in joints.JOINTS} - {None}
    hips = {
        joint.tender_code.replace("T", "S") for joint in joints.JOINTS if joint.location == "hip"
    }
    assert len(hips) == 2
    assert swollen == {f"SJ{i:02d}" for i in range(1, 69)} - hips
    places = [joint.location for joint in joints.JOINTS if joint.in_28]
    assert sorted(set(places)) == sorted(
        ["shoulder", "elbow", "wrist", "knee"]
        + [f"{row}{i}" for row in ("mcp", "pip") for i in range(1, 6)]
    )
    others = {joint.location for joint in joints.JOINTS} - set(places)
    assert others == {
        *("temporomandibular", "sternoclavicular", "acromioclavicular", "hip", "ankle", "tarsus"),
        *(f"dip{i}" for i in range(2, 6)),
        *(f"{row}{i}" for row in ("mtp", "toe_pip") for i in range(1, 6)),
    }
    assert list(bilag2004.PREVIOUS_INVOLVEMENT_CODES.values()) == [
        f"BILH{number:02d}" for number in range(1, 10)
    ]
