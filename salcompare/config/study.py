"""The study as a whole: its photographs, its masks and statistics, its report."""

from __future__ import annotations

from dataclasses import dataclass

from salcompare.config.options import option


@dataclass(frozen=True)
class General:
    """The study as a whole."""

    name: str = option("my study", "shown as the report's title")
    seed: int = option(0, "every random draw follows from it", low=0)
    size: tuple[int, int] = option((227, 227), "height and width of the grid of images and maps", low=8, high=4096)


@dataclass(frozen=True)
class Images:
    """Where the photographs come from and how they are split."""

    source: str = option("folder", "folder (one per actor), facescrub (a list beside downloads) or orl (the demo's)",
                          choices=("folder", "facescrub", "orl"))
    path: str = option("data/raw/photographs", "the folder of the photographs")
    list: str = option("data/raw/facescrub.txt", "the FaceScrub list: name, image id, face id, url, bbox, sha256")
    per_actor: int = option(0, "take the first so many images of each actor; 0 takes all", low=0)
    split: tuple[float, ...] = option((0.7, 0.15, 0.15), "train, validation, test: images an actor, or "
                                       "shares; without validation images, such as [0.85, 0, 0.15], set keep = "
                                       "\"last\" of each [[classifier]]", low=0)
    groups: str = option("", "CSV of actor,group, kept as a coordinate of the maps; empty for none")


@dataclass(frozen=True)
class Maps:
    """Masks and smoothing."""

    mask_share: float = option(0.05, "share of pixels in a classifier's mask", low=0.0001, high=1)
    human_share: float = option(0.10, "share of pixels shown of a human heatmap", low=0.0001, high=1)
    sigma: float = option(0.03, "standard deviation of the smoothing Gaussian, as a share of the grid's width",
                           low=0, high=0.5)


@dataclass(frozen=True)
class Statistics:
    """Resampling."""

    n_permutations: int = option(9999, "permutations of each test", low=99)
    n_resamples: int = option(2000, "bootstrap resamples of each interval", low=100)


@dataclass(frozen=True)
class Report:
    """What the report shows."""

    actors: tuple[str, ...] = option((), "actors shown in the figures, at most 6; empty takes the first six")
    differences: tuple[str, ...] = option((), "pairs for saliency differences, 'actor - actor'; empty chooses three")
