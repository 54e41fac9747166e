"""Opening a study on disk with the pipeline's stages, and making a new one."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from salcompare import store
from salcompare.config import FILE_NAME, commented_toml, read_config
from salcompare.errors import ConfigError, Problem
from salcompare.pipeline import stages
from salcompare.study import Study


def open_study(path: str | Path = ".", *, clip: bool = False, drop_invalid: bool = False) -> Study:
    """Open the study in a directory; `ConfigError` if its study.toml is missing or says something it cannot say.

    Parameters
    ----------
    path : str or Path
        The directory that holds study.toml.
    clip, drop_invalid : bool
        Cut boxes to their image, leave invalid rows out, even where [responses] of study.toml does not say so.
    """
    root = Path(path)
    config = read_config(root / FILE_NAME)
    responses = dataclasses.replace(config.responses, clip=clip or config.responses.clip,
                                    drop_invalid=drop_invalid or config.responses.drop_invalid)
    return Study(root, dataclasses.replace(config, responses=responses), stages)


def init_study(path: Path) -> Iterator[Path]:
    """Make a new study's folders and its commented study.toml, unless there is one already; give the paths made."""
    target = path / FILE_NAME
    if target.exists():
        raise ConfigError(Problem(str(target), "exists already", remedy="choose another folder, or edit that file"))
    for folder in ("data/raw/photographs", "data/processed", "reports"):
        (path / folder).mkdir(parents=True, exist_ok=True)
        yield path / folder
    store.write_text(target, commented_toml())
    yield target
