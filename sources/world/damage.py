"""How lists spoil what they say about persons: SQL that turns a true value into a written one.

Belongs here: one expression for each class of error on person columns. Does not belong here:
how often (rates), employers' names and numbers (firm_damage), whole rows (delivery).
"""

from __future__ import annotations

from sources.world.draws import Draws
from sources.world.rates import ErrorRates

# A name's words that are written short, with what they become. The first match counts.
SHORT_FORMS = (
    (
        "(MUHAMMAD|MUHAMAD|MOHAMMAD|MOHAMAD|MOCHAMAD|MOCHAMMAD|MUCHAMAD|MOH|M)",
        ("M.", "MOH.", "MUH.", "MHD.", "MOCH.", "MUHAMAD", "MOHAMMAD", "MUHAMMAD"),
    ),
    ("(AHMAD|ACHMAD|AKHMAD)", ("A.", "AHMAD", "ACHMAD", "AKHMAD", "ACH.")),
    ("ABDUL", ("ABD.", "ABD", "A.", "ABDOEL")),
    ("(SITI|SITTI)", ("ST.", "S.", "SITTI", "STI")),
    ("NUR", ("NOOR", "N.", "NOER")),
    ("WAYAN", ("WYN", "WY.")),
    ("NYOMAN", ("NYM", "NYM.")),
    ("KETUT", ("KT", "KT.")),
    ("MADE", ("MD", "MD.")),
    ("BINTI", ("BT", "BTE", "BINTI")),
    ("BIN", ("B.", "BIN")),
)
SOUNDS = (
    (
        ("SY", "S"), ("F", "P"), ("KH", "H"), ("DH", "D"), ("NN", "N"), ("Z", "J"), ("TH", "T"),
        ("AH ", "A "), ("RR", "R"), ("LL", "L"), ("Q", "K"), ("I", "Y"), ("U", "O"),
    ),
    (
        ("V", "F"), ("MM", "M"), ("P", "F"), ("TI", "TY"), ("SS", "S"), ("C", "K"), ("Y", "I"),
        ("O", "U"), ("D", "DH"), ("H", ""), ("E", "I"), ("A", "AA"),
    ),
)  # fmt: skip
"""Spellings that sound alike, in two orders of trying; the first that changes a name counts."""


class Damage:
    """Damage done by the lists of one group.

    Attributes:
        draws: draws of the world.
        rates: rates of errors.
        group: group of the list.
        dataset: the list, so that two lists err on different rows.
    """

    def __init__(self, draws: Draws, rates: ErrorRates, group: str, dataset: str) -> None:
        self.draws = draws
        self.rates = rates
        self.group = group
        self.dataset = dataset

    def rate(self, error: str, group: str | None = None) -> float:
        """Give the rate of a class in this group, or another one."""
        return self.rates.rate(error, group or self.group)

    def unit(self, key: str, tag: str) -> str:
        """SQL of a draw of this list."""
        return self.draws.unit(key, f"{self.dataset}/{tag}")

    def hits(self, key: str, error: str) -> str:
        """SQL of whether a class of error strikes, apart from all others."""
        return f"{self.unit(key, error)} < {self.rate(error)}"

    def cases(self, key: str, tag: str, value: str, effects: dict[str, str]) -> str:
        """SQL of a value that at most one of several classes of error changes."""
        number, start, branches = self.unit(key, tag), 0.0, []
        for error, effect in effects.items():
            rate = self.rate(error)
            if rate > 0:
                branches.append(
                    f"WHEN {number} >= {start} AND {number} < {start + rate} THEN {effect}"
                )
                start += rate
        return f"CASE {' '.join(branches)} ELSE {value} END" if branches else value

    def nik(self, key: str, nik: str, relative: str) -> str:
        """SQL of a NIK as written.

        The fifth digit is never touched, so that a spoilt NIK is no real person's either.
        """
        place = (
            f"[1,2,3,4,6,7,8,9,10,11,12,13,14,15,16][1 + ({self.bits(key, 'place')} % 15)::INTEGER]"
        )
        pair = f"[1,2,3,6,7,8,9,10,11,12,13,14,15][1 + ({self.bits(key, 'pair')} % 13)::INTEGER]"
        digit = (
            f"((substr({nik}, {place}, 1)::INTEGER + 1 + ({self.bits(key, 'digit')} % 9)::INTEGER)"
            " % 10)::VARCHAR"
        )
        marked = (
            f"CASE ({self.bits(key, 'mark')} % 4)::INTEGER WHEN 0 THEN '''' || {nik} "
            f"WHEN 1 THEN ' ' || {nik} || ' ' WHEN 2 THEN substr({nik}, 1, 6) || ' ' || "
            f"substr({nik}, 7, 6) || ' ' || substr({nik}, 13) ELSE substr({nik}, 1, 2) || '.' || "
            f"substr({nik}, 3, 2) || '.' || substr({nik}, 5, 2) || '.' || substr({nik}, 7) END"
        )
        written = self.cases(
            key,
            "nik",
            nik,
            {
                "nik_missing": "NULL",
                "nik_digit_wrong": f"substr({nik}, 1, {place} - 1) || {digit} || "
                f"substr({nik}, {place} + 1)",
                "nik_digits_swapped": f"substr({nik}, 1, {pair} - 1) || "
                f"substr({nik}, {pair} + 1, 1) || substr({nik}, {pair}, 1) || "
                f"substr({nik}, {pair} + 2)",
                "nik_last_digit_zero": f"left({nik}, 15) || '0'",
                "nik_scientific": f"left({nik}, 1) || '.' || substr({nik}, 2, 5) || 'E+15'",
                "nik_of_relative": f"coalesce({relative}, {nik})",
                "nik_marked": marked,
            },
        )
        return self._unless_thin(key, "NULL", written)

    def _unless_thin(self, key: str, left: str, written: str) -> str:
        """SQL of what a record says, or of what a thin record has left of it."""
        if not self.rate("record_thin"):
            return written
        return f"CASE WHEN {self.hits(key, 'record_thin')} THEN {left} ELSE {written} END"

    def bits(self, key: str, tag: str) -> str:
        """SQL of evenly spread bits of this list."""
        return self.draws.bits(key, f"{self.dataset}/{tag}")

    def typo(self, key: str, text: str) -> str:
        """SQL of a text with one slip of the keyboard past its first letter."""
        at = f"(2 + ({self.bits(key, 'slip')} % greatest(length({text}) - 2, 1))::INTEGER)"
        letter = f"chr(65 + ({self.bits(key, 'letter')} % 26)::INTEGER)"
        return (
            f"CASE ({self.bits(key, 'kind of slip')} % 4)::INTEGER "
            f"WHEN 0 THEN substr({text}, 1, {at} - 1) || substr({text}, {at} + 1) "
            f"WHEN 1 THEN substr({text}, 1, {at} - 1) || {letter} || substr({text}, {at} + 1) "
            f"WHEN 2 THEN substr({text}, 1, {at}) || substr({text}, {at}, 1) || "
            f"substr({text}, {at} + 1) "
            f"ELSE substr({text}, 1, {at} - 1) || substr({text}, {at} + 1, 1) || "
            f"substr({text}, {at}, 1) || substr({text}, {at} + 2) END"
        )

    def _sound(self, key: str, name: str) -> str:
        orders = []
        for pairs in SOUNDS:
            tries = ", ".join(
                f"nullif(left({name}, 1) || replace(substr({name}, 2), '{a}', '{b}'), {name})"
                for a, b in pairs
            )
            orders.append(f"coalesce({tries}, {name})")
        return f"CASE WHEN {self.bits(key, 'sound')} % 2 = 0 THEN {orders[0]} ELSE {orders[1]} END"

    def _shorten(self, key: str, name: str) -> str:
        branches = []
        for pattern, forms in SHORT_FORMS:
            form = self.draws.pick(key, f"{self.dataset}/short", forms)
            branches.append(
                f"WHEN regexp_matches({name}, '\\b{pattern} ') "
                f"THEN regexp_replace({name}, '\\b{pattern} ', {form} || ' ')"
            )
        return f"CASE {' '.join(branches)} ELSE {name} END"

    def name(self, key: str, name: str) -> str:
        """SQL of a person's name as written; `name` must be a plain column."""
        words = f"string_split({name}, ' ')"
        many = f"contains({name}, ' ')"
        dropped = (
            f"CASE WHEN NOT {many} THEN {name} "
            f"WHEN len({words}) > 2 AND {self.bits(key, 'drop')} % 2 = 0 "
            f"THEN array_to_string(list_concat({words}[:1], {words}[3:]), ' ') "
            f"ELSE array_to_string({words}[:-2], ' ') END"
        )
        initial = (
            f"CASE WHEN {many} THEN array_to_string({words}[:-2], ' ') || ' ' || "
            f"left({words}[-1], 1) ELSE {name} END"
        )
        oldened = (
            f"replace(replace(replace(replace({name}, 'J', 'DJ'), 'Y', 'J'), 'C', 'TJ'), 'U', 'OE')"
        )
        split = (
            f"regexp_replace({name}, '(NUR|ABDUL|DWI|TRI|SYAM|SRI|RAHMA|ANDRI|KURNIA|YULI|"
            "[A-Z]{4})([A-Z]{3})', '\\1 \\2')"
        )
        wrong = self.cases(
            key,
            "name",
            name,
            {
                "name_typo": self.typo(key, name),
                "name_phonetic": self._sound(key, name),
                "name_old_spelling": oldened,
                "name_word_dropped": dropped,
                "name_initial": initial,
                "name_merged": f"regexp_replace({name}, ' ', '')",
                "name_split": split,
                "name_order_swapped": f"CASE WHEN {many} THEN {words}[-1] || ' ' || "
                f"array_to_string({words}[:-2], ' ') ELSE {name} END",
            },
        )
        if self.rate("name_abbreviated"):
            # A name that has no such word may err in another way.
            short = (
                f"CASE WHEN {self.hits(key, 'name_abbreviated')} "
                f"THEN {self._shorten(key, name)} END"
            )
            wrong = f"coalesce(nullif({short}, {name}), {wrong})"
        if self.rate("name_truncated"):
            limit = 25 if self.group == "payroll" else 30
            wrong = (
                f"CASE WHEN length({name}) > {limit} AND {self.hits(key, 'name_truncated')} "
                f"THEN rtrim(left({name}, {limit})) ELSE {wrong} END"
            )
        return wrong

    def titled(self, key: str, written: str, sex: str, title: str, degree: str) -> str:
        """SQL of a written name with the person's own title or degree, or a common one."""
        if not self.rate("name_titled"):
            return written
        usual = f"CASE {sex} WHEN 'L' THEN 'H.' ELSE 'HJ.' END"
        hit = self.hits(key, "name_titled")
        return (
            f"CASE WHEN {hit} AND {degree} IS NULL THEN coalesce({title}, {usual}) || ' ' "
            f"ELSE '' END || {written} || CASE WHEN {hit} AND {degree} IS NOT NULL "
            f"THEN ', ' || {degree} ELSE '' END"
        )

    def mother(self, key: str, name: str) -> str:
        """SQL of a mother's name as written; `name` must be a plain column."""
        words = f"string_split({name}, ' ')"
        varied = (
            f"CASE ({self.bits(key, 'mother')} % 5)::INTEGER WHEN 0 THEN 'HJ. ' || {name} "
            f"WHEN 1 THEN {name} || ' (ALMH)' WHEN 2 THEN 'IBU ' || {words}[1] "
            f"WHEN 3 THEN {words}[1] ELSE {self._sound(key, name)} END"
        )
        written = self.cases(
            key, "mother", name, {"mother_missing": "NULL", "mother_varied": varied}
        )
        return self._unless_thin(key, "NULL", written)

    def birth_date(self, key: str, date: str) -> str:
        """SQL of a birth date as written, a DATE."""
        years = f"([-10, -1, -1, 1, 1, 10][1 + ({self.bits(key, 'years')} % 6)::INTEGER])"
        swapped = (
            f"CASE WHEN day({date}) <= 12 THEN make_date(year({date})::INTEGER, "
            f"day({date})::INTEGER, month({date})::INTEGER) ELSE {date} END"
        )
        written = self.cases(
            key,
            "birth date",
            date,
            {
                "birth_date_missing": "NULL::DATE",
                "birth_date_first_january": f"make_date(year({date})::INTEGER, 1, 1)",
                "birth_date_day_month_swapped": swapped,
                "birth_date_year_off": f"({date} + to_years({years}::INTEGER))::DATE",
            },
        )
        return self._unless_thin(key, "NULL::DATE", written)

    def sex(self, key: str, sex: str) -> str:
        """SQL of a sex as written, in the canonical letters."""
        return self.cases(
            key,
            "sex",
            sex,
            {
                "sex_missing": "NULL",
                "sex_wrong": f"CASE {sex} WHEN 'L' THEN 'P' ELSE 'L' END",
                "value_unknown": "'TIDAK DIISI'",
            },
        )

    def region(self, key: str, code: str, former: str, bps: str) -> str:
        """SQL of a region code as written, before any dots."""
        written = self.cases(
            key,
            "region",
            code,
            {
                "region_missing": "NULL",
                "region_former": f"coalesce({former}, {code})",
                "region_bps": bps,
            },
        )
        left = f"CASE WHEN {self.bits(key, 'thin place')} % 2 = 0 THEN {code} END"
        return self._unless_thin(key, left, written)
