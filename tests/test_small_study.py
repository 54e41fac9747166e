"""The small study of the end-to-end tests is itself in order."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from salcompare.config import read_config
from tests.small_study import WORKERS, make_small_study


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture, dtype=float)


@pytest.mark.parametrize(("n_actors", "n_images", "size"), [(3, 6, 48), (5, 8, 64)])
def test_every_box_is_inside_its_photograph(tmp_path, n_actors, n_images, size):
    study = make_small_study(tmp_path / "study", n_actors=n_actors, n_images=n_images, size=size)
    table = pd.read_csv(study / "data" / "raw" / "responses.csv")
    photographs = {f"{path.parent.name}/{path.stem}": pixels(path).shape[1::-1]
                   for path in study.glob("data/raw/photographs/*/*.png")}
    assert len(photographs) == n_actors * n_images
    assert (table.groupby("image")["worker"].nunique() == len(WORKERS)).all()
    width, height = (table["image"].map({name: shape[k] for name, shape in photographs.items()}) for k in (0, 1))
    assert ((table["x0"] >= 0) & (table["x0"] < table["x1"]) & (table["x1"] <= width)).all()
    assert ((table["y0"] >= 0) & (table["y0"] < table["y1"]) & (table["y1"] <= height)).all()


def test_its_settings_are_valid_and_small(tmp_path):
    config = read_config(make_small_study(tmp_path / "study") / "study.toml")
    assert config.study.size == (48, 48)
    assert sum(config.images.split) == 6
    assert config.classifier[0].weights == "none"
    assert config.classifier[0].frozen.iterations <= 10


def test_it_is_the_same_each_time_and_its_actors_differ(tmp_path):
    first, again = (make_small_study(tmp_path / name) for name in ("first", "again"))
    for path in first.rglob("*.*"):
        assert path.read_bytes() == (again / path.relative_to(first)).read_bytes()
    faces = [pixels(first / f"data/raw/photographs/actor{k}/1.png") for k in (1, 2, 3)]
    assert abs(faces[0] - faces[1]).mean() > 5
    assert abs(faces[1] - faces[2]).mean() > 5
