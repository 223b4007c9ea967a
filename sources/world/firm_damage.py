"""How registers spell employers: SQL for names, legal forms and numbers as written.

Belongs here: errors on employer columns. Does not belong here: persons (damage).
"""

from __future__ import annotations

from sources.world.damage import Damage

ABBREVIATIONS = (
    ("INDUSTRI", "IND."), ("PERKEBUNAN", "PERK."), ("KOPERASI DESA", "KOPDES"),
    ("KOPERASI", "KOP."), ("YAYASAN", "YYS."), ("INDO", "INDONESIA"),
    ("TRANSPORT", "TRANS."), ("MANUFACTURING", "MFG"), ("KABUPATEN", "KAB."), ("NUSANTARA", "NUS."),
    ("SEJAHTERA", "SEJ."), ("PENDIDIKAN", "PEND."), ("DISTRIBUSI", "DIST."), (" JAYA", " JY"),
)  # fmt: skip


def employer_name(damage: Damage, key: str, name: str) -> str:
    """SQL of an employer's name as written; `name` must be a plain column."""
    tries = ", ".join(
        f"nullif(replace({name}, '{long}', '{short}'), {name})" for long, short in ABBREVIATIONS
    )
    form = (
        f"CASE WHEN {name} LIKE 'PT %' THEN CASE ({damage.bits(key, 'form')} % 4)::INTEGER "
        f"WHEN 0 THEN 'PT. ' || substr({name}, 4) WHEN 1 THEN 'P.T. ' || substr({name}, 4) "
        f"WHEN 2 THEN substr({name}, 4) || ', PT' ELSE substr({name}, 4) END "
        f"WHEN {name} LIKE 'CV %' THEN CASE ({damage.bits(key, 'form')} % 3)::INTEGER "
        f"WHEN 0 THEN 'CV. ' || substr({name}, 4) WHEN 1 THEN 'C.V. ' || substr({name}, 4) "
        f"ELSE substr({name}, 4) || ' CV' END "
        f"WHEN {name} LIKE 'UD %' THEN CASE ({damage.bits(key, 'form')} % 2)::INTEGER "
        f"WHEN 0 THEN 'UD. ' || substr({name}, 4) ELSE substr({name}, 4) END "
        f"WHEN {name} LIKE 'YAYASAN %' THEN 'YAY. ' || substr({name}, 9) ELSE {name} END"
    )
    return damage.cases(
        key,
        "employer name",
        name,
        {
            "employer_form_varied": form,
            "employer_name_abbreviated": f"coalesce({tries}, {name})",
            "employer_name_typo": damage.typo(key, name),
        },
    )


def npwp(damage: Damage, key: str, number: str) -> str:
    """SQL of a taxpayer number as written: sixteen digits, or the old fifteen, dotted or not."""
    dotted = (
        f"substr({number}, 2, 2) || '.' || substr({number}, 4, 3) || '.' || substr({number}, 7, 3)"
        f" || '.' || substr({number}, 10, 1) || '-' || substr({number}, 11, 3) || '.' || "
        f"substr({number}, 14, 3)"
    )
    old = (
        f"CASE WHEN left({number}, 1) <> '0' THEN {number} "
        f"WHEN {damage.bits(key, 'dots')} % 2 = 0 THEN substr({number}, 2) ELSE {dotted} END"
    )
    return damage.cases(key, "npwp", number, {"npwp_missing": "NULL", "npwp_old_form": old})


def nib(damage: Damage, key: str, number: str) -> str:
    """SQL of a business number as written."""
    return damage.cases(key, "nib", number, {"nib_missing": "NULL"})
