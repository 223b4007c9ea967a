"""The Fellegi-Sunter model: what each level of agreement is worth, in bits.

Belongs here: the parameters, storing and loading them, and the score in SQL. Does not
belong here: estimating them (estimating), levels (comparison) or who wins (assignment).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field

import duckdb
import numpy as np

from matching.comparison import FIELDS, LEVELS
from matching.frequencies import create_frequencies
from matching.keys import RAREST
from warehouse.storage import literal

VERSION = 4

# Fields whose agreement weighs by how common the value is, and the levels it holds for. The
# share is how much of the rarity counts: all of it for the same value, half for a likeness.
RARITY: dict[str, dict[int, float]] = {
    "name": {7: 1.0, 6: 1.0, 5: 1.0, 4: 1.0, 3: 0.5},
    "birth": {6: 1.0, 5: 1.0},
    "place": {3: 1.0},
    "mother": {4: 1.0, 3: 0.5},
}

# Where learning starts, and what it leans on where data are few.
START_M: dict[str, tuple[float, ...]] = {
    "name": (0, 0.02, 0.02, 0.04, 0.08, 0.12, 0.06, 0.66),
    "birth": (0, 0.02, 0.02, 0.04, 0.02, 0.03, 0.87),
    # By context; "same" is not learned (`owner_bits`).
    "nik": (0, *(0.33, 0.06, 0.06, 0.55, 0) * 6, *(0.10, 0.03, 0.05, 0.82, 0) * 3),
    "sex": (0, 0.02, 0.98),
    "region": (0, 0.10, 0.08, 0.82),
    "place": (0, 0.12, 0.03, 0.85, 0.06, 0.02, 0.92),
    "mother": (0, 0.05, 0.04, 0.12, 0.79),
    "work": (0, 0.20, 0.20, 0.60),
    "origin": (0, 0.03, 0.03, 0.94, 0.03, 0.03, 0.94),
}


@dataclass(frozen=True)
class Model:
    """Parameters of the linkage of persons.

    Attributes:
        version: of the model's form.
        people: people in the register it was trained on.
        found: share of the records of the residual that have a person in the register, by
            what their NIK is worth (`NIK_KINDS`).
        m: per field, the chance of each level where the pair is one person.
        u: the same where it is two.
        common: per field and level, the mean commonness (people per value) that u stands for.
        fingerprint: hash of the data it was trained on.
        sample: what it was trained on (counts).
    """

    people: int
    found: list[float]
    m: dict[str, list[float]]
    u: dict[str, list[float]]
    common: dict[str, list[float]]
    fingerprint: str
    sample: dict[str, int] = field(default_factory=dict)
    version: int = VERSION

    def to_json(self) -> str:
        """Give the model as JSON with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Read a model.

        Raises:
            ValueError: the model has another form than this code.
        """
        raw = json.loads(text)
        if raw.get("version") != VERSION:
            raise ValueError(
                f"linkage model of version {raw.get('version')}, this code reads {VERSION}: "
                "train it again"
            )
        return cls(**raw)

    def weight(self, name: str, level: int) -> float:
        """Give the bits of a level, before rarity; 0 where the field is missing."""
        if level == 0:
            return 0.0
        return float(np.log2(self.m[name][level] / self.u[name][level]))

    def bits_sql(self) -> str:
        """Give the score of a pair of levels in SQL: log2 of the likelihood ratio."""
        return "(" + " + ".join(self.field_sql(name) for name in FIELDS) + ")"

    def field_sql(self, name: str) -> str:
        """Give what one field adds to the score, in SQL over its level and its commonness."""
        cases = " ".join(
            f"WHEN {level} THEN {self._level_sql(name, level)}"
            for level in range(1, len(LEVELS[name]))
        )
        return f"CASE {name} {cases} ELSE 0 END"

    def namesake_sql(self) -> str:
        """Give in SQL the score of somebody of the same name who agrees in nothing else."""
        name = " ".join(f"WHEN {level} THEN {self._level_sql('name', level)}" for level in (6, 7))
        others = " + ".join(
            f"CASE WHEN {field} > 0 THEN {self.weight(field, 1):.6f} ELSE 0 END"
            for field in FIELDS
            if field not in ("name", "sex")
        )
        return f"(CASE name {name} END + {others})"

    def _level_sql(self, name: str, level: int) -> str:
        weight = self.weight(name, level)
        rarity = rarity_sql(name, level, self.u, self.common, self.people)
        if rarity is None:
            return f"{weight:.6f}"
        # Agreement on what everybody has tells nothing, but is not disagreement either.
        least = float(np.log2(self.m[name][level]))
        return f"greatest({least:.6f}, {weight:.6f} + {rarity})"


def rarity_sql(
    name: str,
    level: int,
    u: dict[str, list[float]],
    common: dict[str, list[float]],
    people: int,
) -> str | None:
    """Give in SQL the bits that rarity adds to a level's weight; None where it adds none.

    Args:
        name: field.
        level: its level.
        u: chances between two people.
        common: people per value that u stands for.
        people: people in the register.
    """
    share = RARITY.get(name, {}).get(level)
    if share is None:
        return None
    usual = float(np.log2(common[name][level]))
    bits = f"{share} * ({usual:.6f} - log2(greatest({name}_f, {RAREST})))"
    if name != "name" or level >= 6:
        return bits
    # What the record writes is as common as the people who are called just so, whomever it is
    # compared with: a likeness to a rarer name cannot make it rarer.
    most = float(np.log2(u[name][level] * people))
    return f"least({bits}, CASE WHEN same_n >= 1 THEN {most:.6f} - log2(same_n) ELSE 99 END)"


def create_models(con: duckdb.DuckDBPyConnection) -> None:
    """Create `linkage.models` where it is missing."""
    con.execute("CREATE SCHEMA IF NOT EXISTS linkage")
    con.execute(
        "CREATE TABLE IF NOT EXISTS linkage.models(model VARCHAR, period VARCHAR,"
        " version INTEGER, fingerprint VARCHAR, parameters JSON)"
    )


def save_model(con: duckdb.DuckDBPyConnection, period: str, model: Model) -> int:
    """Store a model; the same model is stored once.

    Returns:
        The version it has among the models of persons.
    """
    create_models(con)
    known = con.execute(
        f"SELECT version FROM linkage.models WHERE model = 'persons' AND period = {literal(period)}"
        f" AND parameters::VARCHAR = {literal(model.to_json())}"
    ).fetchone()
    if known:
        return int(known[0])
    row = con.execute(
        "SELECT coalesce(max(version), 0) + 1 FROM linkage.models WHERE model = 'persons'"
    ).fetchone()
    version = int(row[0]) if row else 1
    con.execute(
        f"INSERT INTO linkage.models VALUES ('persons', {literal(period)}, {version},"
        f" {literal(model.fingerprint)}, {literal(model.to_json())})"
    )
    return version


def text_id(parameters: str) -> str:
    """Give what links name a model by: a hash of its parameters as JSON."""
    return hashlib.sha256(parameters.encode()).hexdigest()[:16]


def newest_model(con: duckdb.DuckDBPyConnection) -> tuple[int, Model] | None:
    """Load the newest model of persons that later months can be linked with.

    Returns:
        Its version and the model; None where there is none, or where the newest has another
        form than this code or keeps no commonness (`matching.frequencies`).
    """
    create_models(con)
    create_frequencies(con)
    row = con.execute(
        "SELECT version, parameters::VARCHAR, version IN (SELECT version FROM"
        " linkage.model_frequencies WHERE kind = 'people')"
        " FROM linkage.models WHERE model = 'persons' ORDER BY version DESC LIMIT 1"
    ).fetchone()
    if row is None or not row[2] or json.loads(row[1]).get("version") != VERSION:
        return None
    return int(row[0]), Model.from_json(row[1])


def linked_with(con: duckdb.DuckDBPyConnection, period: str) -> tuple[int, str] | None:
    """Tell which model of persons the links of a period were made with.

    Returns:
        Its version and the period it was trained for; None where it is not in the warehouse.
    """
    used = {
        row[0]
        for row in con.execute(
            "SELECT DISTINCT model FROM linkage.claim_shares WHERE period = ?", [period]
        ).fetchall()
    }
    for version, trained, parameters in con.execute(
        "SELECT version, period, parameters::VARCHAR FROM linkage.models WHERE model = 'persons'"
        " ORDER BY version DESC"
    ).fetchall():
        if text_id(parameters) in used:
            return int(version), str(trained)
    return None


def load_version(con: duckdb.DuckDBPyConnection, version: int) -> Model | None:
    """Load a model of persons by its version; None where it is not in the warehouse."""
    row = con.execute(
        "SELECT parameters::VARCHAR FROM linkage.models WHERE model = 'persons' AND version = ?",
        [version],
    ).fetchone()
    return Model.from_json(row[0]) if row else None


def load_model(con: duckdb.DuckDBPyConnection, period: str) -> Model | None:
    """Load the newest model of persons that was trained for a period, if any."""
    create_models(con)
    row = con.execute(
        "SELECT parameters::VARCHAR FROM linkage.models"
        " WHERE model = 'persons' AND period = ? ORDER BY version DESC LIMIT 1",
        [period],
    ).fetchone()
    return Model.from_json(row[0]) if row else None
