"""Statistics on what people and a face classifier find salient in a face.

The names below load their modules when they are first used; importing the package loads nothing heavy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salcompare.maps import (
        actor_heatmap,
        canonical_saliency,
        from_canonical,
        points_to_canonical,
        rasterise_boxes,
        rasterise_fixations,
        relative_saliency,
        saliency_difference,
        smooth,
        to_canonical,
        top_mask,
    )
    from salcompare.opening import open_study
    from salcompare.study import Study

__version__ = "0.2.0"

_HOMES = {"Study": "salcompare.study", "open_study": "salcompare.opening"}  # of the others: salcompare.maps
_SUBPACKAGES = ("classifiers", "faces", "figures", "maps", "report", "simulation", "sources", "statistics")

__all__ = ["Study", "__version__", "actor_heatmap", "canonical_saliency", "from_canonical", "open_study",
           "points_to_canonical", "rasterise_boxes", "rasterise_fixations", "relative_saliency", "saliency_difference",
           "smooth", "to_canonical", "top_mask"]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(importlib.import_module(_HOMES.get(name, "salcompare.maps")), name)
    if name in _SUBPACKAGES:
        return importlib.import_module(f"salcompare.{name}")
    raise AttributeError(f"module 'salcompare' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBPACKAGES])
