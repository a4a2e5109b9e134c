"""Symbols of units that records may hold, as CDISC terminology and UCUM write them."""

_SYMBOLS = """
    g mg ug ng pg kg mol mmol umol nmol pmol mEq IU U mIU kIU uIU L dL mL uL fL fmol m cm mm in LB
    g/L g/dL mg/L mg/dL ug/L ug/dL ug/mL ng/L ng/mL ng/dL pg/mL mg/mL
    mol/L mmol/L umol/L nmol/L pmol/L mEq/L mmol/mol umol/mol
    U/L IU/L IU/mL U/mL mU/L mIU/L mIU/mL uIU/mL kIU/L uU/mL
    10^9/L 10^12/L 10^6/L 10^3/uL 10^6/uL GI/L TI/L /uL /L /HPF /LPF /hpf /lpf
    % fraction ratio 1 RATIO INDEX score titer MPL GPL
    mg/g g/g mg/mmol g/mol ug/mg mg/24h g/24h g/day mg/day mL/min mL/min/1.73m2 L/min
    mmHg kPa cmH2O beats/min breaths/min BEATS/MIN BREATHS/MIN /min C F K
    ms msec s sec min h day days weeks months years YEARS
    mm/h mm/hr sec/control mOsm/kg mosm/kg m2 kg/m2 m/s
    mg/kg ug/kg mg/m2 mg/h ug/h ug/hr mg/kg/day mL/h
    TABLET CAPSULE PUFF DROP PATCH SUPPOSITORY SPRAY INHALATION APPLICATION AMPULE VIAL DOSE plus
    UNKNOWN
"""

UNITS = frozenset(_SYMBOLS.split())
"""Known units; also those of doses. Case counts: `mg` is not `Mg`."""
