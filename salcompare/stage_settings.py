"""What stages of several kinds depend on: the grid, and files of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from salcompare import provenance

if TYPE_CHECKING:
    from salcompare.config import Attribution
    from salcompare.study import Study


def grid_settings(study: Study) -> dict[str, object]:
    """Give the size of the maps, and the seed."""
    return {"size": study.config.study.size, "seed": study.config.study.seed}


def hashed(study: Study, named: list[str]) -> dict[str, str]:
    """Hash those of the named files that exist."""
    return {name: provenance.sha256_of_file(study.root / name) for name in named if (study.root / name).is_file()}


def response_kind(study: Study) -> Literal["collected", "simulated"]:
    """Say whether people really drew the responses."""
    return "simulated" if study.simulated else "collected"


def attribution_settings(attribution: Attribution, method: str | None = None) -> dict[str, object]:
    """Name what the maps of one method, the main one if none is named, depend on, but no other methods' options."""
    return attribution.choices(method or attribution.method) | {"batch": attribution.batch}
