"""Every example is a study that can be read, of networks that can be built."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from salcompare.classifiers import find_backbone
from salcompare.classifiers.variants import check_guided
from salcompare.config import read_config
from salcompare.faces import five_points, orl_landmarks
from salcompare.sources.landmarks import read_landmarks

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*/study.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_is_read_and_its_networks_are_found(path):
    config = read_config(path)
    assert config.classifier
    for classifier in config.classifier:
        backbone = find_backbone(classifier.backbone, root=path.parent)
        assert classifier.weights in (*backbone.weights, "none")


def test_the_examples_own_network_can_be_explained():
    path = next(path for path in EXAMPLES if path.parent.name == "orl-networks")
    config = read_config(path)
    mine = next(classifier for classifier in config.classifier if ":" in classifier.backbone)
    check_guided(mine, size=config.study.size, root=path.parent)
    with torch.no_grad():
        layers = find_backbone(mine.backbone, root=path.parent).features()
        assert layers(torch.zeros(1, 3, *config.study.size)).shape == (1, 64 * 8 * 8)


def test_the_points_in_the_table_are_those_of_the_mesh():
    """The example's table was written from the package's landmarks, to a tenth of a pixel."""
    folder = next(path.parent for path in EXAMPLES if path.parent.name == "faces")
    images = pd.DataFrame({"image": orl_landmarks().image.to_numpy(), "height": 112, "width": 92})
    read = read_landmarks(folder / "data" / "raw" / "landmarks.csv", images)
    np.testing.assert_allclose(read.sel(axis=["x", "y"]), five_points(orl_landmarks()).sel(axis=["x", "y"]), atol=0.051)
