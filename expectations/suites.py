"""Suites that follow from the contracts: what is expected of every conformed delivery.

Belongs here: which checks a contract implies, with their limits and severities. Does not
belong here: expectations across tables (cross.py), or how checks are computed.

Critical is what conforming promises or what makes a month useless: keys, names, closed
values, the balance, a delivery that is mostly set aside. All else is a warning: data of a
provider that is poor but true must not keep a month from being published.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from expectations import judging
from expectations.checks import Check, Severity
from sources.conforming import flag_reasons
from sources.conforming.codes import UNKNOWN_REGION
from sources.contracts import Contract, ContractColumn
from warehouse.connection import last_day

COUNTS_TABLE = "conformed.counts"


@dataclass(frozen=True)
class Limits:
    """Limits of the checks, as shares of rows.

    Attributes:
        quarantined: more of a delivery set aside blocks.
        quarantined_warning: more of a delivery set aside is told.
        usable_nik: fewer records with a usable NIK are told.
        known_region: fewer records with a known region are told.
        read: fewer rows free of one kind of unreadable cell are told.
        dates_readable: fewer rows free of unreadable dates block.
        agrees: fewer rows whose NIK agrees with the other columns are told; a NIK is never
            changed when a birth date is corrected, so some differ rightly.
        serials_not_zero: fewer NIKs whose last digit is not 0 are told: one in ten ends in 0
            by chance, more where a spreadsheet kept fifteen digits (domain: transport).
        enough_niks: NIKs below which their last digits tell nothing.
        filled: fewer rows with a value where the contract requires the header are told.
    """

    quarantined: float = 0.20
    quarantined_warning: float = 0.05
    usable_nik: float = 0.70
    known_region: float = 0.90
    read: float = 0.95
    dates_readable: float = 0.70
    agrees: float = 0.85
    serials_not_zero: float = 0.85
    enough_niks: int = 500
    filled: float = 0.80


LIMITS = Limits()
"""Limits of every contract that has none of its own below."""

OWN_LIMITS: dict[str, Limits] = {
    # Owners give their NIK in few of the business registers.
    "sme_businesses": Limits(usable_nik=0.50),
}
"""Limits of single contracts, by key."""

FLAGS_TOLD = (
    "UNKNOWN_VALUE",
    "BAD_DATE",
    "TWO_DIGIT_YEAR",
    "BAD_NUMBER",
    "NPWP_INVALID",
    "NIB_INVALID",
    "UNKNOWN_KBLI",
    "NIK_BIRTH_DATE_DIFFERS",
    "NIK_SEX_DIFFERS",
)
"""Flags whose share is watched, where the contract can have them."""

_SPANS = (("started_on", "ended_on"), ("registered_on", "ended_on"), ("starts_on", "ends_on"))
_DIGITS = {"nik": 16, "npwp": 16, "nib": 13}


def suite(contract: Contract, period: str, limits: Limits | None = None) -> tuple[Check, ...]:
    """Give the checks of a contract.

    Args:
        contract: the dataset's contract.
        period: the delivery's month; dates are held against its last day.
        limits: other limits than `OWN_LIMITS` and `LIMITS` say.

    Returns:
        Checks with unique names: of the conformed table, then of its counts.
    """
    return _Suite(contract, period, limits or OWN_LIMITS.get(contract.key, LIMITS)).checks()


def check_names(contract: Contract) -> tuple[str, ...]:
    """Give the names of a contract's checks, without computing or importing anything."""
    return tuple(check.name for check in suite(contract, "2000-01"))


def suite_json(contract: Contract, period: str) -> dict[str, Any]:
    """Give a contract's suite as Great Expectations JSON (`to_json_dict`)."""
    return judging.suite_json(f"conformed.{contract.key}", suite(contract, period))


class _Suite:
    """Builds the checks of one contract."""

    def __init__(self, contract: Contract, period: str, limits: Limits) -> None:
        self.contract = contract
        self.limits = limits
        self.as_of = last_day(period)
        self.table = f"conformed.{contract.key}"
        self.found: list[Check] = []

    def checks(self) -> tuple[Check, ...]:
        contract = self.contract
        if not contract.allow_empty:
            self._add(
                "rows", "expect_table_row_count_to_be_between", None, "critical",
                "Ada baris yang diterima", "Some rows are accepted", min_value=1,
            )  # fmt: skip
        for name in dict.fromkeys(("record_id", contract.key_column.name)):
            self._add(
                f"{name}_present", "expect_column_values_to_not_be_null", name, "critical",
                "Kunci catatan terisi", "The key of the record is there",
            )  # fmt: skip
        self._add(
            "record_id_unique", "expect_column_values_to_be_unique", "record_id", "critical",
            "Setiap kunci hanya sekali", "Every key comes once",
        )  # fmt: skip
        for column in contract.columns:
            self._column(column)
        for first, last in _SPANS:
            if contract.column(first) and contract.column(last):
                self._add(
                    f"{last}_not_before_{first}",
                    "expect_column_pair_values_a_to_be_greater_than_b", None, "warning",
                    "Tanggal akhir tidak mendahului tanggal mulai",
                    "The last day does not come before the first",
                    subject=f"{last}, {first}", column_A=last, column_B=first, or_equal=True,
                    mostly=self.limits.read, ignore_row_if="either_value_is_missing",
                )  # fmt: skip
        self._flags()
        self._counts()
        return tuple(self.found)

    def _column(self, column: ContractColumn) -> None:
        name, limits = column.name, self.limits
        if column.is_name:
            self._add(
                f"{name}_present", "expect_column_values_to_not_be_null", name, "critical",
                "Nama terisi", "The name is there",
            )  # fmt: skip
        elif column.required and not column.is_key:
            self._add(
                f"{name}_filled", "expect_column_values_to_not_be_null", name, "warning",
                "Kolom wajib umumnya terisi", "A required column is mostly filled",
                mostly=limits.filled,
            )  # fmt: skip
        if column.kind in _DIGITS:
            self._add(
                f"{name}_form", "expect_column_values_to_match_regex", name, "critical",
                "Bentuk baku nomor", "The number is in canonical form",
                regex=f"^[0-9]{{{_DIGITS[column.kind]}}}$",
            )  # fmt: skip
        if column.kind == "nik":
            self._nik(column)
        if column.kind == "vocabulary" and column.vocabulary is not None:
            self._add(
                f"{name}_in_vocabulary", "expect_column_values_to_be_in_set", name, "critical",
                "Nilai ada dalam daftar", "The value is in the list",
                value_set=list(column.vocabulary.values),
            )  # fmt: skip
        if column.kind == "list" and column.vocabulary is not None:
            values = "|".join(re.escape(value) for value in column.vocabulary.values)
            self._add(
                f"{name}_in_vocabulary", "expect_column_values_to_match_regex", name, "critical",
                "Setiap nilai ada dalam daftar", "Every value is in the list",
                regex=f"^({values})(,({values}))*$",
            )  # fmt: skip
        if column.kind == "region":
            self._add(
                f"{name}_form", "expect_column_values_to_match_regex", name, "critical",
                "Kode wilayah empat digit", "Region codes have four digits", regex="^[0-9]{4}$",
            )  # fmt: skip
            self._add(
                f"{name}_known", "expect_column_values_to_not_be_in_set", name, "warning",
                "Wilayah umumnya dikenal", "The region is mostly known",
                value_set=[UNKNOWN_REGION], mostly=limits.known_region,
            )  # fmt: skip
        if name == "birth_date":
            self._add(
                f"{name}_possible", "expect_column_values_to_be_between", name, "critical",
                "Tanggal lahir masuk akal", "The birth date is possible",
                min_value=f"{self.as_of.year - 121}-01-01", max_value=self.as_of.isoformat(),
            )  # fmt: skip
        if column.kind in ("money", "integer"):
            self._add(
                f"{name}_not_negative", "expect_column_values_to_be_between", name, "critical",
                "Bilangan tidak negatif", "The number is not negative", min_value=0,
            )  # fmt: skip

    def _nik(self, column: ContractColumn) -> None:
        name = column.name
        if not column.is_key:
            self._add(
                f"{name}_usable", "expect_column_values_to_not_be_null", name, "warning",
                "Cukup banyak catatan memiliki NIK yang sah",
                "Enough records have a usable NIK", mostly=self.limits.usable_nik,
            )  # fmt: skip
        self._add(
            f"{name}_last_digit", "expect_column_values_to_not_match_regex", name, "warning",
            "Digit terakhir NIK tidak dirusak lembar kerja (terlalu banyak berakhir 0)",
            "No spreadsheet has spoilt the last digit of NIKs (too many end in 0)",
            min_evaluated=self.limits.enough_niks, regex="0$", mostly=self.limits.serials_not_zero,
        )  # fmt: skip

    def _flags(self) -> None:
        possible = flag_reasons(self.contract)
        for code in FLAGS_TOLD:
            if code in possible:
                self._add(
                    f"few_{code.lower()}", "expect_column_values_to_not_match_regex", "flags",
                    "warning", f"Sel dengan tanda {code} hanya sedikit",
                    f"Few rows carry the flag {code}",
                    subject=f"flags: {code}", regex=rf"(^|,){code}(,|$)", mostly=self._few(code),
                )  # fmt: skip
        if "BAD_DATE" in possible:
            # Where day and month have changed places, three dates of five cannot be read, and
            # the others are read wrong (fault 22).
            self._add(
                "dates_readable", "expect_column_values_to_not_match_regex", "flags", "critical",
                "Tanggal dapat dibaca menurut kontrak (urutan hari dan bulan tidak tertukar)",
                "Dates can be read as the contract says (day and month have not changed places)",
                subject="flags: BAD_DATE, most", regex="(^|,)BAD_DATE(,|$)",
                mostly=self.limits.dates_readable,
            )  # fmt: skip

    def _few(self, code: str) -> float:
        """Share of rows that must be free of a flag."""
        return self.limits.agrees if code.endswith("_DIFFERS") else self.limits.read

    def _counts(self) -> None:
        limits = self.limits
        self._add(
            "counted", "expect_table_row_count_to_be_between", None, "critical",
            "Kiriman dicatat sekali dalam neraca baris", "The delivery is counted, once",
            table=COUNTS_TABLE, min_value=1, max_value=1,
        )  # fmt: skip
        self._add(
            "balance", "expect_column_pair_values_to_be_equal", None, "critical",
            "Dikirim = diterima + dikarantina + kembar",
            "Delivered = accepted + quarantined + duplicates",
            table=COUNTS_TABLE, subject="delivered, accounted",
            column_A="delivered", column_B="accounted",
        )  # fmt: skip
        severities: tuple[tuple[str, Severity, float], ...] = (
            ("quarantined_share", "critical", limits.quarantined),
            ("quarantined_share_warning", "warning", limits.quarantined_warning),
        )
        for name, severity, limit in severities:
            self._add(
                name, "expect_column_values_to_be_between", "quarantined_share", severity,
                f"Yang dikarantina tidak lebih dari {limit:.0%}",
                f"No more than {limit:.0%} is quarantined",
                table=COUNTS_TABLE, subject=name, min_value=0, max_value=limit,
            )  # fmt: skip
        self._add(
            "accepted_rows", "expect_column_pair_values_to_be_equal", None, "critical",
            "Jumlah baris tabel sama dengan yang dicatat diterima",
            "The table has as many rows as were counted as accepted",
            table=COUNTS_TABLE, subject="accepted, conformed_rows",
            column_A="accepted", column_B="conformed_rows",
        )  # fmt: skip

    def _add(
        self, name: str, expectation: str, column: str | None, severity: Severity,
        in_indonesian: str, in_english: str, *, table: str = "", subject: str = "",
        min_evaluated: int = 0, **kwargs: Any,
    ) -> None:  # fmt: skip
        self.found.append(
            Check(
                name=name,
                table=table or self.table,
                expectation=expectation,
                column=column,
                severity=severity,
                id=in_indonesian,
                en=in_english,
                kwargs=kwargs,
                subject=subject,
                min_evaluated=min_evaluated,
            )
        )
