"""The tables that an import reads and leaves on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from salcompare import config as settings
from salcompare import store
from salcompare.errors import InputError, Problem
from salcompare.schema import check_table
from salcompare.sources.importers.importing import IMAGES, Imported


@dataclass(frozen=True)
class Written:
    """Where the responses and the refused rows were written."""

    responses: Path
    refused: Path


def read_catalogue(path: Path) -> pd.DataFrame:
    """Read a catalogue of images: columns image, height and width, optional actor and file.

    Raises
    ------
    InputError
        If it is missing, is no table, or a row lacks what it needs.
    """
    try:
        text = ("image", "actor", "file")
        images = store.read_csv(path, text=text).fillna(dict.fromkeys(text, ""))
    except (OSError, ValueError) as error:
        raise InputError(Problem(str(path), f"cannot be read: {error}", "a CSV with columns image, height, width",
                                 "name a study's data/processed/images.csv")) from error
    if "actor" not in images and "image" in images:
        images["actor"] = images["image"].str.rpartition("/")[0].where(images["image"].str.contains("/"), "unknown")
    check_table(images, IMAGES, path.name)
    return images


def responses_path(config: settings.Responses) -> Path:
    """Give the file, relative to the study, that it reads responses from or would."""
    return Path(config.path if config.source == "csv" else settings.Responses().path)


def settings_to_change(config: settings.Responses, path: Path, *, root: Path) -> list[str]:
    """Say what [responses] of study.toml must be for the study to read what was imported; nothing if it does."""
    inside = path.resolve().is_relative_to(root.resolve())
    name = path.resolve().relative_to(root.resolve()).as_posix() if inside else str(path.resolve())
    wanted = {"source": "csv", "path": name, "pixels": "image"}
    now = {"source": config.source, "path": Path(config.path).as_posix(), "pixels": config.pixels}
    lines = [f'{key} = "{value}"' for key, value in wanted.items() if now[key] != value]
    return [f"For the study to read them, set in [responses] of study.toml: {', '.join(lines)}"] if lines else []


def refused_path(out: Path) -> Path:
    """Give the file of refused rows beside a file of responses."""
    return out.with_name(f"{out.stem}_refused.csv")


def write_imported(imported: Imported, out: Path, *, source: Path) -> Written:
    """Write the responses as the tidy CSV that a study reads, and what was refused as a CSV beside it.

    Parameters
    ----------
    imported : Imported
    out : Path
        Of the responses; ``NAME_refused.csv`` is written beside ``NAME.csv``.
    source : Path
        What was imported, which is never written over.

    Returns
    -------
    Written

    Raises
    ------
    InputError
        If `out` or the file beside it is the source, or a folder.
    """
    refused = refused_path(out)
    for path in (out, refused):
        if path.resolve() == source.resolve() or path.is_dir():
            raise InputError(Problem(str(path), "is what is imported" if path.is_file() else "is a folder",
                                     "a file of its own", "name another with --out"))
    store.write_table(refused, imported.refused)
    store.write_table(out, imported.responses)
    return Written(out, refused)
