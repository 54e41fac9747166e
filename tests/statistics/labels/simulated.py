"""Label responses simulated for tests: images differ, actors only where told."""

from __future__ import annotations

import numpy as np
import pandas as pd

SHARES = np.array([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])
LABELS = np.array(["eyes", "nose", "lips", "chin", "ears", "beard"])


def study(rng, *, n_actors=6, n_images=4, per_image=12, concentration=20.0, raised=(), n_workers=40, taste=0.0):
    """Responses and images of a study.

    `n_images` and `per_image` are numbers, or functions of the actor's number; `concentration` is that of images'
    shares around the actor's (large: images are alike); `raised` holds (actor's number, label's number, share moved to
    it); `taste` is the spread of workers' log preferences.
    """
    preferences = np.tile(SHARES, (n_actors, 1))
    for actor, label, amount in raised:
        preferences[actor] *= 1 - amount
        preferences[actor, label] += amount
    habits = rng.normal(0, taste, (n_workers, len(SHARES)))
    names, numbers, drawn, judges = [], [], [], []
    for actor in range(n_actors):
        for image in range(n_images(actor) if callable(n_images) else n_images):
            n = per_image(actor) if callable(per_image) else per_image
            workers = rng.choice(n_workers, n, replace=n > n_workers)
            shares = rng.dirichlet(concentration * preferences[actor]) * np.exp(habits[workers])
            drawn.append((shares.cumsum(axis=1) < rng.random((n, 1)) * shares.sum(axis=1, keepdims=True)).sum(axis=1))
            names.append(f"a{actor:02}/{image}")
            numbers.append(n)
            judges.append(workers)
    responses = pd.DataFrame({"worker": np.char.add("w", np.concatenate(judges).astype(str)),
                              "image": np.repeat(names, numbers), "label": LABELS[np.concatenate(drawn)]})
    return responses, pd.DataFrame({"image": names, "actor": [name.split("/")[0] for name in names]})


SIZE = 16
PLACES = np.array([(5, 8), (9, 8), (12, 8), (14, 8), (8, 1), (13, 6)])  # y, x of each label


def boxed(rng, responses, images):
    """Give responses boxes of 4 pixels or so about their label's place, and images the grid's size."""
    labels = pd.Index(LABELS).get_indexer(responses["label"])
    middle = PLACES[labels] + rng.normal(0, 1, (len(labels), 2))
    half = rng.uniform(1.5, 3, (len(labels), 2))
    low, high = np.clip(middle - half, 0, SIZE - 1), np.clip(middle + half, 1, SIZE)
    edges = {"y0": low[:, 0], "y1": high[:, 0], "x0": low[:, 1], "x1": high[:, 1]}
    return responses.assign(**edges), images.assign(height=SIZE, width=SIZE)
