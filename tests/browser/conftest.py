"""A browser without a window, and the page of a small release in it.

`make test-browser` runs these; they are no part of `make test`, which needs no browser. The
browser is the machine's Chromium: CAKUPAN_CHROMIUM names another.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from publishing.dashboard.making import make_dashboard
from tests.releases import write_release
from warehouse.settings import DashboardSettings

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser; without one these tests cannot pass."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CAKUPAN_CHROMIUM") or next(filter(None, map(shutil.which, names)), "")
    assert found, "no Chromium on this machine: install it, or name it by CAKUPAN_CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_release(tmp_path_factory.mktemp("published"))
    make_dashboard(folder, DashboardSettings(detail_months=2))
    return folder


@pytest.fixture(scope="session")
def release(published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{published / 'release.duckdb'}' AS made (READ_ONLY)")
        con.execute("USE made")
        yield con


@dataclass
class Opened:
    """A page in the browser.

    Attributes:
        page: the page.
        requests: addresses that it asked for, its own file among them.
        messages: warnings and errors of its console.
    """

    page: Page
    url: str
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def go(self, fragment: str = "") -> Page:
        """Open the page anew with an address, and wait until all is drawn."""
        self.page.goto("about:blank")
        self.page.goto(self.url + fragment)
        return self.drawn()

    def drawn(self) -> Page:
        """Wait until figures and charts stand."""
        self.page.wait_for_selector("html[data-charts=ready]", state="attached", timeout=30_000)
        return self.page

    def until(self, expression: str, seconds: float = 20) -> None:
        """Wait until an expression holds on the page.

        Each look is an evaluation of its own. Playwright's own waiting evaluates within the page
        from the second look on, which the page's content policy forbids.
        """
        deadline = time.monotonic() + seconds
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, f"still not so after {seconds} s: {expression}"
            self.page.wait_for_timeout(20)

    def key(self, column: str) -> str:
        """Give a key figure as it is read."""
        return self.page.locator(f"#angka-{column} .big").inner_text()


def opened(chromium: Browser, published: Path, width: int, height: int) -> Iterator[Opened]:
    context = chromium.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    made = Opened(page, (published / "dasbor.html").as_uri())
    page.on("request", lambda request: made.requests.append(request.url))
    page.on(
        "console",
        lambda message: (
            made.messages.append(message.text) if message.type in {"error", "warning"} else None
        ),
    )
    page.on("pageerror", lambda error: made.messages.append(str(error)))
    yield made
    context.close()


@pytest.fixture
def desk(chromium: Browser, published: Path) -> Iterator[Opened]:
    """A page 1440 pixels wide."""
    yield from opened(chromium, published, 1440, 900)


@pytest.fixture
def phone(chromium: Browser, published: Path) -> Iterator[Opened]:
    """A page 375 pixels wide."""
    yield from opened(chromium, published, 375, 812)
