"""What a linkage is told: the specification, checked when it is read.

Belongs here: the fields of a specification file and errors that name the place in it. Does
not belong here: whether the tables have the columns (tables.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from warehouse.errors import UsageError

Kind = Literal[
    "nik",
    "npwp",
    "identifier",
    "person_name",
    "company_name",
    "date",
    "place",
    "text",
    "number",
    "category",
    "mother_name",
    "sex",
    "region",
]
Cardinality = Literal["one_to_one", "many_to_one", "one_to_many", "many_to_many"]

_SHIPPED = Path(__file__).with_name("specs")

NAMES = ("person_name", "company_name", "text", "mother_name")
IDENTIFIERS = ("nik", "npwp", "identifier")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Columns = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    BeforeValidator(_listed),
    Field(min_length=1),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Side(_Part):
    """One of the two tables.

    Attributes:
        id: the column that tells its rows apart.
    """

    id: str = Field(min_length=1)


class Comparison(_Part):
    """One thing that is compared.

    Attributes:
        column: a column of the same name on both sides.
        columns: several of them that make one value together, such as a name in two columns.
        left: column or columns of the left side.
        right: the same of the right side.
        kind: what the values are.
        format: of a date as text, by the signs of strptime; ISO 8601 where left out.
        optional: a column that a table lacks is missing in all its rows, and no error.
    """

    column: str | None = Field(None, min_length=1)
    columns: Columns | None = None
    left: Columns | None = None
    right: Columns | None = None
    kind: Kind
    format: str | None = Field(None, min_length=2)
    optional: bool = False

    @model_validator(mode="after")
    def _whose(self) -> Self:
        if (self.left is None) != (self.right is None):
            raise ValueError("`left` and `right` go together")
        if sum(part is not None for part in (self.column, self.columns, self.left)) != 1:
            raise ValueError("give one of `column`, `columns`, or `left` with `right`")
        if self.format is not None and self.kind != "date":
            raise ValueError("`format` is for kind date")
        if self.kind in ("date", "number") and max(len(self.of("l")), len(self.of("r"))) > 1:
            raise ValueError(f"kind {self.kind} takes one column")
        return self

    def of(self, side: str) -> tuple[str, ...]:
        """Give the columns of side `l` or `r`."""
        if self.column is not None:
            return (self.column,)
        if self.columns is not None:
            return self.columns
        return (self.left if side == "l" else self.right) or ()

    @property
    def label(self) -> str:
        """What reports call it: its columns."""
        left, right = "+".join(self.of("l")), "+".join(self.of("r"))
        return left if left == right else f"{left}={right}"

    def named(self, name: str) -> bool:
        """Tell whether a blocking rule means this by a name: a column of it, or its kind."""
        return name in (*self.of("l"), *self.of("r"))


class Thresholds(_Part):
    """From which probability on a pair is a link, and from which it is looked at."""

    accept: float = Field(0.9, gt=0.5, lt=1)
    review: float = Field(0.5, gt=0, lt=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.review > self.accept:
            raise ValueError("`review` is not above `accept`")
        return self


class Spec(_Part):
    """A linkage specification.

    Attributes:
        left: the left table's identifier.
        right: the right table's.
        cardinality: how many rows of the one side are one of the other's.
        compare: what is compared.
        blocking: rules, each a list of columns or kinds that must agree; left out, the rules
            follow from what is compared and how common its values are.
        thresholds: see `Thresholds`.
        stages: what links: `general`, or the pipeline's own linkage of `persons` or `employers`;
            left out, `persons` where the specification is of that shape.
    """

    left: Side
    right: Side
    cardinality: Cardinality
    compare: tuple[Comparison, ...] = Field(min_length=1, max_length=24)
    blocking: tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...] | None = None
    thresholds: Thresholds = Thresholds()
    stages: Literal["general", "persons", "employers"] | None = None

    @field_validator("blocking", mode="before")
    @classmethod
    def _rules(cls, value: Any) -> Any:
        return [_listed(rule) for rule in value] if isinstance(value, list) else value

    @model_validator(mode="after")
    def _known(self) -> Self:
        for number in range(len(self.blocking or ())):
            self.rule(number)
        return self

    def rule(self, number: int) -> tuple[int, ...]:
        """Give the numbers of the comparisons that a blocking rule names.

        Raises:
            ValueError: a name is none of them, or several.
        """
        found = []
        for name in (self.blocking or ())[number]:
            fits = [i for i, item in enumerate(self.compare) if item.named(name)]
            fits = fits or [i for i, item in enumerate(self.compare) if item.kind == name]
            if len(fits) != 1:
                known = ", ".join(dict.fromkeys(c for i in self.compare for c in i.of("l")))
                what = "several comparisons; name a column" if fits else "nothing that is compared"
                raise ValueError(f"blocking[{number}]: {name!r} is {what} (columns: {known})")
            found.append(fits[0])
        return tuple(dict.fromkeys(found))


class _Loader(yaml.SafeLoader):
    """Reads YAML, and takes a key that stands twice for a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def shipped_specs() -> tuple[str, ...]:
    """Give the names of the specifications that the project ships."""
    return tuple(sorted(file.stem for file in _SHIPPED.glob("*.yaml")))


def read_spec(file: Path) -> Spec:
    """Read and check a specification file.

    A name of a shipped specification does for a file, unless there is a file of that name.

    Raises:
        UsageError: there is no such file, it is no YAML, or something in it is wrong; the
            message names every wrong place.
    """
    if str(file) in shipped_specs() and not file.exists():
        file = _SHIPPED / f"{file}.yaml"
    try:
        raw = yaml.load(file.read_text("utf-8-sig"), _Loader)  # noqa: S506 (a safe loader)
    except FileNotFoundError:
        raise UsageError(
            f"there is no specification {file}; name a YAML file, or one of those shipped: "
            f"{', '.join(shipped_specs())}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read as UTF-8 text ({type(error).__name__})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not valid"
        raise UsageError(f"{file}: no valid YAML{place}: {problem}") from None
    if not isinstance(raw, dict):
        raise UsageError(f"{file}: a specification has the keys left, right, cardinality, compare")
    try:
        return Spec.model_validate(raw)
    except ValidationError as error:
        found = error.errors()
    # Where items of a list are wrong, that too few are right is no news.
    lists = {problem["loc"][0] for problem in found if len(problem["loc"]) > 1}
    problems = "; ".join(
        _told(problem)
        for problem in found
        if problem["type"] != "too_short"
        or len(problem["loc"]) > 1
        or lists.isdisjoint(problem["loc"])
    )
    raise UsageError(f"{file}: {problems}")


def _told(problem: Any) -> str:
    """Tell one problem of a specification with its place."""
    place = ""
    for part in problem["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f"{'.' if place else ''}{part}"
    said = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "missing":
        said = "is missing"
    elif problem["type"] == "extra_forbidden":
        said = "is not known here"
    elif problem["type"] in ("model_type", "dict_type"):
        said = "is no mapping; write its keys and values between { and }"
    elif problem["type"] == "literal_error":
        given = problem["input"]
        said = f"{given!r} is not one of {problem['ctx']['expected'].replace(' or ', ', ')}"
    return f"{place}: {said}" if place else said
