"""The dictionary as one page that needs no network.

Belongs here: rendering `kamus.html`. Does not belong here: the dictionary's content, and the
dashboard (publishing/dashboard).
"""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from publishing.dictionary.reading import Dictionary

_SCHEMAS = {
    "coverage": ("Angka cakupan dan kesenjangan", "Figures of coverage and gap"),
    "quality": ("Mutu dan asal data", "Quality and origin of the data"),
    "reference": ("Kode, tarif dan keterangan", "Codes, rates and descriptions"),
}


def page(dictionary: Dictionary) -> str:
    """Render the dictionary.

    Args:
        dictionary: what the published warehouse says of itself.

    Returns:
        HTML with style and script inside; names and texts are escaped.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = files("publishing.dictionary").joinpath("kamus.html").read_text(encoding="utf-8")
    groups = [
        (schema, *words, [t for t in dictionary.tables if t.schema == schema])
        for schema, words in _SCHEMAS.items()
    ]
    numbers = {concept.id: n for n, concept in enumerate(dictionary.concepts, 1)}
    return environment.from_string(text).render(
        dictionary=dictionary, groups=groups, numbers=numbers
    )
