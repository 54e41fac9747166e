"""Made-up outcomes of a network on changed photographs."""

import numpy as np
import xarray as xr

MAIN = "net/finetuned/guided_backprop"
NAMES = ("order", "way", "fill", "share", "whole")


def outcomes(rows, *, actors=("a", "b"), per_actor=1, attrs=None):
    """Outcomes from rows of (order, way, fill, share, whole, logits of the images)."""
    names = [f"{actor}/{i}" for actor in actors for i in range(per_actor)]
    logit = np.array([row[5] for row in rows], float).T
    coords = {name: ("arrangement", np.array([row[at] for row in rows])) for at, name in enumerate(NAMES)}
    coords |= {"image": names, "actor": ("image", np.repeat(actors, per_actor))}
    correct = np.where(np.isnan(logit), np.nan, logit > 0)
    return xr.Dataset({"logit": (("image", "arrangement"), logit), "correct": (("image", "arrangement"), correct),
                       "probability": (("image", "arrangement"), 1 / (1 + np.exp(-logit)))}, coords,
                      attrs={"main": MAIN, "area": 0.1} | (attrs or {}))


def simulated(rng, *, n_actors=12, per_actor=2, people=0.0, labels=(), fills=("mean", "blur"), spread=1.0):
    """Whole outcomes of a network, where removing what people marked costs `people` more than removing patches."""
    n = n_actors * per_actor
    intact = rng.normal(5, 1, n)
    tired = np.repeat(rng.normal(0, spread, n_actors), per_actor)  # how much an actor suffers from any hole

    def lost(more=0.0):
        return intact - 2 - tired - more - rng.normal(0, spread, n)

    rows = [("", "deletion", "", 0.0, False, intact)]
    rows += [("", "deletion", fill, 1.0, False, rng.normal(-3, 1, n)) for fill in fills]
    more = {"people": people, "both": people}
    rows += [(order, "deletion", fill, 0.1, True, lost(more.get(order, 0))) for fill in fills
             for order in (MAIN, "people", "both", "random", "random people", "centre")]
    rows += [(f"label {label}", "deletion", fills[0], 0.1, True, lost(cost)) for label, cost in labels]
    rows += [(order, way, fill, share, False, lost()) for fill in fills for order in (MAIN, "random")
             for way in ("deletion", "insertion") for share in (0.1, 0.5)]
    rows += [("people", way, fills[0], share, False, lost()) for way in ("deletion", "insertion")
             for share in (0.1, 0.5)]
    return outcomes(rows, actors=[f"a{actor:02}" for actor in range(n_actors)], per_actor=per_actor)
