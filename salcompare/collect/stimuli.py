"""What workers are shown: photographs for trials, and instructed tasks whose right answer is known."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from PIL.Image import Image as Picture

from salcompare.config import Collect, Config, Quality
from salcompare.errors import InputError, Problem
from salcompare.schema import LABELS
from salcompare.sources import locate_photographs, normalise_label, read_photograph, synonyms_table
from salcompare.sources.cells import each, need_columns, read_cells
from salcompare.sources.datasets import Candidate, clean_name
from salcompare.sources.quality import IN_PIXELS
from salcompare.sources.rows import EDGES, Rows, image_canvas
from salcompare.store import unguarded
from salcompare.texts import clean_text

Edges = tuple[float, float, float, float]
_LOSSLESS = 1 << 20  # pixels up to which a photograph is sent as PNG; larger ones as JPEG of high quality

HOUSE = "example/house"
"""The drawn image that practice is done on where a study brings none; no face, so that it suggests no feature."""
HOUSE_WIDTH, HOUSE_HEIGHT = 480, 600
HOUSE_PARTS: dict[str, tuple[int, int, int, int]] = {  # x0, y0, x1, y1 in house.png, half-open; in the order of asking
    "door": (260, 392, 342, 540),
    "window": (120, 352, 210, 442),
    "roof": (50, 150, 430, 310),
    "chimney": (322, 120, 372, 226),
}
HOUSE_LABELS = (*HOUSE_PARTS, "wall", "garden", "sky")  # offered in practice
_HOUSE_PNG = Path(__file__).parent / "static" / "house.png"


@dataclass(frozen=True)
class Photo:
    """A photograph as it is shown; without a candidate, the drawn house."""

    image: str
    actor: str
    width: int
    height: int
    candidate: Candidate | None = None

    def encoded(self) -> tuple[bytes, str]:
        """Encode it anew, so that nothing but pixels is sent: bytes and media type."""
        from PIL import Image

        if self.candidate is None:
            return _HOUSE_PNG.read_bytes(), "image/png"
        picture = Image.fromarray(read_photograph(self.candidate.path, box=self.candidate.box))
        if self.width * self.height <= _LOSSLESS:
            return png(picture), "image/png"
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=95, subsampling=0)
        return stream.getvalue(), "image/jpeg"


@dataclass(frozen=True)
class Instructed:
    """A task whose right answer is known: the label asked for, and its true box."""

    photo: Photo
    label: str
    target: Edges
    kind: Literal["check", "practice"] = "check"


@dataclass(frozen=True)
class Stimuli:
    """All that a study's workers can be shown, and how they are asked."""

    config: Collect
    seed: int
    trials: tuple[Photo, ...]
    checks: tuple[Instructed, ...]
    practice: tuple[Instructed, ...]
    synonyms: Mapping[str, str]
    quality: Quality = field(default_factory=Quality)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels offered."""
        return self.config.labels or LABELS

    @property
    def n_trials(self) -> int:
        """Trials of each worker."""
        return min(self.config.trials, len(self.trials))

    @property
    def n_checks(self) -> int:
        """Instructed checks of each worker."""
        return min(self.config.checks, len({check.photo.image for check in self.checks}))

    @property
    def n_tasks(self) -> int:
        """Trials and checks of each worker."""
        return self.n_trials + self.n_checks

    @cached_property
    def photos(self) -> dict[str, Photo]:
        """Every photograph by its image."""
        return {photo.image: photo for photo in (*self.trials, *(one.photo for one in (*self.checks, *self.practice)))}

    def offered(self, image: str, worker: int) -> tuple[str, ...]:
        """Give the labels offered on an image, in an order that is the worker's own and the same throughout.

        Where a list begins decides much of what is chosen from it, so that one order for all would be an effect of its
        own.
        """
        labels = HOUSE_LABELS if image == HOUSE else self.labels
        order = np.random.default_rng([self.seed, worker, len(labels)]).permutation(len(labels))
        return tuple(labels[place] for place in order)

    def counted_as(self, label: str) -> str:
        """Give the label that a worker's own words count as."""
        return self.synonyms.get(normalise_label(label), normalise_label(label))


def load_stimuli(images: pd.DataFrame, config: Config, *, root: Path) -> Stimuli:
    """List what a study's workers are shown, of its catalogue of images.

    InputError if there is nothing to show, or listing every row of the instructed tasks that cannot be used.
    """
    located = locate_photographs(config.images, images, root=root)
    columns = ("image", "actor", "width", "height", "split")
    rows = list(zip(*(images[name].tolist() for name in columns), strict=True))
    photos = {image: Photo(image, actor, width, height, located[image]) for image, actor, width, height, _ in rows}
    path = root / config.collect.instructed
    instructed = read_instructed(path, photos, shown=config.collect.instructed) if path.exists() else []
    known = {one.photo.image for one in instructed}
    trials = tuple(photos[image] for image, *_, split in rows
                   if image not in known and (config.collect.images == "all" or split == "test"))
    if not trials:
        raise InputError(Problem("study.toml [collect] images", f"no photograph to show in {config.collect.images!r}",
                                 "some that are not instructed tasks", "see [images] split"))
    house = Photo(HOUSE, "example", HOUSE_WIDTH, HOUSE_HEIGHT)
    practice = [one for one in instructed if one.kind == "practice"] or [
        Instructed(house, label, box, "practice") for label, box in HOUSE_PARTS.items()]
    return Stimuli(config.collect, config.study.seed, trials, tuple(one for one in instructed if one.kind == "check"),
                   tuple(practice[:config.collect.practice]), synonyms_table(config.labels), config.quality)


def read_instructed(path: Path, photos: Mapping[str, Photo], *, shown: str) -> list[Instructed]:
    """Read the instructed tasks of a study: CSV of image, label, x0, y0, x1, y1 and optionally kind.

    InputError if edges are shares of the sides, or naming every row whose image is unknown, whose box has no area or is
    not inside it, or whose kind is neither check nor practice, and every image that is used for both.
    """
    cells = read_cells(path, shown=shown, remedy="set [collect] instructed in study.toml")
    need_columns(cells.frame, ("image", "label", *EDGES), shown=shown)
    frame = cells.frame
    rows = Rows(pd.DataFrame({
        "image": each(frame["image"], lambda image: clean_name(unguarded(image))),
        "label": each(frame["label"], lambda label: normalise_label(unguarded(label))),
        "kind": each(frame["kind"], lambda kind: clean_text(kind) or "check") if "kind" in frame else "check",
    }, index=frame.index), shown, list(cells.faults))
    known = pd.DataFrame([(photo.image, photo.height, photo.width) for photo in photos.values()],
                         columns=["image", "height", "width"])
    place = rows.check_names(known, ("image", "label"))
    rows.refuse(~rows.table["kind"].isin(["check", "practice"]).to_numpy(), "kind", "kind={kind!r}",
                "check or practice, or nothing", "mend the cell")
    rows.add_edges(cells, EDGES)
    rows.check_not_relative(EDGES, remedy=IN_PIXELS, fewest=1)
    rows.check_corners()
    rows.check_bounds(image_canvas(known, place), remedy="edges are pixels of the photograph")
    used = rows.table[rows.sound].astype("object")
    both = set.intersection(*(set(used["image"][used["kind"] == kind]) for kind in ("check", "practice")))
    rows.check(Problem(shown, f"image {image!r} is both a check and practice", "one of the two", "delete a row")
               for image in sorted(both))
    return [Instructed(photos[image], label, (x0, y0, x1, y1), kind) for image, label, kind, x0, y0, x1, y1 in
            used[["image", "label", "kind", *EDGES]].itertuples(index=False)]


def png(picture: Picture) -> bytes:
    """Encode a picture."""
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
