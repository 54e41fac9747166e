"""The stage that sums the maps of people, networks and controls over the regions of the canonical face."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from salcompare import store
from salcompare.findings.controls import RANDOMISED, SOBEL
from salcompare.findings.overlap import CENTRE
from salcompare.findings.regions.inputs import KEY, VISIBLE, has_stage, path_of
from salcompare.naming import HUMAN
from salcompare.printing import counted
from salcompare.stages import Stage, grid_settings
from salcompare.study import GIVEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd
    import xarray as xr

    from salcompare.progress import Progress
    from salcompare.study import Study

    Controls = Callable[[Study], Mapping[str, Mapping[str, xr.Dataset]]]

_IMAGES = 64  # whose maps are held at a time


def region_stages(study: Study, made: Sequence[str], controls: Controls) -> Iterator[Stage]:
    """Give the stage, after those that make landmarks and maps; none where a study has no landmarks.

    `controls` opens the maps of a study's controls, by source and by the control's name.
    """
    requires = tuple(name for name in made if name in ("landmarks", "photographs", "responses", "quality", "human maps")
                     or name.startswith(("maps ", "randomised ")))
    if has_stage(study):
        yield Stage("regions", requires, grid_settings(study), partial(_sum, controls=controls),
                    outputs=(path_of(study),))


def _sum(study: Study, fingerprint: str, progress: Progress, *, controls: Controls) -> None:  # noqa: ARG001
    import pandas as pd

    from salcompare.faces import REGIONS

    landmarks = study.landmarks()
    parts = list(_masses(study, landmarks, controls(study))) if has_mesh(landmarks) else []
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*KEY, *REGIONS])
    store.write_table(path_of(study), table)
    progress.say(f"  regions of {counted(len(table), 'map')}" if parts else
                 "  no regions: the landmarks are not the 468 points of MediaPipe's mesh")


def has_mesh(landmarks: xr.DataArray) -> bool:
    """Whether regions are known by these landmarks: they are MediaPipe's 468 or 478."""
    from salcompare.faces import SCHEMES

    return set(SCHEMES["468"].points) <= set(landmarks.point.to_numpy().tolist())


def _masses(study: Study, landmarks: xr.DataArray,
            controls: Mapping[str, Mapping[str, xr.Dataset]]) -> Iterator[pd.DataFrame]:
    """Give rows of people, of each source, of its networks with random weights, and of the centre and of edges."""
    import numpy as np

    from salcompare.maps.filters import sobel_edges
    from salcompare.statistics.overlaps.baselines import centre
    from salcompare.statistics.overlaps.control_networks import network_maps

    of_source = {source: study.maps_of(source)["saliency"] for source in study.sources}
    held = [maps["image"].to_numpy() for maps in of_source.values()]
    if study.people != "none" and study.response_meta["level"] == "image":
        yield from _people(study, landmarks)
        held.append(study.human_maps()["image"].to_numpy())
    for source, maps in of_source.items():
        yield from _of_maps(study, landmarks, maps, source=source)
    for source, of_kinds in controls.items():
        networks = network_maps(of_kinds[RANDOMISED]["saliency"]) if RANDOMISED in of_kinds else {}
        for network, maps in networks.items():
            yield from _of_maps(study, landmarks, maps, source=source, network=str(network))
    for some in _some(study.photographs().sel(image=np.unique(np.concatenate(held)) if held else [])):
        edges = sobel_edges(some)
        yield from _of_maps(study, landmarks, edges, source=SOBEL)
        yield from _of_maps(study, landmarks, centre(edges), source=CENTRE, area=True)


def _some(maps: xr.DataArray) -> Iterator[xr.DataArray]:
    """Load maps (image, ...) some images at a time."""
    for start in range(0, maps.sizes["image"], _IMAGES):
        yield maps.isel(image=slice(start, start + _IMAGES)).load()


def _of_maps(study: Study, landmarks: xr.DataArray, maps: xr.DataArray, *, area: bool = False,
             **key: str) -> Iterator[pd.DataFrame]:
    """Give rows of maps (image, y, x), and, if asked for, of what the photographs show of the regions."""
    from salcompare.statistics.regions import region_masses

    for some in _some(maps):
        sums = region_masses(some, landmarks, images=study.images)
        yield _rows(sums["mass"], **key)
        if area:
            yield _rows(sums["area"], source=VISIBLE)


def _people(study: Study, landmarks: xr.DataArray) -> Iterator[pd.DataFrame]:
    """Give a row for each response; of maps that do not say whose they are, one for each image."""
    from salcompare.statistics.regions import region_masses
    from salcompare.statistics.responses import chosen, maps_of_responses, names_of

    given = study.response_maps() if study.people in GIVEN else study.responses
    names = names_of(given)
    if (names["worker"].fillna("") == "").any():
        yield from _of_maps(study, landmarks, study.human_maps()["coverage"], source=HUMAN)
        return
    for image, workers in names.groupby("image", sort=False)["worker"]:
        of_image = study.images[study.images["image"] == image]
        maps = maps_of_responses(chosen(given, (names["image"] == image).to_numpy()), of_image,
                                 size=study.config.study.size)
        sums = region_masses(maps.expand_dims(image=[str(image)]), landmarks, images=of_image)
        yield _rows(sums["mass"].isel(image=0), source=HUMAN, image=str(image)).assign(worker=workers.to_numpy())


def _rows(sums: xr.DataArray, **key: str) -> pd.DataFrame:
    """Make rows of sums (image or response, region)."""
    import pandas as pd

    table = pd.DataFrame(sums.to_numpy(), columns=sums["region"].to_numpy())
    names = {"source": "", "network": "", "image": sums["image"].to_numpy(), "worker": "", **key}
    return pd.concat([pd.DataFrame(names, index=table.index), table], axis=1)
