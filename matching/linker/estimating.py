"""What each level of agreement is worth: a Fellegi-Sunter model learned from the two tables.

Belongs here: the parameters, how they are estimated without labels, and the score in SQL. Does
not belong here: levels (comparing.py), chance agreement (chance.py) or who is linked (deciding.py).

u is that of random pairs of right rows, where the right side names nobody twice, and otherwise
the same less the true pairs among them; m and the prior from expectation-maximisation
over the candidates of a sample. Where a left row has at most one right row its candidates
compete; otherwise every pair stands alone. Sums run over sorted arrays, and samples are chosen
by hash, so the same tables give the same model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import duckdb
import numpy as np

from matching.keys import RAREST
from matching.linker.chance import Spread, estimate_u
from matching.linker.comparing import HOMES, KIND_LEVELS, NIK_STEPS, RARITY, SAME
from matching.linker.spec import IDENTIFIERS, NAMES, Spec
from warehouse.storage import scalar

# Where learning starts, and what it leans on where data are few (as if seen PRIOR times).
_NAME = (0, 0.02, 0.02, 0.04, 0.08, 0.14, 0.06, 0.64)
_SLIP = (0, 0.14, 0.03, 0.13, 0.70)
START_M: dict[str, tuple[float, ...]] = {
    "person_name": _NAME,
    "company_name": _NAME,
    "text": (0, 0.08, 0.04, 0.06, 0.08, 0.13, 0.05, 0.56),
    "date": (0, 0.03, 0.02, 0.04, 0.03, 0.06, 0.81, 0.01),
    "nik": (0, *(0.25, 0.05, 0.06, 0.34, 0.30) * 4),
    "npwp": _SLIP,
    "identifier": _SLIP,
    "place": (0, 0.12, 0.05, 0.83),
    "number": (0, 0.12, 0.06, 0.82),
    "category": (0, 0.08, 0.92),
    "mother_name": _NAME,
    "sex": (0, 0.02, 0.98),
    "region": (0, 0.10, 0.08, 0.82),
}
PRIOR = 50.0
# Weight of what rows show that their identifier linked, in pairs of the rest.
KNOWN = 300.0
TRAINING = 12_000
ROUNDS = 40


@dataclass
class LinkModel:
    """Parameters of one linkage.

    Attributes:
        rows: right rows.
        one: candidates of a left row compete, for one at most is right.
        m: by comparison, the chance of each level between rows of one thing.
        u: the same between two things.
        common: by comparison and level, how many right rows have what agrees, on the average
            that u stands for.
        found: share of left rows that have a right row (`one`), or of all pairs that are true.
    """

    rows: int
    one: bool
    m: list[np.ndarray]
    u: list[np.ndarray]
    common: list[np.ndarray]
    found: float
    sample: dict[str, int] = field(default_factory=dict)

    @property
    def prior_bits(self) -> float:
        """Bits that a pair's prior adds to its score; 0 where candidates compete."""
        return 0.0 if self.one else math.log2(self.found / (1 - self.found))

    def weights(self, i: int) -> np.ndarray:
        """Give the bits of each level of a comparison, before rarity."""
        bits = np.log2(self.m[i] / self.u[i])
        bits[0] = 0.0
        return np.asarray(bits)

    def level_sql(self, spec: Spec, i: int, level: int) -> str:
        """Give the bits of a level in SQL."""
        weight = float(self.weights(i)[level])
        share = RARITY[spec.compare[i].kind].get(level)
        if share is None:
            return f"{weight:.6f}"
        # Agreement on what everybody has tells nothing, but is not disagreement either.
        least = float(np.log2(self.m[i][level]))
        usual = float(np.log2(self.common[i][level]))
        return (
            f"greatest({least:.6f}, {weight:.6f} + {share}"
            f" * ({usual:.6f} - log2(greatest(f{i}_c, {RAREST}))))"
        )

    def bits_sql(self, spec: Spec, *, without: tuple[str, ...] = ()) -> str:
        """Give the score of a pair of levels in SQL: log2 of the likelihood ratio.

        Args:
            spec: what is compared.
            without: kinds that are left out.
        """
        parts = ["0"]
        for i, item in enumerate(spec.compare):
            if item.kind in without:
                continue
            cases = " ".join(
                f"WHEN {level} THEN {self.level_sql(spec, i, level)}"
                for level in range(1, len(KIND_LEVELS[item.kind]))
            )
            parts.append(f"CASE f{i} {cases} ELSE 0 END")
        return f"({' + '.join(parts)})"

    def told(self, spec: Spec) -> list[dict[str, object]]:
        """Give the parameters as a report shows them."""
        return [
            {
                "columns": item.label,
                "kind": item.kind,
                "levels": [
                    {"level": name, "m": round(float(m), 6), "u": float(f"{u:.3g}"),
                     "bits": round(float(bits), 2)}
                    for name, m, u, bits in zip(
                        KIND_LEVELS[item.kind], self.m[i], self.u[i], self.weights(i), strict=True
                    )
                ][1:],
            }
            for i, item in enumerate(spec.compare)
        ]  # fmt: skip


def _shares(kind: str, seen: np.ndarray) -> np.ndarray:
    """Turn counts of levels into chances that sum to one, by context where there are some."""
    m = seen.astype(float)
    m[0] = 0.0
    step = NIK_STEPS if kind == "nik" else len(m) - 1
    for first in range(1, len(m), step):
        m[first : first + step] /= max(m[first : first + step].sum(), 1e-9)
    return np.maximum(m, 1e-6)


def learn(
    con: duckdb.DuckDBPyConnection,
    spec: Spec,
    compared: str,
    known: list[np.ndarray],
    rows: int,
    sampled: int,
    spread: list[Spread],
    *,
    one: bool,
    dedupe: bool,
    owner_odds: float | None,
) -> LinkModel:
    """Learn m and the prior by expectation-maximisation over the candidates of a sample.

    Args:
        con: the linkage's database.
        spec: what is compared.
        compared: levels of the sample's pairs.
        known: by comparison, how often rows that their identifier linked have each level.
        rows: right rows.
        sampled: left rows in the sample.
        spread: how the values of the right rows are spread.
        one: candidates of a left row compete.
        dedupe: there is one table.
        owner_odds: pairs of one identifier that a name or date vouches for, to one they speak
            against; None where nothing guards an identifier.

    Returns:
        The model.
    """
    u, common, least = estimate_u(con, spec, rows, spread)
    columns = [f"f{i}" for i in range(len(spec.compare))]
    columns += [f"f{i}_c" for i, item in enumerate(spec.compare) if RARITY[item.kind]]
    raw = con.execute(
        f"SELECT dense_rank() OVER (ORDER BY id) - 1 AS record, {', '.join(columns)}"
        f" FROM {compared} ORDER BY id, person_key"
    ).fetchnumpy()
    data = {name: np.asarray(values) for name, values in raw.items()}
    record = data["record"]
    start = np.flatnonzero(np.diff(record, prepend=-1))
    prior = []
    for i, item in enumerate(spec.compare):
        base = _shares(item.kind, known[i] + 20 * np.array(START_M[item.kind]))
        prior.append(base * min(PRIOR + float(known[i].sum()), KNOWN))
    # All pairs there are to choose from, of the sample's rows.
    pairs = max(float(sampled) * rows * (0.5 if dedupe else 1.0), 1.0)
    model = LinkModel(
        rows,
        one,
        [_shares(item.kind, p) for item, p in zip(spec.compare, prior, strict=True)],
        [x.copy() for x in u],
        common,
        0.8 if one else min(0.5, 0.5 / rows),
    )
    for _ in range(ROUNDS):
        bits = np.zeros(len(record))
        for i, item in enumerate(spec.compare):
            if owner_odds is not None and item.kind in IDENTIFIERS:
                _own(model, spec, i, owner_odds)
            bits += _bits(model, item.kind, i, data)
        if one:
            odds = np.exp2(np.clip(bits, -200, 200)) * (model.found / rows)
            rest = np.add.reduceat(odds, start) if len(start) else np.zeros(0)
            share = odds / (rest + 1 - model.found)[record] if len(start) else odds
            found = (share.sum() + 0.8 * 5) / (sampled + 5)
            found = float(np.clip(found, 0.01, 0.9995))
        else:
            odds = np.exp2(np.clip(bits + model.prior_bits, -200, 200))
            share = odds / (1 + odds)
            found = float(np.clip((share.sum() + 0.5) / pairs, 1e-12, 0.5))
        for i, item in enumerate(spec.compare):
            seen = np.bincount(data[f"f{i}"], weights=share, minlength=len(model.m[i]))
            model.m[i] = _shares(item.kind, seen + prior[i])
            if not one:
                model.u[i] = _without_mates(item.kind, u[i], least[i], model.m[i], found, rows)
        done = abs(math.log(found / model.found)) < 1e-5
        model.found = found
        if done:
            break
    for i, item in enumerate(spec.compare):
        if owner_odds is not None and item.kind in IDENTIFIERS:
            _own(model, spec, i, owner_odds)
    model.sample = {"records": sampled, "pairs": len(record)}
    return model


def _bits(model: LinkModel, kind: str, i: int, data: dict[str, np.ndarray]) -> np.ndarray:
    """Give what a comparison adds to each pair's score."""
    levels = data[f"f{i}"]
    bits = model.weights(i)[levels]
    if RARITY[kind]:
        rare = np.log2(np.maximum(np.nan_to_num(data[f"f{i}_c"].astype(float), nan=1.0), RAREST))
        for level, share in RARITY[kind].items():
            here = levels == level
            adjusted = bits[here] + share * (np.log2(model.common[i][level]) - rare[here])
            bits[here] = np.maximum(adjusted, np.log2(model.m[i][level]))
    return np.asarray(bits)


def _without_mates(
    kind: str, u: np.ndarray, least: np.ndarray, m: np.ndarray, found: float, rows: int
) -> np.ndarray:
    """Take out of u the true pairs that random pairs of a table with duplicates hold."""
    corrected = u.copy()
    mates = found * rows
    for level in range(1, len(u)):
        if level in SAME[kind] and kind not in IDENTIFIERS:
            # A value of n rows is one of n / (1 + mates) things.
            corrected[level] = u[level] / (1 + mates)
        else:
            corrected[level] = max((u[level] - found * m[level]) / (1 - found), least[level])
    return corrected


def _own(model: LinkModel, spec: Spec, i: int, owner_odds: float) -> None:
    """Set what an equal identifier weighs that name and date do not vouch for.

    An identifier stands once. How often who carries it is not its owner is known from all
    rows that carry one: the weight makes these the odds before any other value is looked at.
    """
    if model.one:
        bits = math.log2(model.rows * owner_odds * (1 - model.found) / model.found)
    else:
        bits = math.log2(owner_odds) - model.prior_bits
    kind = spec.compare[i].kind
    for context, level in enumerate(SAME[kind]):
        once = 0.0
        for j, item in enumerate(spec.compare):
            # Date and district stand in a NIK: they are not counted a second time.
            if kind == "nik" and (item.kind == "date" and context in (1, 3)):
                once += math.log2(model.rows / model.common[j][6])
            elif kind == "nik" and item.kind in HOMES and context in (2, 3):
                once += math.log2(model.rows / model.common[j][3])
        model.m[i][level] = 0.5
        model.u[i][level] = 0.5 / 2 ** (bits - once)


def sample_known(con: duckdb.DuckDBPyConnection, spec: Spec, levels: str) -> list[np.ndarray]:
    """Count the levels of pairs that their identifier linked.

    Names and dates guard that stage: each is counted where another of them vouches for it.
    """
    guards = [i for i, item in enumerate(spec.compare) if item.kind in (*NAMES[:2], "date")]
    known = []
    for i, item in enumerate(spec.compare):
        seen = np.zeros(len(KIND_LEVELS[item.kind]))
        others = " OR ".join(
            f"f{j} = 6" if spec.compare[j].kind == "date" else f"f{j} >= 5"
            for j in guards
            if j != i
        )
        vouched = (others or "false") if i in guards else "true"
        if item.kind not in IDENTIFIERS and int(scalar(con, f"SELECT count(*) FROM {levels}")):
            for level, n in con.execute(
                f"SELECT f{i}, count(*) FROM {levels} WHERE f{i} > 0 AND ({vouched}) GROUP BY 1"
            ).fetchall():
                seen[level] = n
        known.append(seen)
    return known
