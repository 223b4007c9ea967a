"""What the page of the person links shows: reasons, probabilities, and the model.

Belongs here: counts of links and the model's parameters, as tables and charts. Does not
belong here: any single record. What is drawn here goes into the event log, which is not
protected as the warehouse is: counts by dataset and reason, and chances by level.
"""

from typing import Any

import dagster as dg
import duckdb

from assets.metadata import bar_chart, image, markdown_table
from matching.comparison import LEVELS
from matching.keys import NIK_KINDS
from matching.model import Model

# Lower edges of the probability's classes, in millionths: finer where it decides.
EDGES = (0, 10_000, 100_000, 300_000, 500_000, 700_000, 900_000, 990_000, 999_000, 1_000_000)


def reasons(con: duckdb.DuckDBPyConnection, period: str) -> dict[str, dg.MetadataValue]:
    """Count the links by dataset and reason, and draw those that are no links."""
    rows = con.execute(
        "SELECT dataset, status, reason, count(*) FROM linkage.person_links WHERE period = ?"
        " GROUP BY ALL ORDER BY ALL",
        [period],
    ).fetchall()
    chart = bar_chart(
        [
            {"dataset": dataset, "records": records, "reason": reason}
            for dataset, status, reason, records in rows
            if status != "linked"
        ],
        category="dataset",
        value="records",
        series="reason",
        title="Records that are not linked, by reason",
    )
    table = markdown_table(("dataset", "status", "reason", "records"), rows)
    return {"reasons": table} | ({"not_linked": chart} if chart is not None else {})


def probabilities(con: duckdb.DuckDBPyConnection, period: str) -> dict[str, dg.MetadataValue]:
    """Draw how sure the best candidates are that no identifier linked."""
    cases = " ".join(f"WHEN best_candidate_ppm >= {edge} THEN {edge}" for edge in reversed(EDGES))
    rows = con.execute(
        f"SELECT CASE {cases} END AS least, status, count(*) FROM linkage.person_links"
        " WHERE period = ? AND tier IS DISTINCT FROM 'identifier'"
        " AND best_candidate_ppm IS NOT NULL GROUP BY ALL ORDER BY ALL",
        [period],
    ).fetchall()
    chart = bar_chart(
        [
            {"probability": _class(least), "records": records, "status": status}
            for least, status, records in rows
        ],
        category="probability",
        value="records",
        series="status",
        title="Best candidates by probability",
    )
    return {"probabilities": chart} if chart is not None else {}


def _class(least: int) -> str:
    edges = [*EDGES[1:], None]
    most = edges[EDGES.index(least)]
    if most is None:
        return "1"
    return f"{least / 1e6:g} to {most / 1e6:g}"


def weights(model: Model) -> dict[str, dg.MetadataValue]:
    """Draw the match weight of every level, as the model learned it, before rarity."""
    # Slow to load, and not needed before the first chart.
    import altair as alt  # noqa: PLC0415

    rows = [
        {"level": f"{name}: {level}", "bits": round(model.weight(name, number), 2)}
        for name, levels in LEVELS.items()
        for number, level in enumerate(levels)
        if number
    ]
    title = "Match weight by level, in bits"
    chart = (
        alt.Chart(alt.Data(values=rows), title=title, width=320)
        .mark_bar()
        .encode(
            x=alt.X("bits:Q", title="bits"),
            y=alt.Y(
                "level:N",
                sort=None,
                title=None,
                # Without a limit: to measure eighty labels takes as long as to draw them.
                axis=alt.Axis(labelLimit=0, labelFontSize=9),
                scale=alt.Scale(paddingInner=0.2),
            ),
            color=alt.condition("datum.bits > 0", alt.value("#2a7f62"), alt.value("#b5483a")),
        )
        .properties(height=alt.Step(11))
    )
    return {"match_weights": image(chart.to_dict(), title)}


def parameters(model: Model) -> dict[str, Any]:
    """List the model's chances by level, and what it was trained on."""
    rows = [
        (name, level, model.m[name][number], model.u[name][number], model.weight(name, number))
        for name, levels in LEVELS.items()
        for number, level in enumerate(levels)
        if number
    ]
    shares = [(kind, share) for kind, share in zip(NIK_KINDS, model.found, strict=True)]
    return {
        "parameters": markdown_table(
            ("field", "level", "m", "u", "bits"),
            [(f, level, f"{m:.3g}", f"{u:.3g}", f"{bits:+.2f}") for f, level, m, u, bits in rows],
        ),
        "shares_in_register": markdown_table(("records with", "share in register"), shares),
        "model_fingerprint": model.fingerprint,
        "trained_on": markdown_table(("what", "count"), sorted(model.sample.items())),
    }
