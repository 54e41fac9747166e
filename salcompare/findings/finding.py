"""What a finding declares of itself, and how its parts are found beside it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One thing that a study is asked; its parts stand beside it in its folder and are loaded when they are used.

    ``estimates.py`` computes its rows of the table of estimates; ``words.py`` has any of `summary`, `tables` and
    `methods`; ``figure.py`` has `FIGURES`; ``calibration.py`` has `CASES`; ``stage.py`` is a long stage of its own.

    Attributes
    ----------
    name : str
        Of its folder.
    question : str
        What the summary asks.
    question_of_several : str
        The same of several classifiers, where it is worded for one.
    figures : tuple of int
        Numbers of its figures; a number is never used again.
    on_classifier_pages : tuple of int
        Those of them that each classifier's page shows, too.
    needs : tuple of str
        Findings whose estimates its own use; they come before it and are never imported.
    """

    name: str
    question: str = ""
    question_of_several: str = ""
    figures: tuple[int, ...] = ()
    on_classifier_pages: tuple[int, ...] = ()
    needs: tuple[str, ...] = ()

    def part(self, name: str) -> ModuleType | None:
        """Load one of its modules; None where it has none of that name."""
        whole = f"salcompare.findings.{self.name}.{name}"
        return importlib.import_module(whole) if importlib.util.find_spec(whole) else None

    def calls(self, part: str, function: str, *given: object) -> Iterable[Any]:
        """Call a function of one of its modules that gives several things; nothing where it has no such function."""
        found: Iterable[Any] = getattr(self.part(part), function, lambda *_: ())(*given)
        return found

    def asked(self, *, several: bool) -> str:
        """Give the question, worded for one classifier or for several."""
        return self.question_of_several if several and self.question_of_several else self.question
