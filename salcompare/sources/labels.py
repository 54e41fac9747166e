"""Labels as workers write them, and as they count."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from salcompare.errors import ConfigError, Problem
from salcompare.texts import clean_text


def normalise_label(label: str) -> str:
    """Leave of a label what is seen of it (`salcompare.texts.clean_text`), and fold its case and width (NFKC).

    The same label comes out whatever is done twice.
    """
    folded, before = clean_text(label), ""
    while folded != before:  # cleaning may compose what folding changes again
        before = folded
        folded = clean_text(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold()))
    return folded


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
