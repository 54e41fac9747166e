"""The user's table of attributes, by image or by actor."""

from pathlib import Path

import numpy as np
import pandas as pd

from salcompare.errors import InputError, Problem, meant
from salcompare.faces.attributes import ATTRIBUTES
from salcompare.sources.cells import each, is_blank, need_columns, numbers, read_cells
from salcompare.sources.datasets import clean_name
from salcompare.sources.rows import Rows
from salcompare.store import unguarded
from salcompare.texts import clean_text


def read_attributes(path: Path, images: pd.DataFrame, *, shown: str = "") -> pd.DataFrame:
    """Read a CSV of what is known of each image, or of each actor: a column image or actor, and any others.

    Parameters
    ----------
    path : Path
    images : DataFrame
        The catalogue: image and actor.
    shown : str
        What errors call the file; its name by default.

    Returns
    -------
    DataFrame
        The other columns, a row for each row of `images`: numbers where every cell that is not blank is one, else text.
        NaN where the file says nothing, and empty text.

    Raises
    ------
    InputError
        Naming each unknown image or actor, one that is listed twice, a column that the catalogue or what is measured
        has already, and cells without a number in a column where most are numbers.
    """
    shown = shown or path.name
    cells = read_cells(path, shown=shown, remedy="set attributes in [landmarks] of study.toml")
    by = "image" if "image" in cells.frame else "actor"
    need_columns(cells.frame, (by,), shown=shown, remedy="name the column of images or actors so")
    names = [str(name) for name in cells.frame.columns if name != by and not (by == "image" and name == "actor")]
    taken = [repr(name) for name in names if name in {*images.columns, *ATTRIBUTES.names, ""}]
    if taken or not names:
        raise InputError(Problem(shown, f"column {', '.join(taken)}" if taken else f"no column beside {by}",
                                 f"a column {by} and others, whose names the study does not use itself",
                                 "rename it" if taken else "add what is known"))
    rows = Rows(pd.DataFrame({by: each(cells.frame[by], lambda name: clean_name(unguarded(name)))}), shown,
                list(cells.faults))
    rows.refuse_empty((by,))
    rows.refuse_hidden((by,))
    known = images[by].unique().tolist()
    hints = {name: meant(name, known, otherwise="delete the row") for name in set(rows.table[by]) - {*known, ""}}
    rows.refuse(rows.table[by].isin(list(hints)), "unknown", f"no {by} {{{by}!r}} in the study",
                f"{by}s of the study, such as {known[0]!r}", "{hint}", hint=rows.table[by].astype(str).map(hints))
    rows.refuse(rows.table[by].duplicated() & (rows.table[by] != ""), "repeated", f"{by} {{{by}!r}} is listed twice",
                "one row each", "delete one")
    for name in names:
        rows.table[name] = _column(cells.frame[name], rows, name)
    rows.check()
    return rows.table.set_index(rows.table[by].astype(str))[names].reindex(images[by]).reset_index(drop=True)


def _column(cells: pd.Series, rows: Rows, name: str) -> pd.Series:
    values, blank = numbers(cells), is_blank(cells)
    no_number = ~blank & ~np.isfinite(values)
    if not no_number.any():
        return pd.Series(values, index=cells.index)
    rows.refuse(no_number & (2 * no_number.sum() < (~blank).sum()), "not_a_number", f"{name}={{cell!r}}",
                "a number, as in most rows, or nothing", "mend the cell", cell=cells)
    return each(cells, lambda text: clean_text(unguarded(text))).astype(str)
