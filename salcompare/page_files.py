"""Names of the pages beside the report; who writes them and who asks whether they are there must agree on them."""

from __future__ import annotations

from collections.abc import Iterable

COMPARISON = "comparison.html"
"""The page that compares all classifiers."""


def classifier_file(name: str) -> str:
    """Name the file of a classifier's page."""
    return f"classifier-{name}.html"


def page_files(names: Iterable[str]) -> list[str]:
    """Name the files of all pages beside the report of classifiers of these names; without classifiers there is none.

    Parameters
    ----------
    names : iterable of str
        Of the classifiers that were trained and those whose maps were given.
    """
    files = [classifier_file(name) for name in names]
    return [COMPARISON, *files] if files else []
