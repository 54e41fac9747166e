"""Errors that a user can act on: each names the thing, what was found, what was expected and the remedy."""

from collections.abc import Iterable
from dataclasses import dataclass

from salcompare.texts import nearest

SHOWN = 20  # problems printed in one message; the rest are counted


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input."""

    where: str  # the file and row, the setting, or the argument
    found: str  # what stands there
    expected: str = ""  # what should stand there; may be empty where `found` says it
    remedy: str = ""  # what to do about it

    def __str__(self) -> str:
        parts = (self.found, self.expected and f"expected {self.expected}", self.remedy)
        return f"{self.where}: {'; '.join(part for part in parts if part)}"


class SalcompareError(Exception):
    """Any error that salcompare raises on purpose."""


class ReasonedError(SalcompareError):
    """Something that is left out for a reason; where it is noticed it becomes a row of what was left out.

    The `reason` is for machines, one word of a list that each kind states; the `detail` is for people.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class InputError(SalcompareError):
    """The user's input cannot be used, for all these problems; the command line ends with exit code 2."""

    def __init__(self, problems: Problem | str | Iterable[Problem]) -> None:
        if isinstance(problems, Problem):
            problems = [problems]
        self.problems: tuple[Problem, ...] = () if isinstance(problems, str) else tuple(problems)
        lines = [problems] if isinstance(problems, str) else [str(problem) for problem in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            lines.append(f"... and {len(self.problems) - SHOWN} more of {len(self.problems)} problems")
        super().__init__("\n".join(lines))


class ConfigError(InputError):
    """study.toml says something that it cannot say."""


class StaleError(InputError):
    """What was asked for has not been made yet, or was made from other inputs or settings."""


class DamagedError(StaleError):
    """What a stage stored is not what it wrote: bytes or files were lost, or changed by hand."""


class MissingDependencyError(InputError):
    """An optional package or its data is not installed, or a download is needed and there is no network."""


def meant(name: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """Ask whether another name was meant, where one of those known is near (`salcompare.texts.nearest`)."""
    near = nearest(name, known)
    return otherwise if near is None else f"did you mean {near!r}?"
