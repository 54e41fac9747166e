"""A study small enough to go through every stage in a test: drawn faces, made-up boxes, a network without weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

SPLIT = (3, 1, 2)
FEATURES = {  # centre x, centre y, width, height, as shares of the photograph's width and height
    "eyes": (0.50, 0.38, 0.60, 0.16), "nose": (0.50, 0.56, 0.22, 0.22), "lips": (0.50, 0.76, 0.36, 0.12),
    "hairline": (0.50, 0.12, 0.60, 0.12), "cheek": (0.24, 0.60, 0.18, 0.18),
}
WORKERS = tuple(f"w{number}" for number in range(1, 7))


def make_small_study(folder: Path, *, n_actors: int = 3, n_images: int = sum(SPLIT), size: int = 48) -> Path:
    """Write a study of drawn faces and made-up boxes.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    n_actors, n_images : int
        Actors and images of each; all beyond the 1 validation and 2 test images of an actor train.
    size : int
        Side of the study's grid, pixels; photographs are a quarter higher than wide. 48 is about as small as
        AlexNet takes.

    Returns
    -------
    Path
        `folder`, with study.toml, data/raw/photographs and data/raw/responses.csv.
    """
    photographs = folder / "data" / "raw" / "photographs"
    names = [f"actor{number + 1}" for number in range(n_actors)]
    for number, name in enumerate(names):
        (photographs / name).mkdir(parents=True)
        for k in range(n_images):
            _face(number, k, width=size).save(photographs / name / f"{k + 1}.png")
    table = pd.concat([_responses(number, name, n_images, width=size) for number, name in enumerate(names)])
    table.to_csv(folder / "data" / "raw" / "responses.csv", index=False)
    (folder / "study.toml").write_text(_settings(size, n_images), encoding="utf-8")
    return folder


def _shape(width: int) -> tuple[int, int]:
    """Height and width of the photographs."""
    return width + width // 4, width


def _face(actor: int, image: int, *, width: int) -> Image.Image:
    """An oval with eyes, nose, mouth and hair; tone, hair and brows are the actor's, place and noise the image's."""
    rng = np.random.default_rng([actor, image])
    height, width = _shape(width)
    picture = Image.new("RGB", (width, height), (90 + 10 * (actor % 3), 90, 110))
    draw = ImageDraw.Draw(picture)
    shift_x, shift_y = rng.uniform(-0.04, 0.04, 2)

    def oval(x: float, y: float, w: float, h: float, tone: tuple[int, int, int]) -> None:
        x, y = (x + shift_x) * width, (y + shift_y) * height
        draw.ellipse((x - w * width / 2, y - h * height / 2, x + w * width / 2, y + h * height / 2), fill=tone)

    hair, skin = [((40, 30, 20), (225, 190, 165)), ((200, 170, 80), (170, 120, 90)), ((120, 50, 20), (240, 215, 200)),
                  ((20, 20, 20), (120, 80, 60))][actor % 4]
    oval(0.5, 0.42, 0.86, 0.84 - 0.06 * (actor % 3), hair)
    oval(0.5, 0.54, 0.74, 0.82, skin)
    for side in (-1, 1):
        oval(0.5 + side * 0.17, 0.38, 0.10 + 0.03 * (actor % 2), 0.06 + 0.02 * (actor % 3), (30, 30, 40))
    oval(0.5, 0.56, 0.08 + 0.04 * (actor % 3), 0.14, tuple(max(tone - 40, 0) for tone in skin))
    oval(0.5, 0.76, 0.20 + 0.06 * (actor % 3), 0.05 + 0.02 * (actor % 2), (160, 50, 60))
    noise = rng.normal(0, 6, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def _responses(actor: int, name: str, n_images: int, *, width: int) -> pd.DataFrame:
    """One box by each worker on each image; half of an actor's boxes hold the feature that is the actor's own."""
    rng = np.random.default_rng([7, actor])
    height, width = _shape(width)
    labels = list(FEATURES)
    rows = []
    for image in range(1, n_images + 1):
        for worker in WORKERS:
            label = labels[actor % len(labels)] if rng.random() < 0.5 else str(rng.choice(labels))
            x, y, w, h = FEATURES[label]
            x, y = np.array([x, y]) + rng.normal(0, 0.02, 2)
            w, h = np.array([w, h]) * np.exp(rng.normal(0, 0.1, 2))
            x0, x1 = np.clip(np.round(np.array([x - w / 2, x + w / 2]) * width).astype(int), 0, width)
            y0, y1 = np.clip(np.round(np.array([y - h / 2, y + h / 2]) * height).astype(int), 0, height)
            rows.append((worker, f"{name}/{image}", label, x0, y0, x1, y1, round(float(rng.lognormal(2, 0.5)), 1)))
    return pd.DataFrame(rows, columns=["worker", "image", "label", "x0", "y0", "x1", "y1", "seconds"])


def _settings(size: int, n_images: int) -> str:
    _, validation, test = SPLIT
    return f"""\
[study]
name = "small study"
seed = 1
size = [{size}, {size}]

[images]
split = [{n_images - validation - test}, {validation}, {test}]

[[classifier]]
name = "tiny"
backbone = "alexnet"
weights = "none"
hidden = 8
frozen = {{iterations = 6, per_class = 2, validate_every = 2}}
finetuned = {{iterations = 4, per_class = 2, validate_every = 2}}

[maps]
sigma = 0.05

[statistics]
n_permutations = 99
n_resamples = 100
"""


def without_classifier(folder: Path) -> None:
    """Take the classifier out of a study's settings."""
    settings = (folder / "study.toml").read_text(encoding="utf-8")
    start, end = settings.index("[[classifier]]"), settings.index("[maps]")
    (folder / "study.toml").write_text("classifier = []\n" + settings[:start] + settings[end:], encoding="utf-8")
