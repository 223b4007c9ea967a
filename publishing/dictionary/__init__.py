"""The data dictionary of a publication as a page, a workbook and a data package.

Belongs here: reading dictionary and lineage out of a published warehouse, and writing
`kamus/kamus.html`, `kamus/kamus.xlsx` and `datapackage.json` beside it. Does not belong here:
what columns mean and where they come from (warehouse/columns.yaml, warehouse/concepts.yaml),
which the published tables already carry.
"""

from publishing.dictionary.reading import Dictionary, read_dictionary
from publishing.dictionary.writing import FOLDER, PACKAGE_FILE, write_dictionary_files

__all__ = ["FOLDER", "PACKAGE_FILE", "Dictionary", "read_dictionary", "write_dictionary_files"]
