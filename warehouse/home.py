"""The home: the one folder that holds everything a deployment takes in and makes.

Belongs here: where things lie, and who may read them. Does not belong here: what is in
the files (settings, connection, publication).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OWNER_ONLY = 0o700
"""Mode of restricted folders."""

OWNER_FILE = 0o600
"""Mode of restricted files."""


@dataclass(frozen=True)
class Home:
    """Paths below one home folder.

    Attributes:
        path: the home folder itself, absolute.
    """

    path: Path

    @classmethod
    def resolve(cls, path: str | Path | None = None) -> Home:
        """Find the home: `path`, else the environment's `CAKUPAN_HOME`, else `./data`."""
        chosen = path or os.environ.get("CAKUPAN_HOME") or "data"
        return cls(Path(chosen).expanduser().resolve())

    @property
    def inbox(self) -> Path:
        """File drops, `inbox/<dataset>/<period>/`."""
        return self.path / "inbox"

    @property
    def deliveries(self) -> Path:
        """Deliveries kept exactly as they came, `deliveries/<dataset>/<period>/v<n>/`."""
        return self.path / "deliveries"

    @property
    def restricted_db(self) -> Path:
        """The restricted warehouse: identities, links, and the tables made from them."""
        return self.path / "restricted.duckdb"

    @property
    def published(self) -> Path:
        """Publications, `published/<period>-<n>/`, and the link `published/current`."""
        return self.path / "published"

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME: run history and logs; never personal data."""
        return self.path / "dagster"

    @property
    def tmp(self) -> Path:
        """Spill files and half-written deliveries; emptied at the start of a run."""
        return self.path / "tmp"

    @property
    def contracts(self) -> Path:
        """Contracts a deployment adds beside the project's own, one YAML file each."""
        return self.path / "contracts"

    @property
    def settings_file(self) -> Path:
        """The deployment's settings, read where it exists."""
        return self.path / "settings.yaml"

    @property
    def lock_file(self) -> Path:
        """The operating-system lock that keeps two writers apart."""
        return self.path / "run.lock"

    @property
    def access_log(self) -> Path:
        """Who looked at an identity, and when; only ever added to."""
        return self.path / "access.jsonl"

    def ensure(self) -> Home:
        """Make the folders, owner-only, and return self.

        From here on all files that this process makes are owner-only, whatever its umask
        was: DuckDB makes logs and spill files at any time and by the umask alone. What is
        published is the exception: analysts read it, see `show`.
        """
        mask = _first_umask()
        for folder in (self.path, self.published):
            if not folder.exists():
                folder.mkdir(parents=True)
                folder.chmod(0o755 & ~mask)
        for folder in (self.inbox, self.deliveries, self.dagster, self.tmp):
            folder.mkdir(mode=OWNER_ONLY, exist_ok=True)
            folder.chmod(OWNER_ONLY)
        return self


@cache
def _first_umask() -> int:
    """Set the owner-only umask once, and give the one that this process was started with."""
    return os.umask(0o077)


def show(folder: Path) -> None:
    """Give a folder, and all in it, the modes that the process's first umask allows.

    Args:
        folder: of a publication; nothing in it names a person.
    """
    mask = _first_umask()
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod((0o755 if path.is_dir() else 0o644) & ~mask)
