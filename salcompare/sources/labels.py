"""Labels as workers write them, and as they count."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from salcompare.errors import ConfigError, Problem


def normalise_label(label: str) -> str:
    """Fold a label's case and width (NFKC), trim it and make its blanks single.

    The same label comes out whatever is done twice.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
    return " ".join(folded.split())


def synonyms_table(synonyms: Mapping[str, str]) -> dict[str, str]:
    """Normalise a table of synonyms: what a worker may write -> the label it counts as.

    Raises
    ------
    ConfigError
        Naming every synonym that is empty, counts as two labels, or counts as another synonym.
    """
    table: dict[str, str] = {}
    problems = []
    for written, label in synonyms.items():
        key, value = normalise_label(written), normalise_label(label)
        where = f"study.toml [labels] {written!r}"
        if not key or not value:
            problems.append(Problem(where, f"counts as {label!r}", "two texts that are not empty", "remove it"))
        elif table.setdefault(key, value) != value:
            problems.append(Problem(where, f"counts as {value!r} and as {table[key]!r}", "one label", "remove one"))
    problems += [Problem(f"study.toml [labels] {key!r}", f"counts as {value!r}, itself a synonym of {table[value]!r}",
                         "a label that counts as itself", f"write {table[value]!r}")
                 for key, value in table.items() if table.get(value, value) != value]
    if problems:
        raise ConfigError(problems)
    return table
