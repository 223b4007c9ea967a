"""A made-up world of businesses in seven registers, with the truth; for tests and measuring.

Belongs here: records with the faults that registers show. Does not belong here: assertions.
"""

from __future__ import annotations

import random

import duckdb
import pyarrow as pa

GENERIC = [
    "SUMBER",
    "JAYA",
    "MAJU",
    "ABADI",
    "MAKMUR",
    "SEJAHTERA",
    "BERSAMA",
    "KARYA",
    "MANDIRI",
    "UTAMA",
    "NUSANTARA",
    "PRATAMA",
    "SENTOSA",
    "LESTARI",
    "MITRA",
    "CIPTA",
    "PERKASA",
    "SUKSES",
    "BERKAH",
    "SINAR",
    "PRIMA",
    "BINTANG",
    "GLOBAL",
    "MULIA",
    "AGUNG",
    "RAYA",
    "PUTRA",
    "ANUGERAH",
    "BUMI",
    "TUNAS",
    "SURYA",
    "CAHAYA",
    "INTI",
    "MULTI",
    "MEGA",
    "GRAHA",
    "DUTA",
    "ANEKA",
]
TRADES = [
    "INTERNASIONAL",
    "INDUSTRI",
    "TEKNOLOGI",
    "KONSTRUKSI",
    "TRANSPORTASI",
    "LOGISTIK",
    "TEKSTIL",
    "GARMEN",
    "PLASTIK",
    "KIMIA",
    "ENERGI",
    "PANGAN",
    "PROPERTI",
    "INDONESIA",
    "MEDIA",
]
SHORT = {
    "INTERNASIONAL": "INTL", "INDUSTRI": "INDUSTRY", "KONSTRUKSI": "CONSTRUCTION",
    "LOGISTIK": "LOGISTICS", "TEKSTIL": "TEXTILE", "PLASTIK": "PLASTICS", "PROPERTI": "PROPERTY",
}  # fmt: skip
SYLLABLES = "KAR TA WI BU RA MAN DO SE LU PA GI NTA RO KO MI SU LA NE DI VA HAR TO BA LI YU".split()  # noqa: SIM905
STREETS = (
    "MERDEKA SUDIRMAN DIPONEGORO AHMAD YANI GAJAH MADA PAHLAWAN VETERAN MELATI KENANGA".split()  # noqa: SIM905
)
DIVISIONS = [
    "10",
    "13",
    "41",
    "46",
    "47",
    "47",
    "49",
    "56",
    "62",
    "85",
]
COLUMNS = [
    "dataset",
    "record_id",
    "employer_name",
    "legal_form",
    "npwp",
    "nib",
    "npp",
    "ahu_number",
    "nik_koperasi",
    "address",
    "region_code",
    "kbli",
    "kbli_vintage",
    "sector_code",
    "workers",
    "scale",
    "status",
    "parent_npwp",
    "programmes",
    "registered_on",
    "last_paid_period",
    "owner_name",
    "row_hash",
]
TYPES = {
    "kbli_vintage": pa.int16(), "workers": pa.int64(), "programmes": pa.list_(pa.string()),
    "registered_on": pa.date32(), "row_hash": pa.uint64(),
}  # fmt: skip


def _typo(rng: random.Random, text: str) -> str:
    at = rng.randrange(1, max(2, len(text) - 1))
    kind = rng.randrange(3)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + rng.choice("AEIKLMNRST") + text[at + 1 :]
    return text[: at - 1] + text[at : at + 1] + text[at - 1 : at] + text[at + 1 :]


def _digits(rng: random.Random, length: int) -> str:
    return "".join(rng.choices("0123456789", k=length))


def _slip(rng: random.Random, number: str) -> str:
    at = rng.randrange(1, len(number))
    return number[:at] + str((int(number[at]) + rng.randrange(1, 10)) % 10) + number[at + 1 :]


def _coined(rng: random.Random) -> str:
    return "".join(rng.choices(SYLLABLES, k=rng.randrange(3, 5)))


def _company(rng: random.Random, number: int, regions: list[str], villages: list[str]) -> dict:
    form = rng.choices(
        ["PT", "CV", "UD", "KOPERASI", "KDMP", "YAYASAN", ""], [40, 22, 10, 6, 8, 4, 10]
    )[0]
    region = regions[int(len(regions) * rng.random() ** 2.2)]
    if form == "KDMP":
        core = rng.choice(villages)
    elif form in ("PT", "YAYASAN"):
        core = " ".join([_coined(rng), rng.choice(GENERIC), rng.choice(GENERIC + TRADES)])
        if rng.random() < 0.35:
            core = " ".join([*rng.sample(GENERIC, 2), rng.choice(TRADES), _coined(rng)])
        if rng.random() < 0.15:
            core = " ".join([*rng.sample(GENERIC, 3), rng.choice(TRADES)])
    else:
        core = " ".join(rng.sample(GENERIC, 2))
        if rng.random() < 0.55:
            core = f"{_coined(rng)} {rng.choice(GENERIC)}"
    return {
        "company_id": number, "form": form, "core": core, "region": region,
        "root": f"0{rng.choice('0123')}{_digits(rng, 8)}",
        "nib": "9" + _digits(rng, 12),
        "kbli": rng.choice(DIVISIONS) + _digits(rng, 3),
        "address": f"JL. {rng.choice(STREETS)} NO. {rng.randrange(1, 200)}",
        "formal": form in ("PT", "CV", "YAYASAN") or rng.random() < 0.35,
    }  # fmt: skip


def _named(rng: random.Random, company: dict, noise: float) -> str:
    form, core = company["form"], company["core"]
    if rng.random() < noise:
        words = core.split()
        at = max(range(len(words)), key=lambda i: (len(words[i]), i))
        choice = rng.random()
        if choice < 0.5:
            words[at] = _typo(rng, words[at])
        elif choice < 0.8:
            words = [SHORT.get(w, w) for w in words]
        elif len(words) > 2:
            words = words[:-1]
        core = " ".join(words)
    if form == "KDMP":
        return rng.choice(["KOPERASI DESA MERAH PUTIH ", "KDMP ", "KOPDES MERAH PUTIH "]) + core
    style = rng.random()
    if form in ("PT", "CV", "UD") and style < 0.25:
        return f"{core}, {form}"
    if form in ("PT", "CV") and style < 0.45:
        return f"{form[0]}.{form[1]}. {core}"
    if style > 0.96 and noise:
        return core
    return f"{form} {core}".strip()


def make(companies: int, seed: int = 7) -> tuple[pa.Table, pa.Table]:
    """Give the records as a table like in_employers, and the truth: record to company."""
    rng = random.Random(seed)  # noqa: S311
    regions = [f"{p}{k:02d}" for p in range(11, 37) for k in range(1, 15)]
    villages = [_coined(rng) for _ in range(max(20, companies // 60))]
    rows: dict[str, list] = {column: [] for column in COLUMNS}
    truth: list[int] = []
    previous: dict | None = None
    serial = 0

    def add(dataset: str, company: dict, **values: object) -> None:
        nonlocal serial
        serial += 1
        row = dict.fromkeys(COLUMNS)
        row |= {
            "dataset": dataset, "record_id": f"{dataset[:3]}-{serial:08d}",
            "employer_name": _named(rng, company, 0.12), "kbli_vintage": 2020,
            "kbli": company["kbli"] if rng.random() < 0.85 else None,
            "region_code": company["region"]
            if rng.random() < 0.92
            else rng.choice([*regions[:60], "0000"]),
            "address": company["address"] if rng.random() < 0.6 else None,
            "workers": rng.randrange(1, 300), "row_hash": serial,
        } | values  # fmt: skip
        row["sector_code"] = {"10": "C", "13": "C", "41": "F", "49": "H", "56": "I"}.get(
            (row["kbli"] or "")[:2], "G" if row["kbli"] else None
        )
        for column in COLUMNS:
            rows[column].append(row[column])
        truth.append(company["company_id"])

    for number in range(companies):
        company = _company(rng, number, regions, villages)
        npwp = company["root"] + "001000"

        def number_of(value: str, known: float, source: dict = company) -> str | None:
            # Known, else missing; now and then a slip of the hand.
            if rng.random() > known:
                return None
            return _slip(rng, value) if rng.random() < 0.02 else value

        taxed = company["formal"]
        if taxed and rng.random() < 0.9:
            for branch in range(1 + (rng.random() < 0.08)):
                add("djp_employers", company, npwp=npwp[:13] + f"{branch:03d}",
                    nib=company["nib"] if rng.random() < 0.5 else None)  # fmt: skip
        if rng.random() < (0.7 if taxed else 0.25):
            add("oss_businesses", company, nib=company["nib"],
                npwp=number_of(npwp, 0.8) if taxed else None)  # fmt: skip
        if company["form"] in ("PT", "YAYASAN") and rng.random() < 0.8:
            add("ahu_companies", company, ahu_number=f"AHU-{number:07d}.AH.01.01.TAHUN 2019",
                npwp=number_of(npwp, 0.6))  # fmt: skip
        if rng.random() < (0.6 if taxed else 0.15):
            for _ in range(1 + (rng.random() < 0.06)):
                borrowed = previous is not None and rng.random() < 0.01
                owner = previous if borrowed and previous else company
                add("bpjs_employers", company, npp=f"{serial:08d}",
                    npwp=number_of(owner["root"] + "001000", 0.75) if taxed or borrowed else None,
                    nib=number_of(company["nib"], 0.4))  # fmt: skip
        if company["kbli"] < "20" and rng.random() < 0.5:
            add("siinas_companies", company, nib=number_of(company["nib"], 0.7),
                npwp=number_of(npwp, 0.7) if taxed else None)  # fmt: skip
        if company["form"] in ("KOPERASI", "KDMP"):
            add("cooperatives", company, nik_koperasi=number_of(_digits(rng, 13), 0.2),
                npwp=number_of(npwp, 0.3) if taxed else None)  # fmt: skip
        if company["form"] in ("UD", "") or (company["form"] == "CV" and rng.random() < 0.2):
            add("sme_businesses", company, nib=number_of(company["nib"], 0.2))
        previous = company
    table = pa.table({c: pa.array(rows[c], TYPES.get(c, pa.string())) for c in COLUMNS})
    answers = pa.table({
        "dataset": rows["dataset"], "record_id": rows["record_id"], "company_id": truth,
    })  # fmt: skip
    return table, answers


def table_of(*rows: dict) -> pa.Table:
    """Give rows as a table like in_employers; what a row leaves out is NULL."""
    columns: dict[str, list] = {column: [] for column in COLUMNS}
    for number, row in enumerate(rows):
        full = dict.fromkeys(COLUMNS) | {"record_id": f"r{number}", "row_hash": number} | row
        for column in COLUMNS:
            columns[column].append(full[column])
    return pa.table({c: pa.array(v, TYPES.get(c, pa.string())) for c, v in columns.items()})


def load(con: duckdb.DuckDBPyConnection, table: pa.Table, *, reverse: bool = False) -> None:
    """Make the view in_employers from the table."""
    con.register("world_records", table)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE world AS SELECT * FROM world_records "
        + ("ORDER BY record_id DESC" if reverse else "")
    )
    con.unregister("world_records")
    con.execute("CREATE OR REPLACE TEMP VIEW in_employers AS FROM world")


def pairwise(con: duckdb.DuckDBPyConnection, answers: pa.Table, period: str) -> tuple[float, float]:
    """Give precision and recall over pairs of records."""
    con.register("answers", answers)
    linked, true, both = con.execute(
        """
        WITH x AS (
            SELECT a.company_id, l.employer_key FROM answers AS a
            JOIN linkage.employer_links AS l USING (dataset, record_id) WHERE l.period = ?
        )
        SELECT
            (SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) AS n FROM x GROUP BY employer_key)),
            (SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) AS n FROM x GROUP BY company_id)),
            (SELECT sum(n * (n - 1) / 2)
             FROM (SELECT count(*) AS n FROM x GROUP BY employer_key, company_id))
        """,
        [period],
    ).fetchall()[0]
    con.unregister("answers")
    return both / linked, both / true
