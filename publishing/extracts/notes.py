"""What an extract says about its figures: definitions, cautions, and LAMPIRAN.md.

Belongs here: putting the texts of `notes.yaml` and the facts of one extract together, once for
the workbook and the page. Does not belong here: the definitions themselves
(docs/definitions.md), which these texts tell in short.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import yaml

from publishing.extracts.contracts import ExtractContract
from publishing.extracts.recipients import Recipient
from publishing.extracts.wording import day, label, month

_TEXTS = yaml.safe_load(files("publishing.extracts").joinpath("notes.yaml").read_text("utf-8"))
DEFINITIONS = tuple((entry["term"], entry["text"]) for entry in _TEXTS["definitions"])
CAUTIONS = tuple(_TEXTS["cautions"])
VERIFYING = tuple(_TEXTS["verifying"])


@dataclass(frozen=True)
class Delivered:
    """An extract that a recipient has.

    Attributes:
        publication: `<period>-<n>`.
        manifest_sha256: of its manifest, which names it among others of that publication.
    """

    publication: str
    manifest_sha256: str

    @property
    def name(self) -> str:
        """As its folder at the target is named."""
        return f"{self.publication}-{self.manifest_sha256[:12]}"


@dataclass(frozen=True)
class Facts:
    """What identifies one extract.

    Attributes:
        recipient: who receives it.
        contract: what they are given.
        period: the month.
        publication: `<period>-<n>`.
        replaces: the delivered extract that this one takes the place of, if any.
        absent: tables of the contract that this publication does not have.
        withheld: lists that were not made, with the reason.
    """

    recipient: Recipient
    contract: ExtractContract
    period: str
    publication: str
    replaces: Delivered | None = None
    absent: tuple[str, ...] = ()
    withheld: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """Title of the documents."""
        return f"Cakupan kepesertaan BPJS Ketenagakerjaan, {month(self.period)}"


def paragraphs(facts: Facts) -> list[tuple[str, list[tuple[str, str]]]]:
    """Give the notes as blocks: a heading, and pairs of a key (or nothing) and a text."""
    contract, recipient = facts.contract, facts.recipient
    agency = recipient.agency
    if recipient.formerly:
        agency += f" (dalam Inpres 2/2021: {recipient.formerly})"
    about = [
        ("Penerima", recipient.title),
        ("Lembaga", agency),
        *([("Bersama", "; ".join(recipient.partners))] if recipient.partners else []),
        ("Bulan data", month(facts.period)),
        ("Publikasi", facts.publication),
        ("Kontrak", f"{contract.folder}, versi {contract.version}"),
        *([("Menggantikan", f"kiriman {facts.replaces.name}")] if facts.replaces else []),
        ("Tujuan", contract.purpose),
        ("Dasar hukum", "; ".join(contract.legal_basis)),
        ("Pembatasan", contract.limits),
    ]
    blocks = [
        ("Tentang ekstrak ini", about),
        ("Pengertian", list(DEFINITIONS)),
        ("Perhatian", [("", text) for text in CAUTIONS]),
        ("Berkas dan keaslian", [("", text) for text in VERIFYING]),
    ]
    titles = {table.name: f"{table.title} ({table.name})" for table in contract.tables}
    gaps = [("", f"{titles[name]}: belum ada dalam publikasi ini.") for name in facts.absent] + [
        ("", f"{titles[name]}: tidak disertakan; {reason}.") for name, reason in facts.withheld
    ]
    if gaps:
        blocks.append(("Yang tidak disertakan", gaps))
    blocks.append(
        (
            "Perubahan kontrak",
            [(f"{version} ({day(date)})", text) for version, date, text in contract.changelog],
        )
    )
    return blocks


def appendix(facts: Facts, rows: dict[str, int]) -> str:
    """Write LAMPIRAN.md.

    Args:
        facts: what identifies the extract.
        rows: rows by table.
    """
    lines = [f"# {facts.title}", ""]
    for heading, pairs in paragraphs(facts):
        lines += [f"## {heading}", ""]
        lines += [f"- **{key}**: {text}" if key else f"- {text}" for key, text in pairs]
        lines.append("")
    lines += ["## Tabel", ""]
    for table in facts.contract.tables:
        if table.name not in rows:
            continue
        lines += [f"### {table.title} (`{table.name}`, {rows[table.name]} baris)", ""]
        if table.purpose:
            lines += [table.purpose, ""]
        lines += ["| kolom | judul | arti | satuan |", "|---|---|---|---|"]
        lines += [f"| `{c.name}` | {label(c)} | {_cell(c.id)} | {c.unit} |" for c in table.columns]
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
