"""Studies of other designs than actors with many images each, people and a network; nothing is trained."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.given_study import GAZE, NETWORKS_MAPS, make_given_study
from tests.small_study import make_small_study, without_classifier

SIZE = 32


def people_alone(folder: Path, *, n_actors: int, n_images: int, workers: int = 6) -> Path:
    """A study of boxes and no classifier, whose photographs are all test images."""
    make_small_study(folder, n_actors=n_actors, n_images=n_images, size=SIZE)
    without_classifier(folder)
    settings = (folder / "study.toml").read_text(encoding="utf-8").splitlines()
    (folder / "study.toml").write_text("\n".join(line for line in settings if not line.startswith("split")))
    boxes = folder / "data/raw/responses.csv"
    table = pd.read_csv(boxes)
    table[table["worker"].isin([f"w{k + 1}" for k in range(workers)])].to_csv(boxes, index=False)
    return folder


def gaze_and_network(folder: Path, *, actors: int, images: int) -> Path:
    """Gaze and ready-made maps of the first so many images of the first so many actors."""
    make_given_study(folder, GAZE + NETWORKS_MAPS)
    kept = {f"actor{a + 1}/{i + 1}" for a in range(actors) for i in range(images)}
    for below in ("photographs", "deepnet"):
        for path in sorted((folder / "data/raw" / below).glob("*/*")):
            if f"{path.parent.name}/{path.stem}" not in kept:
                path.unlink()
    fixations = folder / "data/raw/fixations.csv"
    table = pd.read_csv(fixations)
    table[table["image"].isin(kept)].to_csv(fixations, index=False)
    return folder


DESIGNS = {
    "one stimulus": lambda folder: people_alone(folder, n_actors=1, n_images=1),
    "one actor": lambda folder: people_alone(folder, n_actors=1, n_images=4),
    "one image of each actor": lambda folder: people_alone(folder, n_actors=4, n_images=1),
    "one worker": lambda folder: people_alone(folder, n_actors=3, n_images=2, workers=1),
    "two actors": lambda folder: people_alone(folder, n_actors=2, n_images=3),
    "one stimulus, gaze and a network": lambda folder: gaze_and_network(folder, actors=1, images=1),
    "one actor, gaze and a network": lambda folder: gaze_and_network(folder, actors=1, images=3),
}
