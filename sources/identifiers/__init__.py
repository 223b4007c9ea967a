"""Identifiers: NIK, NPWP, NIB, AHU number, KPJ, NPP, region codes, telephone numbers.

Belongs here: one canonical form of each, as a Python function for one value and as an SQL
expression for a column, which agree on every text. Does not belong here: lookups, joins, or
what becomes of a record whose identifier cannot be used.

An SQL builder (`..._sql`) takes an SQL expression and gives one. It repeats the expression
it is given, so give it a column, not a computation.
"""

from sources.identifiers.business import (
    ahu_number,
    ahu_number_sql,
    kpj,
    kpj_sql,
    nib,
    nib_sql,
    npp,
    npp_sql,
    npwp16,
    npwp16_sql,
    npwp_check_digit_fits,
    npwp_check_digit_fits_sql,
    npwp_root,
    npwp_root_sql,
)
from sources.identifiers.nik import (
    NIK_REASONS,
    OLDEST,
    REPAIRED,
    WORKER_OLDEST,
    WORKER_YOUNGEST,
    YOUNGEST,
    NikCheck,
    check_nik,
    nik_aside,
    nik_aside_sql,
    nik_birth_date,
    nik_birth_date_sql,
    nik_digits_sql,
    nik_province_is_known,
    nik_province_is_known_sql,
    nik_reason_sql,
    nik_region4,
    nik_region4_sql,
    nik_sex,
    nik_sex_sql,
)
from sources.identifiers.places import phone, phone_sql, region_code4, region_code4_sql

__all__ = [
    "NIK_REASONS",
    "OLDEST",
    "REPAIRED",
    "WORKER_OLDEST",
    "WORKER_YOUNGEST",
    "YOUNGEST",
    "NikCheck",
    "ahu_number",
    "ahu_number_sql",
    "check_nik",
    "kpj",
    "kpj_sql",
    "nib",
    "nib_sql",
    "nik_aside",
    "nik_aside_sql",
    "nik_birth_date",
    "nik_birth_date_sql",
    "nik_digits_sql",
    "nik_province_is_known",
    "nik_province_is_known_sql",
    "nik_reason_sql",
    "nik_region4",
    "nik_region4_sql",
    "nik_sex",
    "nik_sex_sql",
    "npp",
    "npp_sql",
    "npwp16",
    "npwp16_sql",
    "npwp_check_digit_fits",
    "npwp_check_digit_fits_sql",
    "npwp_root",
    "npwp_root_sql",
    "phone",
    "phone_sql",
    "region_code4",
    "region_code4_sql",
]
