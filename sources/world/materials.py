"""What the sample world is made of: regions, name material and sectors, put into tables.

Belongs here: reading the data files and turning them into slot tables and token lists. Does not
belong here: persons, firms and cards made from them.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from sources.world.draws import Draws, apportion, slot_table
from warehouse.documents import load_yaml

NATION = 285_000_000
"""Population that published national totals are scaled by (Dukcapil, second half of 2024)."""

TEMPLATE_SLOTS = 256
NAME_PARTS = 4
TILT = 1.9
"""Exponent that makes early words of a pool commoner, roughly as in Zipf's law."""


@dataclass(frozen=True)
class Province:
    """Facts of one province; see data/provinces.yaml."""

    code: str
    active: float
    agri: float
    industry: float
    formal: float
    names: dict[str, float]


@dataclass(frozen=True)
class Sector:
    """Facts of one sector; see data/sectors.yaml."""

    code: str
    share: float
    wage: float
    formal: float
    women: float
    town: float
    firms: float
    kbli: dict[str, float]


@cache
def _yaml(name: str) -> Any:
    text = files("sources.world").joinpath("data", name).read_text(encoding="utf-8")
    return load_yaml(text)


@cache
def provinces() -> tuple[Province, ...]:
    """Give the 38 provinces in the order of their codes."""
    return tuple(Province(code, **facts) for code, facts in sorted(_yaml("provinces.yaml").items()))


@cache
def sectors() -> tuple[Sector, ...]:
    """Give the 17 sectors in the order of the Sakernas list."""
    return tuple(Sector(code, **facts) for code, facts in _yaml("sectors.yaml").items())


def _reference(name: str) -> pa.Table:
    resource = files("warehouse").joinpath("reference", "data", name)
    header = resource.read_text(encoding="utf-8").split("\n", 1)[0].strip().split(",")
    options = pa_csv.ConvertOptions(column_types={column: pa.string() for column in header})
    with resource.open("rb") as stream:
        return pa_csv.read_csv(stream, convert_options=options)


def load(con: duckdb.DuckDBPyConnection, draws: Draws) -> None:
    """Make the tables that the world is drawn from.

    Args:
        con: the building database.
        draws: draws of the world.
    """
    _load_regions(con)
    _load_names(con)
    _load_sectors(con)
    _load_villages(con, draws)


def _load_regions(con: duckdb.DuckDBPyConnection) -> None:
    for table in ("regencies", "region_codes", "minimum_wages"):
        con.register("reference_rows", _reference(f"{table}.csv"))
        con.execute(f"CREATE OR REPLACE TABLE given_{table} AS SELECT * FROM reference_rows")
        con.unregister("reference_rows")
    con.execute("""
        CREATE OR REPLACE TABLE regency AS
        SELECT
            r.regency_code AS code, r.province_code AS province, r.kind = 'kota' AS town,
            r.population::BIGINT AS population, r.bps_code AS bps,
            upper(regexp_replace(r.regency, '^(Kabupaten|Kota)( Administrasi)? ', '')) AS place,
            upper(r.regency) AS name,
            min(f.code) AS former, min(f.valid_to::DATE) AS former_until
        FROM given_regencies AS r
        LEFT JOIN given_region_codes AS f
            ON f.regency_code = r.regency_code AND f.state = 'former'
            AND f.valid_to >= '2010-01-01'
        GROUP BY ALL
    """)
    con.execute("""
        CREATE OR REPLACE TABLE wage_floor AS
        SELECT region_code AS province, arg_max(amount::BIGINT, valid_from) AS amount
        FROM given_minimum_wages WHERE length(region_code) = 2 GROUP BY 1
    """)
    rows = con.execute("SELECT code, province, population FROM regency ORDER BY code").fetchall()
    codes = [row[0] for row in rows]
    weights = np.array([row[2] for row in rows], dtype=float)
    slot_table(con, "regency_slots", codes, weights)
    names = [province.code for province in provinces()]
    inside = np.array([[row[1] == name for row in rows] for name in names])
    slot_table(con, "province_slots", codes, weights * inside, names)
    customs = sorted({custom for province in provinces() for custom in province.names})
    mixes = [[p.names.get(custom, 0) for custom in customs] for p in provinces()]
    slot_table(con, "custom_slots", customs, np.array(mixes, dtype=float), names)


def _pool(entry: Any) -> list[str]:
    """Give the words of a pool; combinations come in a fixed mixed order."""
    if isinstance(entry, dict):
        made = {a + b for a in entry["join"][0].split() for b in entry["with"][0].split()}
        return sorted(made, key=lambda word: zlib.crc32(word.encode()))
    return [word.replace("=", " ") for word in entry.split()]


def _load_names(con: duckdb.DuckDBPyConnection) -> None:
    """Make `name_word` (all words, numbered) and `name_template`.

    A template row says, for each part of a name, where its pool begins in `name_word` (`o`), how
    many words it has (`n`, 0 where there is no such part), its tilt (`e`) and whether the family
    shares it (`f`).
    """
    material = _yaml("names.yaml")
    even = set(material["even"])
    tokens: list[str] = []
    pools: dict[str, tuple[int, int, float, bool]] = {}

    def pool(reference: str) -> tuple[int, int, float, bool]:
        name = reference.lstrip("*")
        if name not in pools:
            words = [name[1:]] if name.startswith("=") else _pool(material["pools"][name])
            pools[name] = (len(tokens), len(words), 1.0 if name in even else TILT, False)
            tokens.extend(words)
        return (*pools[name][:3], reference.startswith("*"))

    rows: dict[tuple[str, str], list[tuple[float, float, list[str]]]] = {}
    for line in material["templates"]:
        custom, sex, old, young, *parts = line.split()
        rows.setdefault((custom, sex), []).append((float(old), float(young), parts))
    columns: dict[str, list[Any]] = {"custom": [], "sex": [], "young": [], "slot": []}
    for part in range(NAME_PARTS):
        columns |= {f"{letter}{part}": [] for letter in "onef"}
    for (custom, sex), templates in rows.items():
        for young in (False, True):
            weights = np.array([template[int(young)] for template in templates])
            counts = apportion(weights, TEMPLATE_SLOTS)
            chosen = np.repeat(np.arange(len(templates)), counts)
            for slot, template in enumerate(chosen):
                columns["custom"].append(custom)
                columns["sex"].append(sex)
                columns["young"].append(young)
                columns["slot"].append(slot)
                found = [pool(reference) for reference in templates[template][2]]
                found += [(0, 0, 1.0, False)] * (NAME_PARTS - len(found))
                for part, values in enumerate(found):
                    for letter, value in zip("onef", values, strict=True):
                        columns[f"{letter}{part}"].append(value)
    con.register("template_rows", pa.table(columns))
    con.execute("CREATE OR REPLACE TABLE name_template AS SELECT * FROM template_rows")
    con.unregister("template_rows")
    words = pa.table({"place": pa.array(range(len(tokens)), pa.int32()), "word": tokens})
    con.register("word_rows", words)
    con.execute("CREATE OR REPLACE TABLE name_word AS SELECT * FROM word_rows")
    con.unregister("word_rows")
    for name in ("gelar_m", "gelar_f", "gelar_akhir"):
        con.execute(f"SET VARIABLE {name} = ?::VARCHAR[]", [_pool(material["pools"][name])])


def _load_sectors(con: duckdb.DuckDBPyConnection) -> None:
    rows = [(s.code, s.wage * 1000.0, s.firms) for s in sectors()]
    con.execute("CREATE OR REPLACE TABLE sector (code VARCHAR, wage DOUBLE, firms DOUBLE)")
    con.executemany("INSERT INTO sector VALUES (?, ?, ?)", rows)
    codes = sorted({code for s in sectors() for code in s.kbli})
    weights = np.array([[s.kbli.get(code, 0.0) for code in codes] for s in sectors()])
    slot_table(con, "kbli_slots", codes, weights, [s.code for s in sectors()])


VILLAGE_HEADS = [
    "SUKA",
    "SIDO",
    "TANJUNG",
    "KARANG",
    "MARGA",
    "PURWO",
    "WONO",
    "BANJAR",
    "CI",
    "MEKAR",
    "SUMBER",
    "TELUK",
    "BATU",
    "KAMPUNG",
    "PULAU",
    "SUNGAI",
    "GUNUNG",
    "KEBON",
    "RANTAU",
    "TAMAN",
    "NGA",
    "KALI",
    "PASIR",
    "LEMBAH",
    "PADANG",
    "MUARA",
    "BUKIT",
    "TEBING",
]
VILLAGE_TAILS = [
    "MULYA",
    "JAYA",
    "MAKMUR",
    "SARI",
    "HARJO",
    "REJO",
    "ASRI",
    "MAJU",
    "BARU",
    "AGUNG",
    "RAYA",
    "INDAH",
    "PUTIH",
    "HILIR",
    "HULU",
    "SELATAN",
    "TENGAH",
    "LOR",
    "KIDUL",
    "WETAN",
    "KULON",
    "ANYAR",
    "SENTOSA",
    "DAMAI",
    "ABADI",
    "LESTARI",
    "KERTA",
    "WANGI",
    "RASA",
    "TANI",
]


def _load_villages(con: duckdb.DuckDBPyConnection, draws: Draws) -> None:
    """Make `world_villages`: village names, a few of which are very common."""
    names = [
        f"{head}{tail}" if len(head) <= 4 else f"{head} {tail}"
        for head in VILLAGE_HEADS
        for tail in VILLAGE_TAILS
    ]
    names.sort(key=lambda name: zlib.crc32(f"{draws.seed}{name}".encode()))
    con.execute("SET VARIABLE world_villages = ?::VARCHAR[]", [["SIDOMULYO", "SUKAMAJU", *names]])
