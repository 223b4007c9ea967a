"""What goes back to those who gave: the population register, and the branches of BPJS."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pyrage
import pytest
from list_world import PERIOD, add_memberships, decrypted_rows, fill_restricted

from publishing.extracts.issuing import issue
from warehouse.home import Home
from warehouse.settings import ExtractSettings, Settings


@pytest.fixture(scope="module")
def given(
    tmp_path_factory: pytest.TempPathFactory, published_once: Path
) -> dict[str, list[dict[str, object]]]:
    """Both lists as their recipients read them."""
    home = Home(tmp_path_factory.mktemp("feedback") / "home")
    shutil.copytree(published_once, home.path)
    fill_restricted(home.ensure(), people=60)
    add_memberships(home)
    secret = home.path / "secret"
    secret.write_text("r" * 40)
    secret.chmod(0o600)
    identity = pyrage.x25519.Identity.generate()
    key = (str(identity.to_public()),)
    settings = Settings(
        extracts=ExtractSettings(
            processes=1, pseudonym_secret=secret, recipient_keys={"04": key, "23": key}
        )
    )
    read = {}
    for number, name in ((4, "participation_feedback"), (23, "membership_repairs")):
        folder = issue(home, settings, PERIOD, addressees=[number]).written[0]
        content = (folder / f"{name}.parquet.age").read_bytes()
        read[name] = decrypted_rows(pyrage.decrypt(content, [identity]))
    return read


def test_the_register_is_told_who_takes_part_and_nothing_else(
    given: dict[str, list[dict[str, object]]],
) -> None:
    rows = given["participation_feedback"]
    assert set(rows[0]) == {"pseudonym", "nik", "participation"}
    told = sorted(str(row["participation"]) for row in rows)
    # Person 1 has a hostile name, so no card; 11 is no worker of the month.
    assert told == ["active"] * 9 + ["inactive"] * 2 + ["uncertain"]
    assert len({row["nik"] for row in rows}) == len(rows)
    assert all(len(str(row["nik"])) == 16 for row in rows)


def test_branches_get_the_records_to_put_right_by_their_regency(
    given: dict[str, list[dict[str, object]]],
) -> None:
    rows = {row["record_id"]: row for row in given["membership_repairs"]}
    assert {key: (row["reason_code"], row["region_code"]) for key, row in rows.items()} == {
        "KX": ("NIK_LENGTH", "3174"),
        "KY": ("UNLINKED", "3273"),
        "KZ": ("REVIEW", "3273"),
    }
    assert rows["KX"]["reason_id"] == "NIK tidak 16 digit"
    assert rows["KX"]["birth_date"] == dt.date(1990, 1, 2)
    assert not {"nik", "reported_wage", "mother_name"} & set(rows["KX"])
