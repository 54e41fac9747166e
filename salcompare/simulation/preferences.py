"""What each actor, image and worker contributes: streams of random numbers by name, and the draws from them.

A draw depends on the seed and on the name of what it is drawn for, never on what else is in the study.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from salcompare.schema import LABELS
from salcompare.simulation.calibration import published_calibration

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

    Attributes
    ----------
    shares : array (labels,)
        Expected share of each label, in the order of `schema.LABELS`; sums to 1.
    role : str
        ``control``: exactly the population's; ``drawn``: from the Dirichlet; ``raised``: drawn, then a label raised.
    label : str or None
        The raised label.
    raised : float
        Share of responses that was moved to it.
    """

    shares: Shares
    role: Role
    label: str | None = None
    raised: float = 0.0


@dataclass(frozen=True)
class Worker:
    """One simulated worker's habits.

    Attributes
    ----------
    taste : array (labels,)
        In (0, 1): which quantile of what workers think of a label this worker stands at, on every image.
    size : float
        Factor on the size of the boxes.
    shift : array (2,)
        Where boxes lie off their feature, as a share of their width and height.
    pace : float
        Factor on the seconds a response takes.
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
    """Draw an actor's preference.

    Parameters
    ----------
    actor : str
        Its name; the draws belong to it.
    orl_actor : str or None
        Which ORL actor the photographs show, such as ``s07``; decides what is planted. None for other photographs.
    seed : int
        Of the study.
    """
    rng = stream(seed, "actor", actor)
    drawn = _dirichlet(rng, published_calibration().concentration * population_shares())
    if orl_actor is not None:
        label, raised = RAISED_ORL.get(orl_actor, (None, 0.0))
        role: Role = "control" if orl_actor in CONTROLS_ORL else "raised" if label else "drawn"
    else:
        role = _role(rng.random())
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


def worker_shares(image_shares: Shares, taste: NDArray[np.float64]) -> NDArray[np.float64]:
    """Label shares of workers on one image.

    Parameters
    ----------
    image_shares : array (labels,)
        The mean over workers.
    taste : array (workers, labels)
        Quantiles at which the workers stand, uniform in (0, 1).

    Returns
    -------
    array (workers, labels)
        Rows sum to 1. Over workers they follow a Dirichlet of mean `image_shares` and concentration
        `WORKER_CONCENTRATION`: gamma variables at the workers' own quantiles, over their sum. So a worker who likes a
        label likes it on every image, and the mean stays where it is.
    """
    parts = np.where(image_shares > 0, gammaincinv(np.maximum(WORKER_CONCENTRATION * image_shares, 1e-12), taste), 0.0)
    shares: NDArray[np.float64] = parts / parts.sum(axis=1, keepdims=True)
    return shares


def _dirichlet(rng: np.random.Generator, alpha: Shares) -> Shares:
    """Draw from a Dirichlet; parameters may be 0, which NumPy's own refuses."""
    parts: Shares = rng.standard_gamma(alpha)
    parts /= parts.sum()
    return parts


def _role(draw: float) -> Role:
    return "control" if draw < 0.25 else "raised" if draw < 0.5 else "drawn"
