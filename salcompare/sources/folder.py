"""Photographs in a folder per actor."""

from __future__ import annotations

from pathlib import Path

from salcompare.ordering import natural_key
from salcompare.sources.candidates import (
    Candidate,
    File,
    Found,
    LeftOut,
    check_folder,
    clean_name,
    hidden_files,
    readable,
    visible_files,
)
from salcompare.texts import hidden_in


def find_in_folder(folder: Path, *, shown: str) -> Found:
    """Find photographs in a folder that has a folder for each actor.

    An image's id is its actor's folder and its file's name without the ending.

    Parameters
    ----------
    folder : Path
        Its folders are the actors; files elsewhere are left out.
    shown : str
        What `folder` is called in tables and errors.

    Raises
    ------
    InputError
        If the folder does not exist.
    """
    check_folder(folder, shown=shown)
    candidates: list[Candidate] = []
    left_out = hidden_files(folder, shown=shown)
    for file in visible_files(folder, shown=shown):
        sorted_out = _candidate(file, folder)
        if isinstance(sorted_out, Candidate):
            candidates.append(sorted_out)
        else:
            left_out.append(sorted_out)
    actors = {clean_name(readable(path.name)): f"{shown.rstrip('/')}/{readable(path.name)}"
              for path in sorted(folder.iterdir(), key=lambda path: natural_key(path.name))
              if path.is_dir() and not path.name.startswith(".")}
    return Found(candidates, left_out, actors)


def _candidate(file: File, folder: Path) -> Candidate | LeftOut:
    parts = file.path.relative_to(folder).parts
    actor = clean_name(readable(parts[0])) if len(parts) > 1 else ""
    if file.error:
        return LeftOut(file.shown, actor, "unreadable", file.error)
    if len(parts) == 1:
        return LeftOut(file.shown, "", "no_actor", "stands beside the actors' folders, not in one")
    if len(parts) > 2:
        return LeftOut(file.shown, actor, "nested", f"stands in a folder inside {actor}'s; move it up")
    image = f"{actor}/{clean_name(readable(file.path.stem))}"
    hidden = hidden_in(image)
    if hidden:
        return LeftOut(file.shown, actor, "invisible", f"its name holds {hidden}, which nobody sees; rename it")
    return Candidate(image, actor, file.shown, file.path, file.sha256)
