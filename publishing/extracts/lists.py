"""Lists of employers and persons, from the restricted warehouse to one recipient's key.

Belongs here: cutting a list of `lists_sql/` to a contract's columns and rows, pseudonyms, and
writing it encrypted. Does not belong here: which lists a contract gives (contracts.py), how
encryption works (publishing/encryption.py), and tables of counts, which come from the release.

Rows pass in batches from the database through the encryption to the disk; no file in clear is
ever made, and the errors of the database, which may quote a row, are told anew.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from publishing.audit import AUDIT_COLUMN
from publishing.encryption import SUFFIX, EncryptedFile, read_keys
from publishing.extracts.contracts import ExtractContract, ExtractTable
from publishing.extracts.folder import MadeList, file_entry
from publishing.extracts.making import ListsOf
from publishing.extracts.recipients import Recipient
from publishing.extracts.wording import label, words
from publishing.pseudonyms import AUDIT, Pseudonyms, forget
from publishing.spreadsheets import SheetColumn, Workbook, disarmed
from warehouse.connection import last_day, set_parameters
from warehouse.errors import CakupanError
from warehouse.home import OWNER_ONLY, Home
from warehouse.inputs import create_inputs
from warehouse.settings import Settings
from warehouse.storage import literal, quote

BATCH = 50_000
"""Rows held at a time."""

XLSX_ROWS = 50_000
"""Longest list that is also written as a workbook; a workbook is held in memory whole."""

VERSION = "1"
"""Of how lists are written; with another one they are written anew."""

NO_KEY = "kunci penerima belum ditetapkan"
NO_DATA = "belum ada data untuk daftar ini"


@dataclass(frozen=True)
class Written:
    """One list as it was written.

    Attributes:
        rows: rows of the list.
        files: the encrypted files.
        index: file that says which persons are in it, by pseudonym; None without persons.
    """

    rows: int
    files: tuple[MadeList, ...]
    index: Path | None


class ListWriter:
    """Writes the lists of a period; made for one command, then closed.

    Args:
        con: the restricted warehouse, read-only.
        home: where encrypted files are staged.
        settings: recipients' keys and the secret of the pseudonyms.
        period: the month.

    Raises:
        UsageError: keys are set but no secret is.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, home: Home, settings: Settings, period: str
    ) -> None:
        self.con = con
        self.settings = settings
        self.period = period
        self.pseudonyms = Pseudonyms.load(settings)
        self.staging = home.path / "extracts" / ".lists" / uuid.uuid4().hex[:12]
        self.indexes: dict[str, list[tuple[str, Path]]] = {}
        set_parameters(con, settings, period)
        create_inputs(con, period)

    def __enter__(self) -> ListWriter:
        # What a killed run staged is of no use; the caller holds the lock, so nobody is at work.
        shutil.rmtree(self.staging.parent, ignore_errors=True)
        self.staging.mkdir(parents=True, mode=OWNER_ONLY)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.staging, ignore_errors=True)

    def make(self, wanted: Sequence[tuple[ExtractContract, Recipient]]) -> Mapping[str, ListsOf]:
        """Make the lists of some recipients.

        Returns:
            By recipient key, what was made and what was withheld. A list whose recipient has
            no key is withheld, never written in clear.

        Raises:
            UsageError: a key is no public key of age.
            CakupanError: the database or the disk failed; nothing is left behind.
        """
        outcome = {}
        for contract, recipient in wanted:
            made: list[MadeList] = []
            withheld: list[tuple[str, str]] = []
            for table in contract.lists:
                if not self.settings.extracts.recipient_keys.get(recipient.key):
                    withheld.append((table.name, NO_KEY))
                    continue
                written = self.write(contract, table, recipient)
                if written is None:
                    withheld.append((table.name, NO_DATA))
                    continue
                made += written.files
                if written.index is not None:
                    self.indexes.setdefault(recipient.key, []).append((table.name, written.index))
            outcome[recipient.key] = ListsOf(tuple(made), tuple(withheld))
        return outcome

    def write(
        self, contract: ExtractContract, table: ExtractTable, recipient: Recipient
    ) -> Written | None:
        """Write one list, encrypted to the recipient's key.

        Returns:
            What was written; None where the warehouse does not have what the list needs.

        Raises:
            UsageError: the recipient has no key, or a bad one.
            CakupanError: the database or the disk failed; nothing is left behind.
        """
        keys = read_keys(
            self.settings.extracts.recipient_keys.get(recipient.key, ()), recipient.key
        )
        fault = ""
        try:
            return self._write(contract, table, recipient, keys)
        except duckdb.CatalogException:
            return None
        except duckdb.Error as error:
            fault = type(error).__name__
        except OSError as error:
            fault = error.strerror or type(error).__name__
        finally:
            forget(self.con, "recipient", "audit")
        raise CakupanError(
            f"list {table.name} of recipient {recipient.key} could not be made ({fault}); "
            "nothing of it was kept. Check the free space and that the period was run by this "
            "version, then run the command again."
        )

    def _write(
        self,
        contract: ExtractContract,
        table: ExtractTable,
        recipient: Recipient,
        keys: Sequence[Any],
    ) -> Written:
        folder = self.staging / recipient.key.replace("/", "-")
        folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        names = [column.name for column in table.columns]
        reader = self.con.execute(self._query(contract, table, recipient)).to_arrow_reader(BATCH)
        schema = pa.schema([reader.schema.field(name) for name in names])
        csv, parquet = (folder / f"{table.name}.{form}{SUFFIX}" for form in ("csv", "parquet"))
        index = (
            folder / f"{table.name}.index.parquet" if AUDIT_COLUMN in reader.schema.names else None
        )
        kept: list[pa.RecordBatch] | None = []
        rows = 0
        with ExitStack() as stack:
            csv_file = stack.enter_context(EncryptedFile(csv, keys))
            parquet_file = stack.enter_context(EncryptedFile(parquet, keys))
            as_csv = stack.enter_context(
                pa_csv.CSVWriter(
                    csv_file, schema, write_options=pa_csv.WriteOptions(quoting_style="needed")
                )
            )
            as_parquet = stack.enter_context(
                pq.ParquetWriter(parquet_file, schema, compression="zstd")
            )
            as_index = (
                stack.enter_context(
                    pq.ParquetWriter(
                        index,
                        pa.schema([(AUDIT_COLUMN, pa.string()), ("pseudonym", pa.string())]),
                        compression="zstd",
                    )
                )
                if index
                else None
            )
            for batch in reader:
                rows += batch.num_rows
                given = batch.select(names)
                as_csv.write_table(disarmed(pa.Table.from_batches([given])))
                as_parquet.write_batch(given)
                if as_index:
                    as_index.write_batch(batch.select([AUDIT_COLUMN, "pseudonym"]))
                if kept is not None:
                    kept = [*kept, given] if rows <= XLSX_ROWS else None
        made = [self._made(csv, table, "csv", rows), self._made(parquet, table, "parquet", rows)]
        if kept is not None:
            book = folder / f"{table.name}.xlsx{SUFFIX}"
            data = pa.Table.from_batches(kept, schema)
            with EncryptedFile(book, keys) as target:
                target.write(_workbook(table, recipient, self.period, data))
            made.insert(0, self._made(book, table, "xlsx", rows))
        return Written(rows, tuple(made), index)

    def _made(self, path: Path, table: ExtractTable, form: str, rows: int) -> MadeList:
        return MadeList(path, file_entry(path, table.name, form, rows, table.level, encrypted=True))

    def _query(self, contract: ExtractContract, table: ExtractTable, recipient: Recipient) -> str:
        sql = (
            files("publishing.extracts")
            .joinpath("lists_sql", f"{table.name}.sql")
            .read_text("utf-8")
        )
        columns = []
        for column in table.columns:
            if column.name == "pseudonym":
                made = self.pseudonyms.sql(self.con, recipient.key, "person_ref", "recipient")
                columns.append(f"{made} AS pseudonym")
            else:
                columns.append(quote(column.name))
        if any(column.name == "pseudonym" for column in table.columns):
            audit = self.pseudonyms.sql(self.con, AUDIT, "person_ref", "audit")
            columns.append(f"{audit} AS {AUDIT_COLUMN}")
        where = [
            condition
            for name in table.rows
            for condition in _condition(
                contract, recipient, name, employers=table.level == "employer"
            )
        ]
        return f"SELECT {', '.join(columns)} FROM ({sql}) WHERE {' AND '.join(where) or 'true'}"


def list_state(settings: Settings) -> Callable[[ExtractContract, Recipient], str]:
    """Give what tells whether the lists of a recipient would be other than before.

    The data themselves are not in it: lists belong to a publication as its tables do, and a
    publication whose data have changed is another publication.
    """

    def state(contract: ExtractContract, recipient: Recipient) -> str:
        keys = settings.extracts.recipient_keys.get(recipient.key, ())
        if not contract.lists or not keys:
            return ""
        return hashlib.sha256("\n".join([VERSION, *keys]).encode()).hexdigest()

    return state


def _condition(
    contract: ExtractContract, recipient: Recipient, name: str, *, employers: bool
) -> Iterator[str]:
    if name in ("region", "province"):
        code = recipient.region_code if name == "region" else recipient.province_code
        column = "regency_code" if employers else "region_code"
        yield f"left({column}, {len(code)}) = {literal(code)}"
        return
    column, values = {
        "sector": ("sector_code", contract.sectors),
        "clause": ("clause", contract.clauses),
        "dataset": ("dataset", contract.datasets),
    }[name]
    yield f"{column} IN ({', '.join(map(literal, values)) or 'NULL'})"


def _workbook(table: ExtractTable, recipient: Recipient, period: str, data: pa.Table) -> bytes:
    buffer = io.BytesIO()
    made = last_day(period)
    book = Workbook(buffer, title=f"{table.title} — {recipient.title}", author="Cakupan",
                    made=dt.datetime.combine(made, dt.time()))  # fmt: skip
    sheet = book.sheet(table.title[:31], landscape=True)
    columns = [SheetColumn(c.name, label(c), c.kind, words(c.name)) for c in table.columns]
    row = book.banner(
        sheet, table.title, f"{recipient.title} · {period} · {table.purpose}", len(columns)
    )
    book.table(sheet, row, columns, data, frozen=1)
    book.close()
    return buffer.getvalue()
