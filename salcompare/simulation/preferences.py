"""What each actor, image and worker contributes, drawn by name, and the planted truth of it in plain values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaincinv

from salcompare.config import Simulation
from salcompare.schema import LABELS
from salcompare.simulation.faces import SINGLE_SHARE, Face, placements
from salcompare.simulation.published import published_calibration

IMAGE_CONCENTRATION = 150.0
"""Of an image's label shares around its actor's: not published, assumed; about a third of the actors' variance."""
WORKER_CONCENTRATION = 20.0
"""Of a worker's label shares around the image's: not published, assumed."""
WORKER_SIZE_SD = 0.20
"""Standard deviation over workers of the log of their boxes' size: not published, assumed."""
WORKER_SHIFT_SD = 0.04
"""Standard deviation over workers of where they put a box, as a share of its size: not published, assumed."""
WORKER_PACE_SD = 0.30
"""Standard deviation over workers of the log of their seconds a response: not published, assumed."""

RAISED_ORL = {
    "s01": ("ears", 0.15), "s10": ("eye brows", 0.20), "s13": ("hairline", 0.20), "s14": ("beard", 0.30),
    "s19": ("eyes", 0.25), "s24": ("nose", 0.25), "s25": ("moustache", 0.25), "s26": ("beard", 0.20),
    "s35": ("lips", 0.25), "s37": ("beard", 0.30),
}
"""ORL actors and the share of their responses that is moved to a label which the photographs suggest: full beards
(s14, s26, s37), a moustache (s25), a bald head (s13), dark brows (s10), glasses (s19), ears that stand out (s01)."""
CONTROLS_ORL = ("s05", "s15", "s18", "s23", "s36", "s40")
"""ORL actors whose preference is exactly the population's."""
RAISED_LABELS = ("eye brows", "hairline", "lips", "nose")
RAISED_SHARE = 0.20
"""In a study of other photographs a quarter of the actors, drawn by name, have one of these labels raised by this,
and another quarter are controls."""

Role = Literal["raised", "control", "drawn"]
Shares = NDArray[np.float64]  # (labels,), in the order of schema.LABELS


@dataclass(frozen=True)
class ActorPreference:
    """What responses to one actor name.

    `shares` (labels,) are the expected ones, in the order of `schema.LABELS`. The `role` is ``control`` where they are
    exactly the population's, ``drawn`` from the Dirichlet, or ``raised``: drawn, then a label raised, to which a share
    of the responses was moved.
    """

    shares: Shares
    role: Role
    label: str | None = None
    raised: float = 0.0


@dataclass(frozen=True)
class Worker:
    """One simulated worker's habits.

    `taste` (labels,), in (0, 1): which quantile of what workers think of a label this worker is at, on every image.
    `size`: factor on the size of the boxes. `shift` (2,): where boxes lie off their feature, as a share of their width
    and height. `pace`: factor on the seconds a response takes.
    """

    taste: Shares
    size: float
    shift: NDArray[np.float64]
    pace: float


def stream(seed: int, *names: str) -> np.random.Generator:
    """Random numbers that belong to a name, such as ``("image", "s07/3")``: others' draws do not move them."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def population_shares() -> Shares:
    """Give the published share of each label, in the order of `schema.LABELS`."""
    return np.array([published_calibration().label_share[label] for label in LABELS])


def draw_actor(actor: str, *, orl_actor: str | None, seed: int) -> ActorPreference:
    """Draw an actor's preference; the draws belong to its name.

    `orl_actor` is whom of the ORL actors the photographs show, such as ``s07``, which decides what is planted; None for
    other photographs.
    """
    rng = stream(seed, "actor", actor)
    drawn = _dirichlet(rng, published_calibration().concentration * population_shares())
    if orl_actor is not None:
        label, raised = RAISED_ORL.get(orl_actor, (None, 0.0))
        role: Role = "control" if orl_actor in CONTROLS_ORL else "raised" if label else "drawn"
    else:
        draw = rng.random()
        role = "control" if draw < 0.25 else "raised" if draw < 0.5 else "drawn"
        label, raised = (str(rng.choice(RAISED_LABELS)), RAISED_SHARE) if role == "raised" else (None, 0.0)
    if role == "control":
        return ActorPreference(population_shares(), role)
    if label is None:
        return ActorPreference(drawn, role)
    moved = np.array([float(name == label) for name in LABELS])
    return ActorPreference((1 - raised) * drawn + raised * moved, role, label, raised)


def draw_image(image: str, actor_shares: Shares, *, seed: int) -> Shares:
    """Draw an image's label shares around its actor's; their mean over images is the actor's."""
    return _dirichlet(stream(seed, "image preference", image), IMAGE_CONCENTRATION * actor_shares)


def draw_worker(worker: str, *, seed: int) -> Worker:
    """Draw a worker's habits."""
    rng = stream(seed, "worker", worker)
    return Worker(taste=rng.random(len(LABELS)), size=float(np.exp(WORKER_SIZE_SD * rng.standard_normal())),
                  shift=WORKER_SHIFT_SD * rng.standard_normal(2),
                  pace=float(np.exp(WORKER_PACE_SD * rng.standard_normal())))


def picked(shares: NDArray[np.float64], draws: NDArray[np.float64]) -> NDArray[np.intp]:
    """Pick a column in each row of shares (n, columns) that sum to 1, by uniform draws (n,)."""
    passed = (shares.cumsum(axis=1) < draws[:, None]).sum(axis=1)
    return np.asarray(np.minimum(passed, shares.shape[1] - 1), np.intp)


def worker_shares(image_shares: Shares, taste: NDArray[np.float64]) -> NDArray[np.float64]:
    """Label shares (workers, labels) of workers on one image, rows summing to 1, around its own (labels,).

    `taste` (workers, labels) are the quantiles at which the workers are, uniform in (0, 1). Over workers the shares
    follow a Dirichlet of mean `image_shares` and concentration `WORKER_CONCENTRATION`: gamma variables at the workers'
    own quantiles, over their sum. So a worker who likes a label likes it on every image, and the mean stays where it
    is.
    """
    parts = np.where(image_shares > 0, gammaincinv(np.maximum(WORKER_CONCENTRATION * image_shares, 1e-12), taste), 0.0)
    shares: NDArray[np.float64] = parts / parts.sum(axis=1, keepdims=True)
    return shares


def _dirichlet(rng: np.random.Generator, alpha: Shares) -> Shares:
    """Draw from a Dirichlet; parameters may be 0, which NumPy's own refuses."""
    parts: Shares = rng.standard_gamma(alpha)
    parts /= parts.sum()
    return parts


def planted_truth(images: pd.DataFrame, faces: Mapping[str, Face], actors: Mapping[str, ActorPreference],
                  config: Simulation, *, seed: int, left_share: float) -> dict[str, object]:
    """Gather the truth of a simulation, ready for JSON.

    `faces` are the features by image, `actors` the preferences by name, `left_share` the probability that a one-sided
    box is on the viewer's left; otherwise as `simulate_responses`. Keys: `label_share`, the expected population share
    of each label (actors weigh the same), with what was planted; `actors`, role and expected label shares of each;
    `planted`, each effect's kind, size and how it shows; `calibration`, the published numbers used; `settings`, `seed`,
    `not_planted`.
    """
    mean = np.mean([actor.shares for actor in actors.values()], axis=0)
    published = published_calibration()
    return {
        "simulated": True,
        "seed": seed,
        "settings": {"workers": config.workers, "per_image": config.per_image},
        "calibration": {
            "source": published.source, "label_share": _by_label(population_shares()),
            "concentration": published.concentration, "mean_human_map_peak": published.peak,
            "typical_box": {label: list(box) for label, box in published.typical_box.items()}},
        "label_share": _by_label(mean),
        "actors": {name: {"role": actor.role, "label_share": _by_label(actor.shares)}
                   for name, actor in actors.items()},
        "planted": [*_actor_effects(actors), _laterality(images, faces, actors, left_share), _worker_spread()],
        "not_planted": "No relation between the boxes and any classifier's maps: what the two share comes from the "
                       "faces' features being in the same places.",
    }


def expected_laterality(images: pd.DataFrame, faces: Mapping[str, Face], actors: Mapping[str, ActorPreference], *,
                        left_share: float) -> float:
    """Laterality of the population's human heatmap that the model leads to, in [-1, 1].

    It is (L - R) / (L + R) of the expected coverage about the photographs' vertical midline, viewer's left, images
    weighing the same within their actor and actors in the population. Boxes are taken at their typical place and size,
    cut at the photograph's edge.
    """
    halves = []
    for name, shown in images.groupby("actor", sort=True):
        shares = actors[str(name)].shares
        halves.append(np.mean([_halves(faces[image], shares, left_share) for image in shown["image"]], axis=0))
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
                   "viewer's left, with probability share_left, but for ears of which the head hides one; the "
                   "laterality of the population's heatmap, where photographs are not aligned, is near "
                   "expected_laterality, above expected_without, what the faces' places alone lead to",
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
        {"kind": "spread between images", "concentration": IMAGE_CONCENTRATION,
         "seen_as": "an image's label shares are Dirichlet around its actor's"}]
    return [*raised, *controls, *spread]


def _worker_spread() -> dict[str, object]:
    shares = population_shares()
    variance = shares * (1 - shares) / (WORKER_CONCENTRATION + 1)
    return {
        "kind": "spread between workers", "concentration": WORKER_CONCENTRATION,
        "label_variance": _by_label(variance), "log_size_sd": WORKER_SIZE_SD,
        "shift_sd": WORKER_SHIFT_SD, "log_seconds_sd": WORKER_PACE_SD,
        "seen_as": "on a control actor, workers' own shares of a label have about label_variance between workers, so "
                   "intervals that resample responses instead of workers are too narrow",
    }


def _by_label(values: Shares) -> dict[str, float]:
    return {label: round(float(value), 6) for label, value in zip(LABELS, values, strict=True)}
