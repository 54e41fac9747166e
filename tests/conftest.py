"""What all tests share: Hypothesis draws the same examples on every machine and has no clock; slow files go first."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("default", settings.get_profile("default"), deadline=None, derandomize=True, max_examples=40,
                          suppress_health_check=[HealthCheck.too_slow])  # which fails on a machine that is busy
settings.load_profile("default")


@pytest.fixture(autouse=True, scope="session")
def _flush_nothing():
    """Leave the disk to the system: no test cuts the power, and waiting for the disk takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("salcompare.store.flush", lambda _: None)
        yield


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take files with many slow tests first, so that of several processes none is left alone with one at the end."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say when there was no browser; with several processes, collect/conftest.py counts in those, and unheard."""
    from tests.collect.browsing import chromium_path

    if config.getoption("numprocesses", None) and chromium_path() is None:
        terminalreporter.write_line("No Chromium was found, so the tests of the task's pages in a browser "
                                    "(tests/collect/test_browser_*.py) did not run; install one (Debian: apt-get "
                                    "install chromium).", yellow=True)
