"""Domains that a declaration may name."""

import re

_STANDARD = frozenset(
    {
        "AE", "AG", "BE", "BS", "CE", "CM", "CO", "CP", "CV", "DA", "DD", "DM", "DS", "DV", "EC",
        "EG", "EX", "FA", "FT", "GF", "HO", "IE", "IS", "LB", "MB", "MH", "MI", "MK", "ML", "MS",
        "NV", "OE", "PC", "PE", "PP", "PR", "QS", "RE", "RP", "RS", "SC", "SE", "SM", "SR", "SS",
        "SU", "SV", "TR", "TU", "UR", "VS",
    }
)  # fmt: skip
"""Domains with records of subjects in the SDTM implementation guide 3.4."""

_OWN = re.compile(r"[XYZ][A-Z0-9]")
"""Names that SDTM leaves to sponsors."""


def is_domain(name: str) -> bool:
    """Whether SDTM has this domain of subjects, or its supplemental qualifiers (SUPP--)."""
    name = name.removeprefix("SUPP")
    return name in _STANDARD or _OWN.fullmatch(name) is not None


def near(name: str) -> tuple[str, ...]:
    """Domains whose name begins or ends as this one does."""
    return tuple(d for d in sorted(_STANDARD) if d in (name[:2], name[-2:]))
