"""What a user may choose about an import."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

ALL_STATUSES = ("Approved", "Submitted", "Rejected")
STATUSES = ("Approved", "Submitted")
"""What is taken of Mechanical Turk's assignments unless told otherwise: all but the rejected."""


@dataclass(frozen=True)
class Options:
    """How files are read.

    Attributes
    ----------
    statuses : tuple of str
        Assignments of Mechanical Turk to take, of Approved, Submitted and Rejected.
    worker : str
        Who drew the boxes of a file that does not say; empty for the file's name.
    clip : bool
        Cut boxes that reach over the edge of their image, instead of refusing them.
    voc_origin : {0, 1}
        What the first pixel is called in Pascal VOC files: 1 as the format has it, 0 as many tools write.
    image : str
        The image that boxes are on whose row or file names none, as where each page of a HIT holds one fixed picture.
    """

    statuses: tuple[str, ...] = STATUSES
    worker: str = ""
    clip: bool = False
    voc_origin: Literal[0, 1] = 1
    image: str = ""

    @cached_property
    def folded_statuses(self) -> frozenset[str]:
        """The statuses to take, whatever their case."""
        return frozenset(status.casefold() for status in self.statuses)
