"""The optional table that puts each actor in a group."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from salcompare.errors import InputError, Problem, meant
from salcompare.sources.candidates import clean_name
from salcompare.sources.cells import need_columns, read_cells
from salcompare.texts import clean_text, hidden_in


def read_groups(path: Path, actors: Iterable[str], *, shown: str) -> dict[str, str]:
    """Read which group each actor is in.

    Parameters
    ----------
    path : Path
        CSV of actor, group; actors that the study does not have are ignored.
    actors : iterable of str
        The study's; each must have one group.
    shown : str
        What the file is called in errors.

    Raises
    ------
    InputError
        Naming every actor without a group, or with two.
    """
    cells = read_cells(path, shown=shown, remedy="set [images] groups in study.toml")
    problems = [fault.problem for fault in cells.faults]
    need_columns(cells.frame, ("actor", "group"), shown=shown)
    groups: dict[str, str] = {}
    for line, actor, group in zip(cells.frame.index, cells.frame["actor"], cells.frame["group"], strict=True):
        name, value = clean_name(actor), clean_text(group)
        if hidden_in(name):
            problems.append(Problem(f"{shown} row {line}", f"actor {name!r} holds {hidden_in(name)}",
                                    "a name of which every character is seen", "type it again"))
        if groups.setdefault(name, value) != value:
            problems.append(Problem(f"{shown} row {line}", f"actor {name!r} in group {value!r}",
                                    f"group {groups[name]!r} as before", "delete one of the two lines"))
    ours = list(actors)
    others = [name for name in groups if name not in ours]
    problems += [Problem(shown, f"no group for actor {actor!r}", "one line for each actor",
                         meant(actor, others, otherwise="add the line"))
                 for actor in ours if not groups.get(actor)]
    if problems:
        raise InputError(problems)
    return groups
