"""Landmarks of the study's photographs, as their stage left them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

    from salcompare.study import Study


def landmarks(study: Study) -> xr.DataArray | None:
    """(image, point, axis), pixels of the photograph; None where the study has none."""
    return None if study.config.landmarks.source == "none" else study.landmarks().load()


INPUTS = {"landmarks": landmarks}
