"""A tiny backbone and tiny photographs that it can learn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import nn

from salcompare.classifiers import Backbone, Preprocessing, register_backbone
from salcompare.classifiers.backbones import GlobalMean
from salcompare.config import Classifier, Phase

PLAIN = Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
FROZEN = Phase(iterations=12, learning_rate=0.02, l2=1e-4, per_class=2, validate_every=3)
TINY = Classifier(name="tiny", backbone="tiny", weights="small", hidden=6, frozen=FROZEN,
                  finetuned=replace(FROZEN, iterations=10, learning_rate=0.01, validate_every=4, flip=True, shift=1))
SIZE = (12, 10)


def tiny_features() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 5, 3, stride=2), nn.BatchNorm2d(5), nn.ReLU(), GlobalMean(), nn.Flatten())


def register_tiny(folder: Path) -> None:
    """Register the backbone "tiny" with the named weights "small", which stand in the folder."""
    path = folder / "small.pth"

    def small(say):
        if not path.exists():
            with torch.random.fork_rng():
                torch.manual_seed(5)
                layers = tiny_features()
            layers[1].running_mean += 0.1
            torch.save(layers.state_dict(), path)
        return path

    register_backbone(Backbone("tiny", PLAIN, tiny_features, weights={"small": small}))


def tiny_photographs(n_actors=3, split=("train",) * 5 + ("validation",) * 2 + ("test",) * 2):
    """Noisy photographs, each actor of a colour of its own, and their table."""
    rng = np.random.default_rng(3)
    actors = [f"a{actor}" for actor in range(n_actors)]
    images = pd.DataFrame([(f"{actor}/{i}", actor, part) for actor in actors for i, part in enumerate(split)],
                          columns=["image", "actor", "split"])
    colours = {actor: rng.integers(60, 200, 3) for actor in actors}
    noise = rng.normal(0, 25, (len(images), *SIZE, 3))
    values = np.stack([colours[actor] for actor in images["actor"]])[:, None, None, :] + noise
    pixels = xr.DataArray(values.clip(0, 255).astype(np.uint8), dims=("image", "y", "x", "channel"),
                          coords={"image": images["image"].to_numpy(dtype=str),
                                  "channel": ["red", "green", "blue"]})
    return pixels, images
