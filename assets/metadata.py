"""What the Dagster pages show of a table: columns, counts, small tables and charts.

Belongs here: turning contracts and table specifications into column schemas, and aggregates
into Markdown. Does not belong here: any figure about a single person; what is drawn here
goes into the event log, which is not protected as the warehouse is.
"""

import base64
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from sources.contracts import Contract
from warehouse.tables import TableSpec

_LANDING_EXTRA = (
    ("period", "VARCHAR", "month of the delivery"),
    ("delivery_version", "INTEGER", "version of the delivery"),
    ("file", "VARCHAR", "file the row came in"),
    ("row_number", "BIGINT", "number of the row in its file, 1 is the first row of data"),
)
_CONFORMED_EXTRA = (
    ("period", "VARCHAR", "month of the delivery"),
    ("delivery_version", "INTEGER", "version of the delivery"),
    ("record_id", "VARCHAR", "key of the row"),
    ("flags", "VARCHAR[]", "reason codes of cells kept as missing or doubtful"),
    ("row_hash", "UBIGINT", "hash of the canonical content"),
    ("file", "VARCHAR", "file the row came in"),
    ("row_number", "BIGINT", "number of the row in its file"),
)


def landing_columns(contract: Contract) -> dg.TableSchema:
    """Give the columns of a landing table: all as text, as delivered."""
    return _schema(
        [(c.name, "VARCHAR", c.comment, c.required, c.pii) for c in contract.columns],
        _LANDING_EXTRA,
    )


def conformed_columns(contract: Contract) -> dg.TableSchema:
    """Give the columns of a conformed table, with canonical types."""
    return _schema(
        [(c.name, c.sql_type, c.comment, c.is_key or c.is_name, c.pii) for c in contract.columns],
        _CONFORMED_EXTRA,
    )


def table_columns(spec: TableSpec) -> dg.TableSchema:
    """Give the columns of a specified table."""
    return _schema(
        [(c.name, c.sql_type, c.comment, c.name in spec.grain, c.pii) for c in spec.meanings], ()
    )


def _schema(
    columns: Iterable[tuple[str, str, str, bool, str]], extra: Sequence[tuple[str, str, str]]
) -> dg.TableSchema:
    listed = [
        dg.TableColumn(
            name=name,
            type=kind,
            description=comment,
            constraints=dg.TableColumnConstraints(nullable=not required),
            tags={} if pii == "none" else {"personal_data": pii},
        )
        for name, kind, comment, required, pii in columns
    ]
    named = {column.name for column in listed}
    listed += [
        dg.TableColumn(name=name, type=kind, description=comment)
        for name, kind, comment in extra
        if name not in named
    ]
    return dg.TableSchema(columns=listed)


def definition_metadata(table: str, schema: dg.TableSchema) -> dict[str, Any]:
    """Give what is known of a table before any run."""
    return {"dagster/column_schema": schema, "dagster/table_name": table}


def rows_metadata(total: int | None = None, of_partition: int | None = None) -> dict[str, Any]:
    """Give row counts under the names that Dagster's pages know."""
    counts = {"dagster/row_count": total, "dagster/partition_row_count": of_partition}
    return {
        name: dg.MetadataValue.int(count) for name, count in counts.items() if count is not None
    }


def tags_of(contract: Contract) -> dict[str, str]:
    """Give the tags by which a dataset's assets are found in the pages."""
    return {"entity_kind": contract.kind, "clauses": "_".join(contract.clauses)}


def counts_metadata(counts: Mapping[str, int | str | None]) -> dict[str, Any]:
    """Give counts and states as metadata; what is not known is left out."""
    return {name: value for name, value in counts.items() if value is not None}


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> dg.MetadataValue:
    """Give a small table; numbers stand right."""
    listed = [list(row) for row in rows]
    numeric = [
        bool(listed) and all(isinstance(row[i], int | float) for row in listed)
        for i in range(len(header))
    ]
    lines = [
        "| " + " | ".join(header) + " |",
        "|" + "|".join("--:" if right else ":--" for right in numeric) + "|",
    ]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in listed]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value).replace("|", "\\|").replace("\n", " ")


def bar_chart(
    rows: Sequence[Mapping[str, object]], *, category: str, value: str, series: str, title: str
) -> dg.MetadataValue | None:
    """Draw a stacked bar chart as an image within Markdown.

    Args:
        rows: one mapping for each bar segment: aggregates only.
        category: key of the bars.
        value: key of the lengths.
        series: key of the segments.
        title: what the chart shows.

    Returns:
        The image, or None where there is nothing to draw.
    """
    if not rows:
        return None
    # Slow to load, and not needed before the first chart.
    import altair as alt  # noqa: PLC0415

    chart = (
        alt.Chart(alt.Data(values=[dict(row) for row in rows]), title=title, width=420)
        .mark_bar()
        .encode(
            x=alt.X(f"{value}:Q", stack="zero", title=value),
            y=alt.Y(f"{category}:N", sort=None, title=None),
            color=alt.Color(f"{series}:N", title=series),
        )
    )
    return image(chart.to_dict(), title)


def image(spec: Mapping[str, Any], title: str) -> dg.MetadataValue:
    """Draw a Vega-Lite chart as an image within Markdown."""
    import vl_convert  # noqa: PLC0415

    drawn = base64.b64encode(_smaller(vl_convert.vegalite_to_png(dict(spec), scale=1))).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{drawn})")


def _smaller(png: bytes) -> bytes:
    """Pack the pixels of a PNG as tightly as can be: an eighth of what the drawing takes."""
    kept, pixels, at = [], b"", 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        if kind == b"IDAT":
            pixels += png[at + 8 : at + 8 + size]
        elif kind in {b"IHDR", b"PLTE", b"tRNS"}:
            kept.append(png[at : at + 12 + size])
        at += 12 + size
    packed = b"IDAT" + zlib.compress(zlib.decompress(pixels), 9)
    image_data = struct.pack(">I", len(packed) - 4) + packed + struct.pack(">I", zlib.crc32(packed))
    end = b"IEND"
    return b"".join(
        [
            png[:8],
            *kept,
            image_data,
            struct.pack(">I", 0) + end + struct.pack(">I", zlib.crc32(end)),
        ]
    )
