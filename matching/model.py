"""The Fellegi-Sunter model: what each level of agreement is worth, in bits.

Belongs here: estimating, storing and loading the parameters, and the score in SQL. Does not
belong here: levels (comparison) or who wins (assignment).

u comes from pairs of register people, who are known to be two people. m and the share of
records that have a person at all come from expectation-maximisation over the candidate
pairs of a sample, where a record's candidates compete: it has one true person or none. All
sums run over sorted arrays, so a seed and the same data give the same model, bit for bit.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

import duckdb
import numpy as np

from matching.comparison import FIELDS, LEVELS
from matching.keys import RAREST

VERSION = 1

# Fields whose agreement weighs by how common the value is, and the levels it holds for. The
# share is how much of the rarity counts: all of it for the same value, half for a likeness.
RARITY: dict[str, dict[int, float]] = {
    "name": {7: 1.0, 6: 1.0, 5: 1.0, 4: 1.0, 3: 0.5},
    "birth": {6: 1.0, 5: 1.0},
    "place": {3: 1.0},
    "mother": {4: 1.0, 3: 0.5},
}

# Where learning starts, and what it leans on where data are few (as if seen PRIOR times).
START_M: dict[str, tuple[float, ...]] = {
    "name": (0, 0.02, 0.02, 0.04, 0.08, 0.12, 0.06, 0.66),
    "birth": (0, 0.02, 0.02, 0.04, 0.02, 0.03, 0.87),
    # Twice: where the birth dates differ, and where they agree.
    "nik": (0, 0.30, 0.05, 0.05, 0.50, 0.10, 0.10, 0.03, 0.04, 0.76, 0.07),
    "sex": (0, 0.02, 0.98),
    "region": (0, 0.10, 0.08, 0.82),
    "place": (0, 0.12, 0.03, 0.85),
    "mother": (0, 0.05, 0.04, 0.12, 0.79),
}
PRIOR = 50.0


@dataclass(frozen=True)
class Model:
    """Parameters of the linkage of persons.

    Attributes:
        version: of the model's form.
        people: people in the register it was trained on.
        found: share of the records of the residual that have a person in the register.
        m: per field, the chance of each level where the pair is one person.
        u: the same where it is two.
        common: per field and level, the mean commonness (people per value) that u stands for.
        fingerprint: hash of the data it was trained on.
        sample: what it was trained on (counts).
    """

    people: int
    found: float
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
        parts = []
        for name in FIELDS:
            cases = " ".join(
                f"WHEN {level} THEN {self._level_sql(name, level)}"
                for level in range(1, len(LEVELS[name]))
            )
            parts.append(f"CASE {name} {cases} ELSE 0 END")
        return "(" + " + ".join(parts) + ")"

    def _level_sql(self, name: str, level: int) -> str:
        weight = self.weight(name, level)
        share = RARITY.get(name, {}).get(level)
        if share is None:
            return f"{weight:.6f}"
        usual = float(np.log2(self.common[name][level]))
        # Agreement on what everybody has tells nothing, but is not disagreement either.
        least = float(np.log2(self.m[name][level]))
        return (
            f"greatest({least:.6f}, {weight:.6f} + {share} * "
            f"({usual:.6f} - log2(greatest({name}_f, {RAREST}))))"
        )


def estimate_u(
    con: duckdb.DuckDBPyConnection, random_pairs: str, same_birth: str, people: int, borrowed: float
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Estimate how two different people agree.

    Args:
        con: the warehouse.
        random_pairs: levels of random pairs of two register people.
        same_birth: levels of pairs of two register people with the same birth date.
        people: people in the register.
        borrowed: share of the residual's records that carry another person's NIK.

    Returns:
        u by field and level, and the mean commonness by field and level.
    """
    u: dict[str, list[float]] = {}
    common: dict[str, list[float]] = {}
    for name in FIELDS:
        size = len(LEVELS[name])
        counts = np.zeros(size)
        rows = con.execute(
            f"SELECT {name}, count(*) FROM {random_pairs} WHERE {name} > 0 GROUP BY 1"
        ).fetchall()
        for level, n in rows:
            counts[level] = n
        common[name] = [1.0] * size
        total = max(counts.sum(), 1.0)
        u[name] = [float(max(n, 0.5) / (total + 1)) for n in counts]
    # Agreement on a value by chance: the sum of squared shares, exact where a sample is not.
    for name, columns in {
        "name": ("h_psorted", "name_n"),
        "birth": ("born", "birth_n"),
        "place": ("place", "place_n"),
        "mother": ("mother_h", "mother_n"),
    }.items():
        mean = con.execute(
            f"SELECT coalesce(sum({columns[1]}::HUGEINT) / nullif(count(*), 0), 1)::DOUBLE"
            f" FROM linkage.register_keys WHERE {columns[0]} IS NOT NULL"
        ).fetchone()
        usual = float(mean[0]) if mean else 1.0
        top = len(LEVELS[name]) - 1
        for level in RARITY[name]:
            common[name][level] = max(usual, 1.0)
        u[name][top] = usual / people
        if name == "name":
            u[name][6] = usual / people
        if name == "birth":
            u[name][5] = usual / people
    for level in (4, 3):
        seen = con.execute(
            f"SELECT exp(sum(floor(ln(greatest(name_f, 1)) * 1e6)::BIGINT) / 1e6 / count(*))"
            f" FROM {random_pairs} WHERE name = {level}"
        ).fetchone()
        if seen and seen[0]:
            common["name"][level] = max(float(seen[0]), 1.0)
    near = np.zeros(len(LEVELS["nik"]))
    for level, n in con.execute(
        f"SELECT nik, count(*) FROM {same_birth} WHERE nik > 5 GROUP BY 1"
    ).fetchall():
        near[level] = n
    base = max(near[6:].sum(), 1.0)
    for level in range(6, len(LEVELS["nik"])):
        u["nik"][level] = float(max(near[level], 0.5) / (base + 1))
    # A NIK stands once in the register, so only borrowed ones agree by chance.
    chance = max(borrowed, 1e-4) / people
    u["nik"][5] = chance
    # Where a record states no birth date its NIK does: the two then are one piece of evidence,
    # and together must not weigh more than the NIK alone.
    u["nik"][10] = max(10 * chance, min(max(borrowed, 1e-4) / common["birth"][6], 0.5))
    for level in (2, 3, 4):
        u["nik"][level] = max(u["nik"][level] if u["nik"][level] > 2e-6 else 0.0, 20 * chance)
    return u, common


def learn(
    record: np.ndarray,
    levels: dict[str, np.ndarray],
    rarity: np.ndarray,
    u: dict[str, list[float]],
    people: int,
    *,
    rounds: int = 40,
) -> tuple[dict[str, list[float]], float]:
    """Learn m and the share of records that have a person, by expectation-maximisation.

    Args:
        record: number of the record of each candidate pair, ascending from 0 without gaps.
        levels: the pairs' levels by field.
        rarity: bits that rarity adds to a pair's score beyond its levels.
        u: chances of the levels between two people.
        people: people in the register.
        rounds: how often expectation and maximisation alternate at most.

    Returns:
        m by field and level, and the share of the sample's records with a person.
    """
    start = np.flatnonzero(np.diff(record, prepend=-1))
    m = {name: np.maximum(np.array(START_M[name]), 1e-6) for name in FIELDS}
    prior = {name: m[name] * PRIOR for name in FIELDS}
    found = 0.8
    for _ in range(rounds):
        bits = rarity.copy()
        for name in FIELDS:
            weights = np.log2(m[name] / np.maximum(np.array(u[name]), 1e-12))
            weights[0] = 0.0
            bits += weights[levels[name]]
        odds = np.exp2(np.minimum(bits, 60.0)) * found / people
        share = odds / (np.add.reduceat(odds, start) + 1 - found)[record]
        before = found
        found = float(np.clip(share.sum() / len(start), 0.01, 0.999))
        for name in FIELDS:
            seen = np.bincount(levels[name], weights=share, minlength=len(LEVELS[name]))
            seen = seen + prior[name]
            seen[0] = 0.0
            if name == "nik":
                seen[1:6] /= seen[1:6].sum()
                seen[6:] /= seen[6:].sum()
            else:
                seen /= seen.sum()
            m[name] = np.maximum(seen, 1e-6)
        if abs(found - before) < 1e-6:
            break
    return {name: [float(x) for x in m[name]] for name in FIELDS}, found


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
        "SELECT version FROM linkage.models WHERE model = 'persons' AND period = ?"
        " AND parameters::VARCHAR = ?",
        [period, model.to_json()],
    ).fetchone()
    if known:
        return int(known[0])
    row = con.execute(
        "SELECT coalesce(max(version), 0) + 1 FROM linkage.models WHERE model = 'persons'"
    ).fetchone()
    version = int(row[0]) if row else 1
    con.execute(
        "INSERT INTO linkage.models VALUES ('persons', ?, ?, ?, ?)",
        [period, version, model.fingerprint, model.to_json()],
    )
    return version


def load_model(con: duckdb.DuckDBPyConnection, period: str) -> Model | None:
    """Load the newest model of persons that was trained for a period, if any."""
    create_models(con)
    row = con.execute(
        "SELECT parameters::VARCHAR FROM linkage.models"
        " WHERE model = 'persons' AND period = ? ORDER BY version DESC LIMIT 1",
        [period],
    ).fetchone()
    return Model.from_json(row[0]) if row else None
