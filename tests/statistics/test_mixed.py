"""Crossed mixed models: outcomes, variances recovered, the analysis of variance as an oracle, and R's calls."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.statistics import crossed_model, lme4_script, outcome_table
from salcompare.statistics.mixed import FACTORS

TRUTH = {"actor": 0.3, "image": 0.2, "worker": 0.4, "residual": 0.6}


def crossed(rng, *, actors=12, images=4, workers=30, per_image=10, variances=TRUTH):
    """Outcomes of boxes with known variances; each image gets some of the workers."""
    sd = {name: np.sqrt(value) for name, value in variances.items()}
    whose = rng.normal(0, sd["worker"], workers)
    rows = []
    for actor in range(actors):
        of_actor = rng.normal(0, sd["actor"])
        for image in range(images):
            of_image = of_actor + rng.normal(0, sd["image"])
            rows += [(f"s{actor:02}", f"s{actor:02}/{image}", f"w{worker}", 2 + of_image + whose[worker]
                      + rng.normal(0, sd["residual"])) for worker in rng.choice(workers, per_image, replace=False)]
    return pd.DataFrame(rows, columns=[*FACTORS, "log_area"])


def test_known_variances_are_recovered_within_their_error():
    rng = np.random.default_rng(0)
    fits = [crossed_model(crossed(rng), "log_area") for _ in range(8)]
    variances = np.array([fit.variance.to_numpy() for fit in fits])
    error = variances.std(axis=0, ddof=1) / np.sqrt(len(fits))
    assert (np.abs(variances.mean(axis=0) - list(TRUTH.values())) < 4 * error).all()
    assert sum(bool(fit.ci_low < 2 < fit.ci_high) for fit in fits) >= 6
    np.testing.assert_allclose(fits[0]["share"].sum(), 1)
    assert fits[0].component.to_numpy().tolist() == [*FACTORS, "residual"]


def test_a_balanced_design_has_the_variances_of_its_analysis_of_variance():
    table = crossed(np.random.default_rng(1), actors=6, images=3, workers=8, per_image=8).sort_values(
        ["actor", "image", "worker"])
    y = table["log_area"].to_numpy().reshape(6, 3, 8)  # every worker on every image
    image, worker = y.mean(axis=2), y.mean(axis=(0, 1))
    between = 24 * image.mean(axis=1).var(ddof=1)
    within = 8 * image.var(axis=1, ddof=1).mean()
    of_workers = 18 * worker.var(ddof=1)
    rest = y - image[..., None] - worker + y.mean()
    residual = (rest**2).sum() / (17 * 7)
    expected = [(between - within) / 24, (within - residual) / 8, (of_workers - residual) / 18, residual]
    assert min(expected) > 0
    found = crossed_model(table, "log_area")
    np.testing.assert_allclose(found.variance, expected, rtol=1e-3)
    assert float(found["mean"]) == pytest.approx(y.mean())


@settings(max_examples=5, deadline=None)
@given(unit=st.sampled_from([1e-3, 0.5, 1e3]), add=st.floats(-5, 5))
def test_variances_go_with_the_square_of_the_unit(unit, add):
    table = crossed(np.random.default_rng(2), actors=4, images=2, workers=8, per_image=6)
    one = crossed_model(table, "log_area")
    other = crossed_model(table.assign(log_area=add + unit * table["log_area"]), "log_area")
    np.testing.assert_allclose(other.variance, unit**2 * one.variance, rtol=1e-3, atol=1e-6 * unit**2)
    assert float(other["mean"]) == pytest.approx(add + unit * float(one["mean"]), abs=1e-3 * unit)


def test_a_label_is_modelled_on_the_scale_of_log_odds():
    rng = np.random.default_rng(3)
    table = crossed(rng, variances=TRUTH | {"worker": 1.5, "residual": 0.0}, per_image=20)
    odds = table.pop("log_area") - 2
    table["label"] = np.where(rng.random(len(table)) < 1 / (1 + np.exp(-odds)), "eyes", "nose")
    found = crossed_model(table, "eyes")
    assert found.variance.sel(component="worker") == pytest.approx(1.5, rel=0.6)
    assert found.variance.to_numpy().argmax() != 1
    assert float(found["mean"]) == pytest.approx(0, abs=0.6)
    assert found.attrs["formula"] == ('glmer(as.integer(label == "eyes") ~ 1 + (1 | actor) + (1 | image) + '
                                      "(1 | worker), data = d, family = binomial)")


RESPONSES = pd.DataFrame({"response": ["r1", "r2"], "image": ["a/1", "b/1"], "worker": ["w1", "w2"], "label": "eyes",
                          "x0": [0.0, 10.0], "y0": [0.0, 5.0], "x1": [20.0, 20.0], "y1": [10.0, 10.0],
                          "seconds": [np.e, 0.0]})
IMAGES = pd.DataFrame({"image": ["a/1", "b/1"], "actor": ["a", "b"], "height": 10, "width": 20})


def test_outcomes_of_boxes_by_hand():
    masks = xr.DataArray(np.zeros((2, 5, 10), bool), dims=("image", "y", "x"), coords={"image": ["b/1", "c/1"]})
    masks[0, :, 5:7] = True
    table = outcome_table(RESPONSES, IMAGES, masks=masks)
    assert list(table) == ["actor", "image", "worker", "response", "label", "log_area", "x", "y", "log_seconds",
                           "overlap"]
    np.testing.assert_allclose(table["log_area"], np.log([1, 0.25]))
    assert table[["x", "y"]].to_numpy().tolist() == [[0.5, 0.5], [0.75, 0.75]]
    np.testing.assert_array_equal(table["log_seconds"], [1, np.nan])
    np.testing.assert_allclose(table["overlap"], [np.nan, 0.4])


def test_what_cannot_be_modelled_is_refused_and_r_is_told_the_same():
    table = crossed(np.random.default_rng(4), actors=2, images=2, workers=5, per_image=4).assign(label='a "b"')
    with pytest.raises(InputError, match="one of log_area, a"):
        crossed_model(table, "seconds")
    with pytest.raises(InputError, match="one worker"):
        crossed_model(table[table["worker"] == table["worker"].iloc[0]], "log_area")
    with pytest.raises(InputError, match="the same for all boxes"):
        crossed_model(table, 'a "b"')
    with pytest.raises(InputError, match="actor"):
        crossed_model(table.drop(columns="actor"), "log_area")
    with pytest.raises(InputError, match="image 'z/1'"):
        outcome_table(RESPONSES.assign(image="z/1"), IMAGES)
    script = lme4_script(table, "outcomes.csv")
    assert 'd <- read.csv("outcomes.csv")' in script
    assert "summary(lmer(log_area ~ 1 + (1 | actor) + (1 | image) + (1 | worker), data = d))" in script
    assert r'label == "a \"b\""' in script


@pytest.mark.parametrize(("change", "found"), [
    (lambda table: table[table["image"].str.endswith("/0")], "each actor has one image, its own"),
    (lambda table: table.drop_duplicates("image"), "each image has one box, its own"),
    (lambda table: table.assign(worker=table["actor"] + "'s"), "each actor has one worker, its own"),
])
def test_variances_that_no_box_tells_apart_are_refused(change, found):
    """They were shared out at will, or ended in a singular matrix."""
    table = crossed(np.random.default_rng(5), actors=4, images=3, workers=6, per_image=3)
    with pytest.raises(InputError, match=found):
        crossed_model(change(table), "log_area")


def test_a_column_of_texts_is_no_outcome_but_a_label_of_its_name_is():
    table = crossed(np.random.default_rng(6), actors=4, images=3, workers=6, per_image=4)
    table["label"] = np.where(np.arange(len(table)) % 3 == 0, "image", "nose")
    with pytest.raises(InputError, match="'actor'; expected a column of numbers, or a label"):
        crossed_model(table, "actor")
    assert crossed_model(table, "image").attrs["formula"].startswith('glmer(as.integer(label == "image")')


def test_r_is_not_asked_for_the_variance_of_one_level():
    table = crossed(np.random.default_rng(7), actors=1, images=3, workers=6, per_image=4)
    assert "lmer(log_area ~ 1 + (1 | image) + (1 | worker), data = d)" in lme4_script(table, "outcomes.csv")
