"""The browser, one for each file of tests (its event loop must not outlive them); without one, its tests step aside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.collect.browsing import chromium_path, chromium_running

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_ASIDE = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: needs an installed Chromium")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if chromium_path():
        return
    aside = [item for item in items if item.get_closest_marker("browser")]
    config.stash[_ASIDE] = len(aside)
    config.hook.pytest_deselected(items=aside)
    items[:] = [item for item in items if item not in aside]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if aside := config.stash.get(_ASIDE, 0):
        terminalreporter.write_line(f"No Chromium was found, so {aside} tests of the task's pages in a browser did not "
                                    "run; install one (Debian: apt-get install chromium).", yellow=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium_running() as running:
        yield running
