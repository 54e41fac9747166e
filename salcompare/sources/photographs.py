"""Photographs of any source to one catalogue, their split, and one array on the study's grid."""

import hashlib
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from salcompare import config as settings
from salcompare.errors import InputError, Problem, meant
from salcompare.faces import warp_photograph
from salcompare.naming import natural_key
from salcompare.printing import counted
from salcompare.progress import Progress, Silent
from salcompare.schema import IMAGES, SPLITS, check_table
from salcompare.sources import datasets
from salcompare.sources.cells import need_columns, read_cells
from salcompare.sources.datasets import Candidate, Dataset, LeftOut, clean_name
from salcompare.sources.decoding import Pixels, UnreadablePhotographError, read_photograph, resize_photograph
from salcompare.sources.left_out import describe_left_out
from salcompare.texts import clean_text, hidden_in

CHANNELS = ("red", "green", "blue")
NEEDED = ("train", "test")  # to train a classifier and to look at its maps
_NOTHING = np.zeros(0, np.uint8)
_SHARES = "give shares such as split = [0.7, 0.15, 0.15]"


@dataclass(frozen=True)
class Photographs:
    """A study's photographs.

    `images` is the catalogue, `salcompare.schema.IMAGES`: one row an image, actors and images in natural order.
    `pixels` are uint8 (image, y, x, channel), aligned to the study's grid, or resized to it without keeping the aspect,
    with coordinates actor and split along image. `left_out` has file, actor, reason (for machines) and detail (for
    people) of every file that became no image.
    """

    images: pd.DataFrame
    pixels: xr.DataArray
    left_out: pd.DataFrame


@dataclass(frozen=True)
class _Read:
    """A candidate that became an image: its pixels on the grid and its size as it was shown."""

    candidate: Candidate
    pixels: Pixels
    height: int
    width: int


def gather_photographs(config: settings.Images, *, root: Path, size: tuple[int, int], seed: int,
                       previous: pd.DataFrame | None = None, needed: Sequence[str] = NEEDED,
                       transforms: xr.DataArray | None = None, progress: Progress | None = None) -> Photographs:
    """Read a study's photographs, catalogue them and draw their split.

    Parameters
    ----------
    config : salcompare.config.Images
        Where the photographs are, how many of each actor to take, and how to split them.
    root : Path
        The study's directory; paths in `config` are relative to it.
    size : (height, width)
        Of the study's grid.
    seed, needed
        As for `assign_splits`.
    previous : DataFrame, optional
        The catalogue made before with the same settings: its images are taken first and keep their split. Leave it
        out when [images] or the seed have changed, for a split drawn anew.
    transforms : DataArray (image, to, of), optional
        What aligns photographs, as `salcompare.faces.align_faces` gives it, of all that `survey_photographs` lists.
        Those that it has no matrix for are left out: beside aligned ones their maps would lie elsewhere.
    progress : Progress, optional

    Raises
    ------
    InputError
        If there is no usable photograph, one actor only where training images are needed, or naming every actor
        with too few images.
    MissingDependencyError
        If the demo's photographs are asked for and not installed.
    """
    dataset = _find(config, root)
    before = {} if previous is None else dict(zip(previous["image"], previous["split"], strict=True))
    ordered = sorted(dataset.candidates, key=lambda candidate: candidate.image not in before)  # stable
    counts = split_counts(config.split)
    most = min(config.per_actor or 10**9, sum(counts) if counts else 10**9)  # a billion stands for all
    read, refused = _read(ordered, partial(_placed, size=size, transforms=transforms), most, progress or Silent())
    have = {one.candidate.actor for one in read}
    left_out = dataset.left_out + refused + [
        LeftOut(where, actor, "no_photographs", f"no usable photograph of {actor!r}: the actor is left out")
        for actor, where in dataset.actors.items() if actor not in have]
    table = pd.DataFrame([asdict(row) for row in left_out], columns=["file", "actor", "reason", "detail"], dtype="str")
    _check_actors(read, table, config, needed)
    read.sort(key=lambda one: (natural_key(one.candidate.actor), natural_key(one.candidate.image)))
    images = _catalogue(read)
    told = table[table["reason"] != "surplus"].groupby("actor", sort=False)
    images.insert(2, "split", assign_splits(images, split=config.split, seed=seed, previous=before, needed=needed,
                                            left_out={str(actor): _in_a_line(rows) for actor, rows in told}))
    if config.groups:
        groups = read_groups(root / config.groups, images["actor"].unique(), shown=config.groups)
        images["group"] = images["actor"].map(groups).astype("str")
    if config.shoots:
        shoots = read_groups(root / config.shoots, (one.image for one in dataset.candidates), shown=config.shoots,
                             columns=("image", "shoot"))
        images["shoot"] = images["image"].map(shoots).astype("str")
    check_table(images, IMAGES, "images")
    return Photographs(images, _pixels(read, images, size, aligned=transforms is not None), table)


def survey_photographs(config: settings.Images, *, root: Path,
                       progress: Progress | None = None) -> tuple[pd.DataFrame, dict[str, Candidate]]:
    """List all photographs that can be read, before any are chosen, and the file of each.

    The table has image, actor, file, sha256, height and width, as the catalogue. Arguments and errors are those of
    `gather_photographs`.
    """
    read, _ = _read(_find(config, root).candidates, lambda *_: _NOTHING, 10**9, progress or Silent())
    return _catalogue(read), {one.candidate.image: one.candidate for one in read}


def locate_photographs(config: settings.Images, images: pd.DataFrame, *, root: Path) -> dict[str, Candidate]:
    """Find the file that each image of a catalogue was read from; `InputError` names every image whose file is gone."""
    known = {(candidate.image, candidate.file): candidate for candidate in _find(config, root).candidates}
    wanted = list(zip(images["image"].tolist(), images["file"].tolist(), strict=True))
    gone = [Problem(f"image {image!r}", f"{file} is gone",
                    remedy=f"run: salcompare run --until photographs --study {shlex.quote(str(root))}")
            for image, file in wanted if (image, file) not in known]
    if gone:
        raise InputError(gone)
    return {image: known[image, file] for image, file in wanted}


def photograph_inputs(config: settings.Images, *, root: Path) -> dict[str, str]:
    """Hash every file that the photographs depend on: its name, as in the catalogue -> SHA-256 of its bytes.

    A file that cannot be read has an empty hash. Hidden files do not count, so that looking into a folder makes nothing
    stale. Raises `InputError` or `MissingDependencyError` if the folder or the package of the photographs is not there.
    """
    if config.source == "orl":
        files = {candidate.file: candidate.sha256 for candidate in datasets.find_orl().candidates}
    else:
        datasets.check_folder(root / config.path, shown=config.path)
        files = {file.shown: file.sha256 for file in datasets.visible_files(root / config.path, shown=config.path)}
    tables = [config.list] if config.source == "facescrub" else []
    tables += [name for name in (config.groups, config.shoots) if name]
    return files | {name: datasets.hash_file(root / name, shown=name).sha256 for name in tables}


def _find(config: settings.Images, root: Path) -> Dataset:
    if config.source == "orl":
        return datasets.find_orl()
    if config.source == "facescrub":
        return datasets.find_in_facescrub(root / config.list, root / config.path, list_shown=config.list,
                                          shown=config.path)
    return datasets.find_in_folder(root / config.path, shown=config.path)


def _catalogue(read: Sequence[_Read]) -> pd.DataFrame:
    text = {name: pd.Series([getattr(one.candidate, name) for one in read], dtype="str")
            for name in ("image", "actor", "file", "sha256")}
    return pd.DataFrame(text | {"height": [one.height for one in read], "width": [one.width for one in read]})


def _placed(image: str, pixels: Pixels, *, size: tuple[int, int], transforms: xr.DataArray | None) -> Pixels:
    """Bring a photograph to the grid, by its transform where there are any."""
    if transforms is None:
        return resize_photograph(pixels, size)
    matrix = transforms.sel(image=image)
    if not np.isfinite(matrix).all():
        several = int(matrix["n_faces"]) > 1
        seen = "several faces" if several else "no landmarks of a face, or all in one place"
        raise UnreadablePhotographError("several_faces" if several else "no_face",
                                        f"cannot be aligned: {image!r} has {seen}")
    return warp_photograph(pixels, matrix.to_numpy(), size=size)


def _read(candidates: Sequence[Candidate], placed: Callable[[str, Pixels], Pixels], most: int,
          progress: Progress) -> tuple[list[_Read], list[LeftOut]]:
    """Read candidates in their order, each placed on the grid, until each actor has the most that are taken."""
    copies = datasets.duplicates(candidates)
    taken: Counter[str] = Counter()
    holder: dict[str, str] = {}
    read: list[_Read] = []
    left_out: list[LeftOut] = []
    for i, one in enumerate(progress.track(candidates, total=len(candidates), what="reading photographs")):
        if taken[one.actor] >= most:
            left_out.append(LeftOut(one.file, one.actor, "surplus", f"{one.actor} has {most} already"))
            continue
        try:
            pixels = read_photograph(one.path, box=one.box)
            if i in copies:
                left_out.append(copies[i])
            elif one.image in holder:
                left_out.append(LeftOut(one.file, one.actor, "same_id",
                                        f"{one.image!r} is {holder[one.image]}; rename one of the two"))
            else:
                read.append(_Read(one, placed(one.image, pixels), *pixels.shape[:2]))
                taken[one.actor] += 1
                holder[one.image] = one.file
        except UnreadablePhotographError as error:
            left_out.append(LeftOut(one.file, one.actor, error.reason, error.detail))
    return read, left_out


def _in_a_line(left_out: pd.DataFrame) -> str:
    return describe_left_out(left_out).replace("\n", "; ")


def _check_actors(read: Sequence[_Read], left_out: pd.DataFrame, config: settings.Images,
                  needed: Sequence[str]) -> None:
    where = f"photographs {config.path}"
    actors = sorted({one.candidate.actor for one in read}, key=natural_key)
    if not actors:
        why = _in_a_line(left_out)
        raise InputError(Problem(where, "no usable photograph" + (f" ({why})" if why else ""),
                                 "a folder for each actor with photographs in it" if config.source == "folder"
                                 else "the downloads that the list names", _where_they_stand(left_out, config)))
    if len(actors) == 1 and "train" in needed:
        raise InputError(Problem(where, f"photographs of one actor only, {actors[0]!r}",
                                 "at least 2 actors, for a network to tell apart", "add another actor's photographs; a "
                                 "study of people alone, classifier = [] in study.toml, may have one"))


def _where_they_stand(left_out: pd.DataFrame, config: settings.Images) -> str:
    """Say what to do where the photographs stand one level too deep or too high for a folder of each actor."""
    if config.source != "folder":
        return "download the files that the list names, or set [images] path to where they are"
    path = config.path.rstrip("/")
    nested = left_out.loc[left_out["reason"] == "nested", "file"].str.removeprefix(f"{path}/").str.split("/").str[0]
    if len(nested):
        below = " or ".join(f'path = "{path}/{name}"' for name in nested.unique()[:3])
        return f"the folders stand one level too deep: set [images] {below}, or move the actors' folders up into {path}"
    if (left_out["reason"] == "no_actor").any():
        return f"move each actor's photographs into a folder of their own, such as {path}/ann/001.jpg"
    return "add photographs"


def _pixels(read: Sequence[_Read], images: pd.DataFrame, size: tuple[int, int], *, aligned: bool) -> xr.DataArray:
    """Stack the photographs into one labelled array; actor and split are coordinates without an index."""
    height, width = size
    text = {name: ("image", images[name].to_numpy(dtype=str)) for name in ("image", "actor", "split")}
    return xr.DataArray(
        np.stack([one.pixels for one in read]), dims=("image", "y", "x", "channel"), name="photographs",
        coords={**text, "y": np.arange(height), "x": np.arange(width), "channel": list(CHANNELS)},
        attrs={"long_name": "photographs, aligned", "resampling": "bicubic, edges repeated"} if aligned else
        {"long_name": "photographs, resized without keeping the aspect", "resampling": "Lanczos, antialiased"})


def read_groups(path: Path, names: Iterable[str], *, shown: str,
                columns: tuple[str, str] = ("actor", "group")) -> dict[str, str]:
    """Read which group each of a study's actors is in, or which shoot each of its images is of, from a CSV of both.

    Raises `InputError`, naming every actor without a group, every image that is not the study's, and what has two.
    """
    of, kind = columns
    cells = read_cells(path, shown=shown, remedy=f"set [images] {kind}s in study.toml")
    problems = [fault.problem for fault in cells.faults]
    need_columns(cells.frame, columns, shown=shown)
    groups: dict[str, str] = {}
    for line, named, group in zip(cells.frame.index, cells.frame[of], cells.frame[kind], strict=True):
        name, value = clean_name(named), clean_text(group)
        if hidden_in(name):
            problems.append(Problem(f"{shown} row {line}", f"{of} {name!r} holds {hidden_in(name)}",
                                    "a name of which every character is seen", "type it again"))
        if groups.setdefault(name, value) != value:
            problems.append(Problem(f"{shown} row {line}", f"{of} {name!r} in {kind} {value!r}",
                                    f"{kind} {groups[name]!r} as before", "delete one of the two lines"))
    ours = list(names)
    others = [name for name in groups if name not in ours]
    if of == "actor":  # each is in a group; an image without a shoot is one by itself
        problems += [Problem(shown, f"no group for actor {actor!r}", "one line for each actor",
                             meant(actor, others, otherwise="add the line"))
                     for actor in ours if not groups.get(actor)]
    else:
        problems += [Problem(shown, f"no image {name!r} in the study", "ids of its images",
                             meant(name, ours, otherwise="delete the line")) for name in others]
    if problems:
        raise InputError(problems)
    return {name: group for name, group in groups.items() if group}


def split_counts(split: Sequence[float]) -> tuple[int, int, int] | None:
    """Read `split` as counts of train, validation and test images; None where it gives shares."""
    if all(float(part).is_integer() for part in split) and sum(split) > 1:
        train, validation, test = (int(part) for part in split)
        return train, validation, test
    return None


def assign_splits(images: pd.DataFrame, *, split: Sequence[float], seed: int, previous: Mapping[str, str] | None = None,
                  needed: Sequence[str] = NEEDED, left_out: Mapping[str, str] | None = None) -> pd.Series:
    """Assign each image to train, validation or test, actor by actor.

    An actor's images are ordered by a hash of the seed and their ids and taken in that order, so that neither other
    actors nor the order of rows matter. Shares are rounded by largest remainders, the later split first among
    equals; with enough images every split with a share gets one, train before test before validation.

    Parameters
    ----------
    images : DataFrame
        Columns image and actor.
    split : three numbers
        Counts for each actor, or shares that sum to 1.
    seed : int
    previous : mapping, optional
        image -> split of a catalogue made with the same settings; these images keep theirs, and only the others are
        drawn, to where the counts fall short.
    needed : sequence of str
        Splits that each actor must have an image in.
    left_out : mapping, optional
        actor -> what of theirs was left out and why, for errors.

    Returns
    -------
    Series of str
        One of `salcompare.schema.SPLITS` for each row, indexed as `images`.

    Raises
    ------
    InputError
        Naming every actor that has fewer images than counts ask for, or none in a split that is needed.
    """
    lacking = [name for name, part in zip(SPLITS, split, strict=True) if part == 0 and name in needed]
    if lacking:
        raise InputError(Problem("[images] split", f"{list(split)} leaves no {' and no '.join(lacking)} images",
                                 "at least one training and one test image of each actor", _SHARES))
    problems = []
    assigned: dict[str, str] = {}
    counts, fewest = split_counts(split), int(images.groupby("actor").size().min())
    for actor, ids in images.groupby("actor", sort=False)["image"]:
        without = (left_out or {}).get(str(actor), "")
        if counts is not None and len(ids) != sum(counts):
            problems.append(_too_few(str(actor), len(ids), counts, without, fewest))
            continue
        drawn = _draw(list(ids), _targets(len(ids), split), seed, previous or {})
        assigned |= drawn
        lacking = [name for name in needed if name not in drawn.values()]
        if lacking:
            usable = f"{counted(len(drawn), 'usable photograph')}{without and f' ({without})'}"
            problems.append(Problem(f"actor {actor!r}", f"{usable}, none for {' and none for '.join(lacking)}",
                                    "at least one training and one test image of each actor",
                                    "add photographs of this actor or take the actor out"))
    if problems:
        raise InputError(problems)
    return images["image"].map(assigned).astype("str")


def _draw(ids: list[str], targets: Sequence[int], seed: int, previous: Mapping[str, str]) -> dict[str, str]:
    drawn = {image: previous[image] for image in ids if previous.get(image) in SPLITS}
    short = {name: target - list(drawn.values()).count(name) for name, target in zip(SPLITS, targets, strict=True)}
    rest = set(ids) - set(drawn)
    for image in sorted(rest, key=lambda image: hashlib.sha256(f"{seed}\0{image}".encode()).digest()):
        name = max(SPLITS, key=lambda name: short[name])
        drawn[image] = name
        short[name] -= 1
    return drawn


def _targets(n: int, split: Sequence[float]) -> list[int]:
    """How many of an actor's n images go to each split."""
    counts = split_counts(split)
    if counts is not None:
        return list(counts)
    exact = [round(share * n, 9) for share in split]  # 0.15 * 20 is 3 here, not 2.9999999999999996
    targets = [int(part) for part in exact]
    rest = sorted(range(3), key=lambda i: (exact[i] - targets[i], i), reverse=True)
    for i in rest[:n - sum(targets)]:
        targets[i] += 1
    for i in (0, 2, 1):
        most = max(range(3), key=lambda j: (targets[j], j == 1))
        if split[i] > 0 and targets[i] == 0 and (targets[most] > 1 or (most == 1 and i != 1)):
            targets[most] -= 1
            targets[i] += 1
    return targets


def _too_few(actor: str, n: int, counts: tuple[int, int, int], without: str, fewest: int) -> Problem:
    """Say that an actor has fewer images than counts ask for; `fewest` are the images of the actor who has fewest."""
    parts = ", ".join(f"{count} {name}" for count, name in zip(counts, SPLITS, strict=True))
    train = counts[0] - (sum(counts) - fewest)
    lower = f"set [images] split = [{train}, {counts[1]}, {counts[2]}], for which every actor has enough" if (
        train > 0) else "lower the counts of [images] split"
    return Problem(f"actor {actor!r}", f"{counted(n, 'usable photograph')}{without and f', {without}'}",
                   f"{sum(counts)} ({parts})", f"add photographs, {lower}, or {_SHARES}, which take what is there")
