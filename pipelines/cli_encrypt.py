"""The commands `encrypt` and `decrypt`: an existing home turned to encrypted files and back.

Belongs here: lock, call and what is told. Does not belong here: the conversion
(warehouse/at_rest.py).
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from pipelines.cli import HomeOption, JsonOption, SettingsOption, app, ending, print_json
from pipelines.locks import home_lock
from warehouse import at_rest
from warehouse.errors import UsageError
from warehouse.home import Home
from warehouse.settings import load_settings


@app.command()
@ending
def encrypt(
    home: HomeOption = None, settings: SettingsOption = None, as_json: JsonOption = False
) -> int | None:
    """Encrypt what an existing home holds, with the keys that are set (docs/security.md)."""
    return _convert(Home.resolve(home), settings, encrypt=True, as_json=as_json)


@app.command()
@ending
def decrypt(
    home: HomeOption = None, settings: SettingsOption = None, as_json: JsonOption = False
) -> int | None:
    """Turn the encrypted files of a home back to clear ones, such as before a change of keys."""
    return _convert(Home.resolve(home), settings, encrypt=False, as_json=as_json)


def _convert(home: Home, settings_file: Path | None, *, encrypt: bool, as_json: bool) -> int:
    """Convert a home.

    Raises:
        UsageError: there is no home, no key is set, or a wrong one.
    """
    if not home.path.is_dir():
        raise UsageError(f"there is no home {home.path}; a new one is encrypted from its first run")
    settings = load_settings(home, settings_file)
    with home_lock(home, "encrypt" if encrypt else "decrypt"):
        done = at_rest.convert(home, settings, encrypt=encrypt)
    if as_json:
        print_json({"status": "done", "encrypted": encrypt, **done})
        return 0
    what = "dienkripsi" if encrypt else "dibuka dari enkripsi"
    Console().print(
        f"{done['tables']} tabel gudang data terbatas dan {done['files']} berkas kiriman {what}.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return 0
