"""A study as the pilot of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.errors import InputError, Problem

if TYPE_CHECKING:
    from salcompare.planning.pilot import Pilot
    from salcompare.study import Study


def study_pilot(study: Study, *, classifier: bool) -> Pilot:
    """Estimate what to plan another study from, from a study and (if asked for) its first classifier's maps.

    Raises
    ------
    InputError
        If the study has no responses that name images, something is missing or stale, or it is too small.
    """
    from salcompare.planning.pilot import fit_pilot

    if study.people != "boxes":
        raise InputError(Problem("pilot study", "no boxes", "boxes that name images", "see [responses]"))
    study.human_maps()  # refuses responses that name no image
    saliency = study.classifier_maps()["saliency"] if classifier and study.config.classifier else None
    return fit_pilot(study.responses, study.images, saliency, seed=study.config.study.seed,
                     name=study.config.study.name)
