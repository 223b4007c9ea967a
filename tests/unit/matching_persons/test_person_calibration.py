"""What the sample world says of the links: hardly a false one, and probabilities that hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from matching import persons
from matching.evaluation import compare_with_truth
from matching.model import load_model
from sources.conforming import conform
from sources.contracts import load_contracts, load_dataset_table
from sources.deliveries import discover, keep
from sources.landing import create_landing_table, land, update_in_force
from sources.world import generate
from warehouse.connection import connect, set_parameters
from warehouse.home import Home
from warehouse.inputs import create_inputs
from warehouse.reference import load_reference
from warehouse.settings import EngineSettings, Settings

PERIOD = "2026-10"
# More NIKs of relatives and more NIKs mistyped than usual: a small world has few of either.
RATES = """
nik_of_relative: {membership: 0.02, payroll: 0.01, roster: 0.03, owner: 0.02}
nik_digit_wrong: {membership: 0.03, payroll: 0.02, roster: 0.04, owner: 0.04}
"""


@pytest.fixture(scope="module")
def sample(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """Give a linked sample world and the file of its truth."""
    out = tmp_path_factory.mktemp("world")
    rates = out / "rates.yaml"
    rates.write_text(RATES, encoding="utf-8")
    generate(out, people=8_000, seed=77, period=PERIOD, error_rates=rates)
    home = Home(tmp_path_factory.mktemp("home"))
    contracts = {
        key: contract
        for key, contract in load_contracts().items()
        if contract.kind == "population" or contract.links_person
    }
    con = connect(home, Settings(engine=EngineSettings(threads=1)))
    load_reference(con)
    set_parameters(con, Settings(), PERIOD)
    for key, found in discover(out / "inbox", contracts, PERIOD).found.items():
        contract = contracts[key]
        create_landing_table(con, contract)
        kept = keep(con, home, contract, found)
        land(con, home, contract, kept)
        conform(con, contract, PERIOD, kept.version)
    load_dataset_table(con, contracts)
    update_in_force(con, contracts, PERIOD)
    create_inputs(con, PERIOD)
    persons.build_spine(con, PERIOD)
    persons.link_period(con, PERIOD)
    yield con, out / "truth" / "person_records.parquet"
    con.close()


@pytest.fixture
def judged(sample: tuple[duckdb.DuckDBPyConnection, Path]) -> duckdb.DuckDBPyConnection:
    """Give the links beside the truth, as table `judged`."""
    con, truth = sample
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE judged AS
        SELECT l.*, p.person_key AS true_key,
            coalesce(l.person_key = p.person_key, false) AS is_right
        FROM linkage.person_links AS l
        JOIN read_parquet('{truth}') AS t USING (period, dataset, record_id)
        LEFT JOIN spine.persons AS p ON p.nik = t.nik
        """
    )
    return con


def test_hardly_a_link_is_false_and_few_are_missed(
    sample: tuple[duckdb.DuckDBPyConnection, Path],
) -> None:
    found = compare_with_truth(sample[0], PERIOD, sample[1], with_blocking=False)
    assert found["ALL"]["precision"] >= 0.9995
    assert found["ALL"]["recall"] >= 0.99
    assert found["ALL"]["tiers"]["model"]["precision"] >= 0.995
    assert found["bpjs_participants"]["wrong"] <= 1
    assert found["bpjs_participants"]["recall"] >= 0.9995


def test_probabilities_hold(judged: duckdb.DuckDBPyConnection) -> None:
    said, true, certain = judged.execute(
        "SELECT avg(probability_ppm) / 1e6, avg(is_right::INTEGER),"
        " avg(is_right::INTEGER) FILTER (probability_ppm >= 990000)"
        " FROM judged WHERE status = 'linked' AND tier = 'model'"
    ).fetchone()
    assert abs(said - true) <= 0.005
    assert certain >= 0.997


def test_who_is_not_in_the_register_is_not_somebody_else(
    judged: duckdb.DuckDBPyConnection,
) -> None:
    strangers, linked = judged.execute(
        "SELECT count(*), count(*) FILTER (status = 'linked') FROM judged WHERE true_key IS NULL"
    ).fetchone()
    assert strangers >= 30
    assert linked <= strangers * 0.05


# A NIK one or two digits from somebody's of the same district, and nothing else of theirs:
# name, mother, by how much the birth date is off, and by how much the NIK's digits.
NEIGHBOURS = (
    ("JULIA RISMA SITOMPUL", "ANGELINA HUTABARAT", "10 years", "7, 8"),
    ("SUYANTO WIBISANA", None, "2 days", "8, 9"),
    ("MUHAMMAD CAHYA FAUZI", None, "3 days", "8, 15"),
    ("FANI LESTARI", "KARTINI", "0 days", "6, 16"),
)


def test_who_has_a_neighbouring_nik_and_another_name_is_somebody_else(
    sample: tuple[duckdb.DuckDBPyConnection, Path],
) -> None:
    con = sample[0]
    con.execute("CREATE OR REPLACE TEMP TABLE made AS SELECT * FROM in_person_records WHERE false")
    for n, (name, mother, off, digits) in enumerate(NEIGHBOURS):
        for home in ("birth_place, region_code", "NULL, NULL"):
            turned = (
                f"CASE WHEN p IN ({digits}) THEN ((nik[p]::INTEGER + 1) % 10)::VARCHAR"
                " ELSE nik[p] END"
            )
            con.execute(
                f"""
                INSERT INTO made BY NAME
                SELECT 'bpjs_participants' AS dataset, 'membership' AS kind,
                    '{n}{home[:4]}' || row_number() OVER (ORDER BY nik) AS record_id,
                    (SELECT string_agg({turned}, '' ORDER BY p) FROM range(1, 17) AS t(p)) AS nik,
                    ? AS full_name, sex, (birth_date + INTERVAL '{off}')::DATE AS birth_date,
                    ? AS mother_name, unnest([{home.split(",")[0]}]) AS birth_place,
                    {home.split(",")[1]} AS region_code, hash(nik) AS row_hash
                FROM (SELECT * FROM in_population WHERE day(birth_date) BETWEEN 13 AND 24
                    AND year(birth_date) BETWEEN 1960 AND 1989 ORDER BY hash(nik) LIMIT 40)
                """,
                [name, mother],
            )
    model = load_model(con, PERIOD)
    assert model is not None
    con.execute("CREATE OR REPLACE TEMP VIEW in_person_records AS FROM made")
    try:
        counts = persons.link_dataset(con, "2026-11", "bpjs_participants", model)
    finally:
        create_inputs(con, PERIOD)
    assert sum(counts[status] for status in ("linked", "review", "unlinked")) == 320
    assert counts["linked"] == 0
    assert counts["review"] <= 3


def test_a_nik_of_a_relative_is_no_link_and_its_chance_is_small(
    judged: duckdb.DuckDBPyConnection,
) -> None:
    rows = judged.execute(
        """
        SELECT j.dataset, j.record_id, j.status, j.person_key, j.true_key, p.person_key
        FROM judged AS j JOIN in_person_records AS r USING (dataset, record_id)
        JOIN spine.persons AS p ON p.nik = r.nik
        WHERE j.true_key IS DISTINCT FROM p.person_key
        """
    ).fetchall()
    assert len(rows) > 20
    to_owner = [row for row in rows if row[2] == "linked" and row[3] == row[5]]
    assert len(to_owner) <= 1
    found = [row for row in rows if row[2] == "linked" and row[3] == row[4]]
    assert len(found) >= len(rows) * 0.4
