"""What tells one actor's photographs from another's, as its stages left it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare import store

if TYPE_CHECKING:
    import xarray as xr

    from salcompare.study import Study


def differences(study: Study) -> xr.Dataset | None:
    """``own``, ``other`` (image, y, x): attributions of the image's actor and of ``other_actor``.

    Where a coordinate ``photograph`` is, it names the photograph, and ``image`` the pair.
    """
    return store.open_dataset(study.processed, "differences").load() if study.config.classifier else None


def class_matrix(study: Study) -> xr.Dataset | None:
    """``difference`` (actor, other_actor, y, x): what tells the actor's photographs from the other; ``n_images``."""
    return store.open_dataset(study.processed, "class_matrix") if study.config.classifier else None


INPUTS = {"differences": differences, "class_matrix": class_matrix}
