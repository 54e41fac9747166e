"""A study: a directory with a study.toml, and labelled access to all that its stages have made."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from salcompare import store
from salcompare.config import FILE_NAME, Classifier, Config, Precomputed, training_seeds
from salcompare.errors import InputError, Problem, StaleError, meant
from salcompare.naming import PRECOMPUTED, Source, Stored, classifier_of, find_source, seeded, source_of
from salcompare.schema import CHECKS, ESTIMATES, FIXATIONS, IMAGES, MAP_FILES, RESPONSES, Table
from salcompare.stages import require

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import xarray as xr

    from salcompare.stages import Stage

GIVEN: dict[str, Table] = {"fixations": FIXATIONS, "maps": MAP_FILES}


@dataclass(frozen=True)
class Study:
    """One study on disk.

    Its properties and methods read what the stages made; what is missing or stale is a `StaleError` that names the
    command to run. What people drew or looked at is an `InputError` where the study has no people's side, and so is a
    source, classifier or seed that is not the study's. Nothing here computes.
    """

    root: Path
    """The study's directory."""
    config: Config
    """What its study.toml says."""
    list_stages: Callable[[Study], list[Stage]] | None = field(default=None, compare=False, repr=False)
    """Lists its stages in running order; `salcompare.open_study` gives the pipeline's."""

    def stages(self) -> list[Stage]:
        """List the stages in running order, as settings and raw files are now; `StaleError` if it was made without."""
        if self.list_stages is None:
            raise StaleError(Problem(str(self.root), "the study was made without its stages",
                                     remedy="open it with salcompare.open_study"))
        return self.list_stages(self)

    @property
    def processed(self) -> Path:
        """Where the stages keep what they make."""
        return self.root / "data" / "processed"

    @property
    def reports(self) -> Path:
        """Where the report, its figures and its tables go."""
        return self.root / "reports"

    @property
    def simulated(self) -> bool:
        """Whether the study's responses are simulated."""
        return self.config.responses.source == "simulated"

    @property
    def variants(self) -> list[tuple[Classifier, str]]:
        """Every classifier with each of its variants, in the order of study.toml."""
        return [(classifier, variant) for classifier in self.config.classifier for variant in classifier.variants]

    @property
    def people(self) -> Literal["boxes", "fixations", "maps", "none"]:
        """What people's side is made of; fixations are gaze or clicks, maps are ready-made."""
        source = self.config.responses.source
        kinds: dict[str, Literal["fixations", "maps", "none"]] = {"fixations": "fixations", "maps": "maps",
                                                                  "none": "none"}
        return kinds.get(source, "boxes")

    @property
    def compares(self) -> bool:
        """Whether people are compared with a classifier, whose maps are of the test images only."""
        return bool(self.config.classifier or self.config.precomputed)

    @property
    def sources(self) -> list[str]:
        """Names of the classifiers' sources, such as ``alexnet/finetuned/guided_backprop``, ready-made ones last.

        Of each classifier the main one, the last variant by its main method, stands last.
        """
        return list(self._stored)

    @property
    def _stored(self) -> dict[str, Stored]:
        trained = {}
        for classifier in self.config.classifier:
            for method in reversed(self.config.attribution_of(classifier).methods):  # the main one last
                for variant in classifier.variants:
                    source = source_of(classifier, variant, method)
                    trained[source] = Stored(f"maps {source}", self.classifier_folder(classifier),
                                             f"{variant}-{method}")
        return trained | {str(Source(given.name, PRECOMPUTED, given.method)):
                          Stored(f"maps {given.name}", self.classifier_folder(given), f"{PRECOMPUTED}-{given.method}")
                          for given in self.config.precomputed}

    @property
    def images(self) -> pd.DataFrame:
        """The catalogue of images, one row an image (see `salcompare.schema.IMAGES`), and their `attributes`, if any.

        The attributes are columns of it as soon as their stage is made.
        """
        if self.config.landmarks.known and (self.processed / "attributes.csv").exists():
            with contextlib.suppress(StaleError):
                return self._images_and_attributes
        return self._catalogue

    @cached_property
    def _catalogue(self) -> pd.DataFrame:
        return self._table("photographs", "images.csv", IMAGES)

    @cached_property
    def _images_and_attributes(self) -> pd.DataFrame:
        return self._catalogue.merge(self.attributes, on="image", validate="one_to_one")

    @cached_property
    def attributes(self) -> pd.DataFrame:
        """What is measured of each photograph (see `salcompare.faces.ATTRIBUTES`) or listed by the user.

        One row an image, with the column image; `InputError` where study.toml has neither landmarks nor such a list.
        """
        import pandas as pd

        if not self.config.landmarks.known:
            raise InputError(Problem(str(self.root / FILE_NAME), "the study has no attributes", "landmarks, or a table "
                                     "of attributes", "set [landmarks] source or attributes"))
        require(self, "attributes")
        table = store.read_csv(self.processed / "attributes.csv")
        for name in table.columns.drop("image"):
            numbers = pd.to_numeric(table[name], errors="coerce")
            as_numbers = bool((numbers.notna() | table[name].isna()).all())
            table[name] = numbers.astype(float) if as_numbers else table[name].fillna("")
        return table

    @cached_property
    def responses(self) -> pd.DataFrame:
        """The responses that the rules of quality keep, one row a box (see `salcompare.schema.RESPONSES`).

        Gaze has one row a fixation (`salcompare.schema.FIXATIONS`), ready-made maps have one a map
        (`salcompare.schema.MAP_FILES`), and no rule judges them.
        """
        self._need_people()
        if self.people in GIVEN:
            return self._table("responses", "responses.csv", GIVEN[self.people])
        return self._table("quality", "responses_kept.csv", RESPONSES)

    @cached_property
    def responses_read(self) -> pd.DataFrame:
        """All responses that were read, those that the rules of quality leave out among them."""
        self._need_people()
        return self._table("responses", "responses.csv", GIVEN.get(self.people, RESPONSES))

    @cached_property
    def checks(self) -> pd.DataFrame:
        """Answers to instructed checks; without rows where there were none, as where people drew no boxes."""
        if self.people != "boxes":
            import pandas as pd

            return pd.DataFrame(columns=list(CHECKS.names))
        return self._table("responses", "checks.csv", CHECKS)

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """Every estimate of the study, one row each (see `salcompare.schema.ESTIMATES`)."""
        return self._table("statistics", "estimates.csv", ESTIMATES)

    def classifier_folder(self, classifier: Classifier | Precomputed) -> Path:
        """Where a classifier's checkpoints, tables and maps are."""
        return self.processed / "classifiers" / classifier.name

    def seed_folder(self, classifier: Classifier, seed: int) -> Path:
        """Where what was trained with one of a classifier's seeds is; the study's own seed has the classifier's."""
        place = self._place(classifier, seed)
        folder = self.classifier_folder(classifier)
        return folder / f"seed-{place + 1}" if place else folder

    def seeds(self, classifier: Classifier) -> tuple[int, ...]:
        """Seeds that a classifier is trained with, the study's own first."""
        return training_seeds(self.config.study.seed, classifier.seeds)

    def photographs(self) -> xr.DataArray:
        """Photographs on the study's grid: uint8 (image, y, x, channel)."""
        require(self, "photographs")
        pixels: xr.DataArray = store.open_dataset(self.processed, "photographs")["photographs"]
        return pixels

    def landmarks(self) -> xr.DataArray:
        """Landmarks of the images: (image, point, axis), pixels of the photograph, NaN where it shows no single face.

        `salcompare.faces` selects places of the face from any scheme. It is an `InputError` that the study has none.
        """
        if self.config.landmarks.source == "none":
            raise InputError(Problem(str(self.root / FILE_NAME), "the study has no landmarks ([landmarks] source = "
                                     "\"none\")", "landmarks", "set [landmarks] source"))
        require(self, "landmarks")
        points: xr.DataArray = store.open_dataset(self.processed, "landmarks")["landmarks"]
        return points.sel(image=self.images["image"].to_numpy())

    def transforms(self) -> xr.DataArray:
        """Give what takes each photograph's pixels to the grid's: (image, to, of), matrices for (x, y, 1).

        Similarities where [images] align is set, else the scaling of each side; `salcompare.maps.move_points` applies
        them.
        """
        from salcompare.maps import transforms_of

        return transforms_of(self.images, size=self.config.study.size)

    def human_maps(self) -> xr.Dataset:
        """Coverage maps of the responses: ``coverage`` (image, y, x) and ``n_responses`` (image).

        Of gaze, clicks and ready-made maps, ``coverage`` is the mean over responses of maps that each sum to 1. It is
        an `InputError` that responses do not say which image they were drawn on.
        """
        self._need_people()
        require(self, "human maps")
        if self.response_meta["level"] != "image":
            raise InputError(Problem(str(self.root / self.config.responses.path), "responses name no image",
                                     "responses with an image for maps of images",
                                     "use the study's heatmaps of actors: study.heatmaps()"))
        return store.open_dataset(self.processed, "human")

    def response_maps(self) -> xr.DataArray:
        """Give the maps of single responses (response, y, x) with coordinates ``image``, ``actor`` and ``worker``.

        It is an `InputError` that people drew boxes, whose maps are made where they are needed.
        """
        self._need_people()
        if self.people not in GIVEN:
            raise InputError(Problem(FILE_NAME, f"people's side: {self.people}", "gaze, clicks or ready-made maps",
                                     "use study.human_maps()"))
        require(self, "human maps")
        maps: xr.DataArray = store.open_dataset(self.processed, "response_maps")["response_maps"]
        return maps

    def classifier_maps(self, variant: str | None = None, *, classifier: str | None = None,
                        method: str | None = None, seed: int | None = None) -> xr.Dataset:
        """Saliency maps of a classifier: ``saliency`` (image, y, x) over the test images.

        Parameters
        ----------
        variant : str, optional
            ``frozen`` or ``finetuned``, or ``precomputed`` for ready-made maps; the classifier's last if not given.
        classifier : str, optional
            Its name in study.toml; the first if not given.
        method : str, optional
            The attribution method; the classifier's main one if not given.
        seed : int, optional
            The training seed, one of the classifier's (`seeds`); the study's own if not given.
            A classifier, variant, method or seed that the study has not is an `InputError`.
        """
        source = find_source(self.sources, classifier, variant, method)
        if seed in (None, self.config.study.seed):
            return self.maps_of(source)
        return self._maps_of_seed(source, int(str(seed)))

    def stage_of(self, source: str) -> str:
        """Name the stage that makes a source's maps."""
        return self._stored_as(source).stage

    def maps_of(self, source: str) -> xr.Dataset:
        """Saliency maps of a source, such as ``alexnet/finetuned/guided_backprop``; `InputError` if unknown."""
        stage, folder, name = self._stored_as(source)
        require(self, stage)
        return store.open_dataset(folder, name)

    def maps_by_seed(self, source: str) -> xr.DataArray:
        """Saliency maps of a source for every seed that its classifier is trained with: lazy (seed, image, y, x)."""
        import xarray as xr

        classifier = self._trained(source)
        seeds = self.seeds(classifier)
        maps = [self._maps_of_seed(source, seed)["saliency"].chunk(image=store.IMAGES_PER_CHUNK) for seed in seeds]
        together: xr.DataArray = xr.concat(maps, "seed", join="exact", combine_attrs="drop")
        return together.assign_coords(seed=list(seeds))

    def _maps_of_seed(self, source: str, seed: int) -> xr.Dataset:
        classifier = self._trained(source)
        place = self._place(classifier, seed)
        stage, _, name = self._stored[source]
        require(self, seeded(stage, place) if place else stage)
        return store.open_dataset(self.seed_folder(classifier, seed), name)

    def _place(self, classifier: Classifier, seed: int) -> int:
        seeds = self.seeds(classifier)
        if seed not in seeds:
            raise InputError(Problem("seed", str(seed), "one of " + ", ".join(map(str, seeds)),
                                     "set seeds of that [[classifier]] in study.toml"))
        return seeds.index(seed)

    def _stored_as(self, source: str) -> Stored:
        if source not in self._stored:
            raise InputError(Problem("source", repr(source), "one of " + (", ".join(self._stored) or "the study's, "
                                     "which has no classifier"), meant(source, self._stored)))
        return self._stored[source]

    def _trained(self, source: str) -> Classifier:
        self._stored_as(source)
        named = {classifier.name: classifier for classifier in self.config.classifier}
        name = classifier_of(source)
        if name not in named:
            raise InputError(Problem("source", repr(source), "the source of a classifier that the study trains",
                                     "its maps were given ready-made: use study.maps_of(source)"))
        return named[name]

    def _need_people(self) -> None:
        if self.people == "none":
            raise InputError(Problem(str(self.root / FILE_NAME), "the study has no people's side ([responses] source = "
                                     "\"none\")", "responses: boxes, gaze, clicks or ready-made maps",
                                     "set [responses] source, or use study.classifier_maps()"))

    def heatmaps(self) -> xr.Dataset:
        """``heatmap`` and ``relative`` (source, actor, y, x) of every source."""
        require(self, "statistics")
        return store.open_dataset(self.processed, "heatmaps")

    @cached_property
    def response_meta(self) -> dict[str, Any]:
        """What is known of the responses: level, notes, and the planted truth where they are simulated."""
        self._need_people()
        path = self.processed / "responses.json"
        if not path.exists():
            require(self, "responses")
        meta: dict[str, Any] = store.read_json(path)
        return meta

    def _table(self, stage: str, name: str, table: Table) -> pd.DataFrame:
        require(self, stage)
        return store.read_table(self.processed / name, table)
