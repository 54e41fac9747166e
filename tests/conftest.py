"""What all tests share: Hypothesis draws the same examples on every machine and has no clock; slow files go first."""

import importlib.util
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("default", settings.get_profile("default"), deadline=None, derandomize=True, max_examples=40,
                          suppress_health_check=[HealthCheck.too_slow])  # which fails on a machine that is busy
settings.load_profile("default")
_ASIDE = pytest.StashKey[bool]()


@pytest.fixture(autouse=True, scope="session")
def _flush_nothing():
    """Leave the disk to the system: no test cuts the power, and waiting for the disk takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("salcompare.store.flush", lambda _: None)
        yield


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "mediapipe: needs the extra landmarks")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take files with many slow tests first, so that of several processes none is left alone with one at the end."""
    if importlib.util.find_spec("mediapipe") is None:
        aside = [item for item in items if item.get_closest_marker("mediapipe")]
        config.stash[_ASIDE] = bool(aside)
        config.hook.pytest_deselected(items=aside)
        items[:] = [item for item in items if item not in aside]
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say when there was no browser or no MediaPipe; several processes count in those, and unheard."""
    from tests.collect.browsing import chromium_path

    if config.stash.get(_ASIDE, False) or (config.getoption("numprocesses", None)
                                           and importlib.util.find_spec("mediapipe") is None):
        terminalreporter.write_line("MediaPipe was not found, so the tests that detect faces (tests/faces/"
                                    "test_detection.py) did not run; install the extra landmarks (Python 3.12 or "
                                    "older).", yellow=True)
    if config.getoption("numprocesses", None) and chromium_path() is None:
        terminalreporter.write_line("No Chromium was found, so the tests of the task's pages in a browser "
                                    "(tests/collect/test_browser_*.py) did not run; install one (Debian: apt-get "
                                    "install chromium).", yellow=True)
