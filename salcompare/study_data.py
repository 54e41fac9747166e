"""A study's data by name, each loaded when it is first used: what statistics, figures and the report are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from salcompare.naming import by_classifier, classifier_of, main_source

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

MOST_ACTORS = 6  # side by side at the width of two columns, a face is still 27 mm wide


class StudyData:
    """What is known of a study, by name: as an attribute, or by `get` where it may not be there.

    What is annotated here every study has, if only as None; each finding adds what it needs by itself, in the
    ``inputs.py`` of its folder. Nothing here computes. Made of what is there already, by keyword, and of a mapping of
    what loads the rest: each is called once, when it is first used.
    """

    # (image, y, x, channel), uint8, on the study's grid; images beyond those of the maps do no harm
    photographs: xr.DataArray
    images: pd.DataFrame  # the catalogue, one row an image (`schema.IMAGES`)
    # one row a box (`schema.RESPONSES`, or with `actor` for `image` and `worker` and boxes on the grid); None without
    responses: pd.DataFrame | None
    human: xr.Dataset | None  # `schema.HUMAN_MAPS`, where the responses name images
    human_heatmap: xr.DataArray | None  # (actor, y, x), where they name actors only
    # of single responses (response, y, x), where gaze or ready-made maps name workers
    response_maps: xr.DataArray | None
    # fixations or clicks (`schema.FIXATIONS`), or people's ready-made maps (`schema.MAP_FILES`)
    annotations: pd.DataFrame | None
    # ``saliency`` (image, y, x) by source: ``alexnet/finetuned/guided_backprop``
    classifier_maps: Mapping[str, xr.Dataset]
    # (source, actor, y, x): heatmap, relative and, if tested, relative_t and family-wise relative_p
    heatmaps: xr.Dataset
    estimates: pd.DataFrame  # `schema.ESTIMATES`
    nulls: pd.DataFrame  # ``statistic, metric, form, source, value``: one row a draw under the null hypothesis
    simulated: bool  # whether the responses are; every page, table and figure that uses them says so
    title: str  # the study's name
    credit: str  # whom the photographs are owed to
    actors: tuple[str, ...]  # those that figures show one by one
    mask_share: float  # share of pixels shown of a classifier's map
    human_share: float  # and of a human heatmap
    # trained here, by name: tables accuracy, confusion, training, weights; summary
    classifiers: Mapping[str, Mapping[str, Any]]
    precomputed_maps: Mapping[str, Mapping[str, Any]]  # ready-made maps, by name: method, n_maps, notes, table left_out
    settings: Mapping[str, Any]  # all of study.toml
    provenance: Mapping[str, Any]  # hashes, versions and seed
    truth: Mapping[str, Any] | None  # what was planted, for simulated responses
    images_left_out: pd.DataFrame  # what was not taken, and why
    responses_left_out: pd.DataFrame
    notes: tuple[str, ...]  # what could not be computed, in words
    plan: tuple[str, ...]  # whether it was run as frozen before the data, and what has changed

    def __init__(self, loaders: Mapping[str, Callable[[], Any]] | None = None, /, **values: object) -> None:
        self._loaders = dict(loaders or {})
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever its loader gives
        """Load what is used for the first time."""
        if name.startswith("_") or name not in self._loaders:
            known = sorted({*self._loaders, *self.__dict__} - {"_loaders"})
            message = f"the study's data have no {name!r}; they have {', '.join(known)}"
            raise AttributeError(message, name=name, obj=self)
        value = self.__dict__[name] = self._loaders[name]()
        return value

    def get(self, name: str, default: object = None) -> Any:  # noqa: ANN401 - as above
        """Give what may not be there; the default where it is not."""
        return getattr(self, name) if name in self._loaders or name in self.__dict__ else default

    def replace(self, **values: object) -> Self:
        """Give the same data with other values; what was loaded stays loaded."""
        kept = {name: value for name, value in self.__dict__.items() if name != "_loaders"}
        return type(self)(self._loaders, **{**kept, **values})

    @property
    def by_worker(self) -> pd.DataFrame | xr.DataArray | None:
        """Boxes or maps of single responses with their workers; None where nothing says who responded."""
        return self.responses if self.responses is not None else self.get("response_maps")

    @property
    def comparable_coverage(self) -> xr.DataArray:
        """People's coverage of the images that the classifiers' maps are of, so that both rest on the same images.

        All of it where there is no classifier, or where they have no image in common.
        """
        if self.human is None:
            message = "there are no human maps"
            raise ValueError(message)
        coverage = self.human["coverage"]
        seen = {image for maps in self.classifier_maps.values() for image in maps["image"].to_numpy().tolist()}
        common = [image for image in coverage["image"].to_numpy().tolist() if image in seen]
        return coverage.sel(image=common) if common else coverage

    @property
    def people(self) -> Literal["boxes", "fixations", "maps", "none"]:
        """What people's side is made of."""
        if self.responses is not None:
            return "boxes"
        annotations = self.get("annotations")
        if annotations is None:
            return "none"
        return "fixations" if "duration" in annotations else "maps"

    @property
    def workers_known(self) -> bool:
        """Whether it is known who responded to each image, which ceilings and components of responses need."""
        if self.people == "boxes":
            return True
        annotations = self.get("annotations")
        return annotations is not None and "worker" in annotations and bool(annotations["worker"].notna().all())

    @property
    def classifier_names(self) -> list[str]:
        """Names of all classifiers, those with ready-made maps last."""
        return [*self.get("classifiers", ()), *self.get("precomputed_maps", ())]

    @property
    def has_classifier(self) -> bool:
        """Whether there are maps of a classifier, trained here or ready-made."""
        return bool(self.classifier_names)

    @property
    def main(self) -> str | None:
        """The source that figures and sentences about one classifier speak of; None where there is none."""
        return main_source(self.classifier_maps)

    @property
    def ordered_sources(self) -> list[str]:
        """The classifiers' sources as figures list them: by classifier, and of each the main one first."""
        return by_classifier(self.classifier_maps, self.classifier_names or (classifier_of(self.main or ""),))

    @property
    def shown_actors(self) -> tuple[str, ...]:
        """The actors shown one by one, at most six."""
        return self.actors[:MOST_ACTORS]
