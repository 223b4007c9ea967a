"""Faults 1 to 15: what is wrong with a delivered text file as a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sources.contracts import load_contracts
from sources.deliveries import discover, keep
from sources.landing import land
from warehouse.errors import DataRefused


@pytest.mark.fault(1, "zero bytes")
def test_01_zero_bytes_are_refused(con, home, shown) -> None:
    contract = load_contracts()["bpjs_participants"]
    folder: Path = home.inbox / contract.key / "2026-10"
    folder.mkdir(parents=True)
    (folder / "peserta.csv").write_bytes(b"")
    found = discover(home.inbox, {contract.key: contract}, "2026-10").found[contract.key]
    with pytest.raises(DataRefused) as caught:
        land(con, home, contract, keep(con, home, contract, found))
    assert caught.value.code == "EMPTY_FILE"
    shown("refused as a whole", refused="EMPTY_FILE")
