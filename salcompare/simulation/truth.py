"""The planted truth of simulated responses, in plain values: what statistics have to recover."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from salcompare.config import Simulation
from salcompare.schema import LABELS
from salcompare.simulation import preferences
from salcompare.simulation.boxes import SINGLE_SHARE, placements
from salcompare.simulation.calibration import published_calibration
from salcompare.simulation.faces import Face
from salcompare.simulation.preferences import ActorPreference, Shares

NOT_PLANTED = ("No relation between the boxes and any classifier's maps: what the two share comes from the faces' "
               "features being in the same places.")


def planted_truth(images: pd.DataFrame, faces: Mapping[str, Face], actors: Mapping[str, ActorPreference],
                  config: Simulation, *, seed: int, left_share: float) -> dict[str, object]:
    """Gather the truth of a simulation, ready for JSON.

    Parameters
    ----------
    images : DataFrame
        `image` and `actor` of the images responded to.
    faces : mapping
        Their features, by image.
    actors : mapping
        The actors' preferences, by name.
    config, seed
        As for `simulate_responses`.
    left_share : float
        Probability that a one-sided box is on the viewer's left.

    Returns
    -------
    dict
        `label_share`: expected population share of each label (actors weigh the same), with what was planted;
        `actors`: role and expected label shares of each; `planted`: each effect's kind, size and how it shows;
        `calibration`: the published numbers used; `settings`, `seed`, `not_planted`.
    """
    mean = np.mean([actor.shares for actor in actors.values()], axis=0)
    return {
        "simulated": True,
        "seed": seed,
        "settings": {"workers": config.workers, "per_image": config.per_image},
        "calibration": _calibration(),
        "label_share": _by_label(mean),
        "actors": {name: {"role": actor.role, "label_share": _by_label(actor.shares)}
                   for name, actor in actors.items()},
        "planted": [*_actor_effects(actors), _laterality(images, faces, actors, left_share), _worker_spread()],
        "not_planted": NOT_PLANTED,
    }


def expected_laterality(images: pd.DataFrame, faces: Mapping[str, Face], actors: Mapping[str, ActorPreference], *,
                        left_share: float) -> float:
    """Laterality of the population's human heatmap that the model leads to.

    Returns
    -------
    float
        (L - R) / (L + R) of the expected coverage about the photographs' vertical midline, viewer's left, images
        weighing the same within their actor and actors in the population; in [-1, 1]. Boxes are taken at their
        typical place and size, cut at the photograph's edge.
    """
    halves = []
    for name, own in images.groupby("actor", sort=True):
        shares = actors[str(name)].shares
        halves.append(np.mean([_halves(faces[image], shares, left_share) for image in own["image"]], axis=0))
    left, right = np.mean(halves, axis=0)
    return float((left - right) / (left + right))


def _halves(face: Face, shares: Shares, left_share: float) -> tuple[float, float]:
    """Sum the expected coverage in the left and in the right half of one image, as shares of its pixels."""
    left = right = 0.0
    for label, share in zip(LABELS, shares, strict=True):
        for place in placements(face, label, left_share=left_share):
            x0, x1 = np.clip([place.x - place.width / 2, place.x + place.width / 2], 0, face.width)
            y0, y1 = np.clip([place.y - place.height / 2, place.y + place.height / 2], 0, face.height)
            weight = share * place.probability * (y1 - y0) / (face.width * face.height)
            middle = min(max(face.width / 2, x0), x1)
            left, right = left + weight * (middle - x0), right + weight * (x1 - middle)
    return left, right


def _laterality(images: pd.DataFrame, faces: Mapping[str, Face], actors: Mapping[str, ActorPreference],
                left_share: float) -> dict[str, object]:
    planted = expected_laterality(images, faces, actors, left_share=left_share)
    without = expected_laterality(images, faces, actors, left_share=0.5)
    return {
        "kind": "laterality", "share_left": left_share, "single_share": SINGLE_SHARE,
        "expected_laterality": round(planted, 4), "expected_without": round(without, 4),
        "seen_as": "one-sided boxes (cheek, ears, laugh line, a single eye or brow) lie left of the face's midline, "
                   "viewer's left, with probability share_left; the population heatmap's laterality is near "
                   "expected_laterality, which is above expected_without, what the faces' places alone lead to",
    }


def _actor_effects(actors: Mapping[str, ActorPreference]) -> list[dict[str, object]]:
    raised: list[dict[str, object]] = [
        {"kind": "raised label", "actor": name, "label": actor.label, "size": actor.raised,
         "seen_as": "the actor's share of the label and the relative saliency at its place are raised"}
        for name, actor in actors.items() if actor.label is not None]
    controls: list[dict[str, object]] = [
        {"kind": "control", "actors": [name for name, actor in actors.items() if actor.role == "control"], "size": 0.0,
         "seen_as": "expected label shares are exactly the published population's"}]
    spread: list[dict[str, object]] = [
        {"kind": "spread between actors", "concentration": published_calibration().concentration,
         "seen_as": "shares of actors that are not controls and have no raised label are Dirichlet around the "
                    "published ones: variance p (1 - p) / (concentration + 1)"},
        {"kind": "spread between images", "concentration": preferences.IMAGE_CONCENTRATION,
         "seen_as": "an image's label shares are Dirichlet around its actor's"}]
    return [*raised, *controls, *spread]


def _worker_spread() -> dict[str, object]:
    shares = preferences.population_shares()
    variance = shares * (1 - shares) / (preferences.WORKER_CONCENTRATION + 1)
    return {
        "kind": "spread between workers", "concentration": preferences.WORKER_CONCENTRATION,
        "label_variance": _by_label(variance), "log_size_sd": preferences.WORKER_SIZE_SD,
        "shift_sd": preferences.WORKER_SHIFT_SD, "log_seconds_sd": preferences.WORKER_PACE_SD,
        "seen_as": "on a control actor, workers' own shares of a label have about label_variance between workers, so "
                   "intervals that resample responses instead of workers are too narrow",
    }


def _calibration() -> dict[str, object]:
    calibration = published_calibration()
    return {"source": calibration.source, "label_share": _by_label(preferences.population_shares()),
            "concentration": calibration.concentration, "mean_human_map_peak": calibration.peak,
            "typical_box": {label: list(box) for label, box in calibration.typical_box.items()}}


def _by_label(values: Shares) -> dict[str, float]:
    return {label: round(float(value), 6) for label, value in zip(LABELS, values, strict=True)}
