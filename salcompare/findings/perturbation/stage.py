"""Stages that take parts out of the photographs to see what the networks need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from salcompare.findings.perturbation import BOTH, CENTRE, LABEL, PEOPLE, RANDOM, RANDOM_PEOPLE
from salcompare.findings.perturbation.inputs import networks, store_name
from salcompare.naming import network, network_of, source_of
from salcompare.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import xarray as xr

    from salcompare.classifiers import Arrangement
    from salcompare.classifiers.perturbation import Way
    from salcompare.config import Classifier
    from salcompare.progress import Progress
    from salcompare.study import Study


def removal_stages(study: Study, made: Sequence[str]) -> Iterator[Stage]:
    """Give the stage of each network, after the stages that make people's and the classifiers' maps."""
    config = study.config
    settings = {"removal": config.removal, "sigma": config.maps.sigma, "seed": config.study.seed}
    before = tuple(name for name in made if not name.startswith(("maps ", "train ")))
    for classifier, variant in networks(study):
        name = network(classifier.name, variant)
        trained = [f"train {classifier.name}", *(study.stage_of(source) for source in study.sources
                                                 if network_of(source) == name)]
        yield Stage(f"removal {name}", (*before, *trained), settings,
                    partial(_remove, classifier=classifier, variant=variant),
                    outputs=(study.classifier_folder(classifier) / f"{store_name(variant)}.json",))


def _remove(study: Study, fingerprint: str, progress: Progress, *, classifier: Classifier, variant: str) -> None:
    from salcompare.classifiers import load_classifier, write_removals

    config = study.config
    people = _people(study)
    methods = config.attribution_of(classifier).methods
    maps = {source: study.maps_of(source)["saliency"] for source in (
        source_of(classifier, variant, method) for method in methods)}  # the main one first
    chosen = _chosen(study.photographs(), people, config.removal.per_actor)
    orders = _Orders(people, maps, _label_counts(study), config.maps.sigma * config.study.size[1], config.study.seed)
    arrangements = _arrangements(study, orders)
    progress.say(f"  {chosen.sizes['image']} photographs, each in {len(arrangements)} ways")
    write_removals(load_classifier(study.classifier_folder(classifier), variant), chosen, orders, arrangements,
                   seed=config.study.seed, folder=study.classifier_folder(classifier), name=store_name(variant),
                   fingerprint=fingerprint, progress=progress,
                   provenance={"main": next(iter(maps)), "area": config.removal.area, "sigma": orders.sigma})


def _people(study: Study) -> xr.DataArray | None:
    if study.people == "none" or study.response_meta["level"] != "image":
        return None
    coverage: xr.DataArray = study.human_maps()["coverage"]
    return coverage


def _chosen(photographs: xr.DataArray, people: xr.DataArray | None, per_actor: int) -> xr.DataArray:
    """Take the first test images of each actor, of those that people responded to."""
    import numpy as np

    images, actors = photographs["image"].to_numpy(), photographs["actor"].to_numpy()
    usable = photographs["split"].to_numpy() == "test"
    if people is not None:
        seen = usable & np.isin(images, people["image"].to_numpy())
        usable = seen if seen.any() else usable
    rows = [at for actor in dict.fromkeys(actors[usable].tolist())
            for at in np.flatnonzero(usable & (actors == actor))[:per_actor or None].tolist()]
    return photographs.isel(image=sorted(rows))


def _label_counts(study: Study) -> xr.DataArray | None:
    """Count the other actors' boxes of the labels named most (actor, label, y, x)."""
    from salcompare.statistics import label_counts

    most = study.config.removal.labels
    if study.people != "boxes" or not most:
        return None
    table = study.responses
    named = table["label"].value_counts().reset_index().sort_values(["count", "label"], ascending=[False, True])
    counts = label_counts(table, study.images if "image" in table else None, size=study.config.study.size)
    return counts.sel(label=named["label"].head(most).tolist())


@dataclass(frozen=True)
class _Orders:
    """Makes the orders of some photographs' pixels: smoothed maps, and what they are compared with.

    Smoothing makes what is removed lie in patches for all of them, and chance is a map's own patches elsewhere: of one
    area, many small patches cost a network more than few large ones, wherever they are.
    """

    people: xr.DataArray | None
    maps: dict[str, xr.DataArray]
    labels: xr.DataArray | None
    sigma: float
    seed: int

    @property
    def label_names(self) -> list[str]:
        """Labels whose regions are removed; none where people named none."""
        return [] if self.labels is None else [str(label) for label in self.labels["label"].to_numpy()]

    def __call__(self, photographs: xr.DataArray) -> xr.DataArray:
        import xarray as xr

        from salcompare.maps import centre_orders, marked_by_both, moved_orders, smooth

        images = [str(image) for image in photographs["image"].to_numpy()]
        made = {source: smooth(maps.sel(image=images).load(), sigma=self.sigma) for source, maps in self.maps.items()}
        main = made[next(iter(self.maps))]
        made[RANDOM] = moved_orders(main, seed=self.seed, purpose=RANDOM)
        if self.people is not None:
            made[PEOPLE] = smooth(self.people.sel(image=images).load(), sigma=self.sigma)
            made[BOTH] = marked_by_both(made[PEOPLE], main)
            made[RANDOM_PEOPLE] = moved_orders(made[PEOPLE], seed=self.seed, purpose=RANDOM_PEOPLE)
        made[CENTRE] = centre_orders(images, size=(photographs.sizes["y"], photographs.sizes["x"]))
        made |= {LABEL + label: self._of_label(photographs, label) for label in self.label_names}
        bare = [maps.reset_coords(drop=True).astype("float64") for maps in made.values()]
        whole: xr.DataArray = xr.concat(bare, dim=xr.Variable("order", list(made)), join="exact")
        return whole.transpose("order", "image", "y", "x")

    def _of_label(self, photographs: xr.DataArray, label: str) -> xr.DataArray:
        import numpy as np
        import xarray as xr

        if self.labels is None:
            message = "there are no labels"
            raise ValueError(message)
        counts = self.labels.sel(label=label)
        known = counts["actor"].to_numpy().tolist()
        size = (photographs.sizes["y"], photographs.sizes["x"])
        values = [counts.sel(actor=actor).to_numpy() if actor in known else np.zeros(size)
                  for actor in photographs["actor"].to_numpy().tolist()]
        return xr.DataArray(np.stack(values), dims=("image", "y", "x"), coords={
            "image": photographs["image"].to_numpy(), "y": np.arange(size[0]), "x": np.arange(size[1])})


def _arrangements(study: Study, orders: _Orders) -> list[Arrangement]:
    """List what is done to each photograph: at equal area for all, and curves for the maps and for chance."""
    from salcompare.classifiers import INTACT, Arrangement, all_filled

    removal = study.config.removal
    main, *_ = removal.fills
    people = [] if orders.people is None else [PEOPLE]
    marked = [*orders.maps, *([PEOPLE, BOTH] if people else [])]
    chance = [RANDOM, *([RANDOM_PEOPLE] if people else []), CENTRE]
    ways: tuple[Way, ...] = ("deletion", "insertion")
    arrangements = [INTACT, *(all_filled(fill) for fill in removal.fills)]
    at_area = [(order, fill) for fill in removal.fills for order in (*marked, *chance)]
    at_area += [(LABEL + label, main) for label in orders.label_names]
    arrangements += [Arrangement(order, "deletion", fill, removal.area, whole=True) for order, fill in at_area]
    # People's order is measured with the main fill only: they are no attribution method.
    curves = [(order, fill) for fill in removal.fills for order in (*orders.maps, RANDOM)]
    curves += [(order, main) for order in people]
    return arrangements + [Arrangement(order, way, fill, share) for order, fill in curves for way in ways
                           for share in removal.shares]
