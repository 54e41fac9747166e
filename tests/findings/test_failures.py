"""An estimate that fails numerically has no value and a reason, and all others are as they were without the failure."""

import numpy as np
import pandas as pd
import pytest
import scipy.linalg
import xarray as xr

from salcompare.config import Maps, Simulation, Statistics
from salcompare.errors import InputError
from salcompare.findings.analysis import analyse
from salcompare.findings.ceilings import estimates as ceilings
from salcompare.findings.failures import FAILED, each_that_works, guarded, n_failed, undefined_row
from salcompare.findings.labels import estimates as labels
from salcompare.findings.overlap import estimates as overlap
from salcompare.findings.relative import estimates as relative
from salcompare.findings.symmetry import estimates as asymmetry
from salcompare.findings.symmetry import estimates as symmetry
from salcompare.findings.variance import estimates as variance
from salcompare.maps import rasterise_boxes
from salcompare.schema import ESTIMATES, check_table
from salcompare.simulation import simulate_responses
from salcompare.statistics.metrics import densities
from salcompare.study_data import StudyData
from tests.simulation.crowd import other_photographs

SOURCE = "net/frozen/guided_backprop"
SIZE = (16, 16)


class Heard:
    """What a run says."""

    def __init__(self):
        self.said = []

    def say(self, message):
        self.said.append(message)

    def track(self, items, **_):
        return items


def study():
    rng = np.random.default_rng(2)
    images = other_photographs(4, 3).assign(split="test", file="none")
    responses = simulate_responses(images, Simulation(workers=8, per_image=5), seed=2).table
    human = rasterise_boxes(responses, images, size=SIZE)
    pixels = rng.integers(0, 256, (len(images), *SIZE, 3), dtype=np.uint8)
    coords = {"image": images["image"].to_numpy(), "actor": ("image", images["actor"].to_numpy()),
              "split": ("image", images["split"].to_numpy())}
    saliency = human["coverage"].copy(data=rng.gamma(1, 1, human["coverage"].shape).astype("float32"))
    return StudyData(
        photographs=xr.DataArray(pixels, dims=("image", "y", "x", "channel"), coords=coords), images=images,
        responses=responses, human=human, human_heatmap=None,
        classifier_maps={SOURCE: saliency.to_dataset(name="saliency")},
        accuracies=pd.DataFrame(columns=["classifier", "variant", "split", "accuracy", "ci_low", "ci_high", "n"]))


def analysed(data, progress=None):
    results = analyse(data, maps=Maps(sigma=0.05), statistics=Statistics(n_permutations=19, n_resamples=20), seed=1,
                      progress=progress)
    check_table(results.estimates, ESTIMATES, "estimates")
    return results.estimates


@pytest.fixture(scope="module")
def data():
    return study()


@pytest.fixture(scope="module")
def whole(data):
    return analysed(data)


def failing(error):
    def fails(*_, **__):
        raise error
    return fails


def test_metrics_that_fail_take_only_their_own_rows_with_them(data, whole, monkeypatch):
    monkeypatch.setattr(densities, "_emd", failing(np.linalg.LinAlgError("singular")))
    monkeypatch.setattr(densities, "_nss", failing(ZeroDivisionError()))
    heard = Heard()
    found = analysed(data, heard)
    for metric, reason in (("emd", "LinAlgError: singular"), ("nss", "ZeroDivisionError")):
        rows = found[found["metric"] == metric]
        assert set(rows["source"]) >= {SOURCE, "baseline/uniform", "baseline/centre"}
        assert rows["value"].isna().all()
        assert set(rows["reason"]) == {FAILED + reason}
    other = [table[~table["metric"].isin(["emd", "nss"])].reset_index(drop=True) for table in (found, whole)]
    networks = [table["statistic"].isin(["overlap_control", "overlap_of_control"]) for table in other]
    pd.testing.assert_frame_equal(*(table[~of].reset_index(drop=True)
                                    for table, of in zip(other, networks, strict=True)))
    assert any(f"{n_failed(found)} estimates failed numerically" in line for line in heard.said)
    assert not n_failed(whole)


def test_statistics_that_fail_in_a_library_have_their_reasons(data, monkeypatch):
    def singular(*_, **__):
        scipy.linalg.cholesky(np.zeros((2, 3)))  # a ValueError of scipy's

    failed = {"variance_explained": variance, "dispersion_test": variance, "relative_test": relative,
              "share_of_ceiling": ceilings, "noise_ceiling": ceilings, "label_histogram": labels,
              "common_laterality_test": asymmetry, "symmetry": symmetry, "pairing_tests": overlap}
    for name, module in failed.items():
        monkeypatch.setattr(module, name, singular)
    found = analysed(data)
    for statistic in ("variance_explained", "dispersion", "relative_saliency", "share_of_ceiling", "noise_ceiling",
                      "label_share"):
        rows = found[found["statistic"] == statistic]
        assert len(rows)
        assert rows["reason"].str.startswith(f"{FAILED}ValueError: ").all()
    effects = found[(found["statistic"] == "overlap") & (found["source"] == SOURCE) & (found["metric"] == "pearson")]
    assert effects["reason"].str.startswith(FAILED, na=False).any()
    assert (found["value"].notna() & (found["statistic"] == "overlap")).any()
    assert found.loc[found["statistic"] == "box_agreement", "value"].notna().any()


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("x"), ValueError("x"), AssertionError()])
def test_our_own_mistakes_end_the_run(data, monkeypatch, error):
    monkeypatch.setattr(variance, "dispersion_test", failing(error))
    with pytest.raises(type(error)):
        analysed(data)


def test_what_the_data_do_not_allow_is_said_as_it_was():
    def rows():
        yield {"statistic": "r2", "value": 1.0}
        raise InputError("too few actors")

    assert list(guarded(rows(), statistic="r2")) == [
        {"statistic": "r2", "value": 1.0},
        pytest.approx({"level": "population", "statistic": "r2", "value": np.nan, "reason": "too few actors"},
                      nan_ok=True)]


def test_metrics_that_fail_are_left_out_and_the_rest_computed_together():
    asked = []

    def compute(metrics):
        asked.append(tuple(metrics))
        if "b" in metrics:
            raise FloatingPointError
        return xr.Dataset(dict.fromkeys(metrics, ((), 1.0)))

    found, failed = each_that_works(["a", "b", "c"], compute)
    assert (list(found), failed) == (["a", "c"], {"b": f"{FAILED}FloatingPointError"})
    assert asked == [("a", "b", "c"), ("a",), ("b",), ("c",), ("a", "c")]
    assert each_that_works(["b"], compute)[0].equals(xr.Dataset())
    with pytest.raises(InputError):
        each_that_works(["a"], failing(InputError("no image")))


def test_a_row_is_made_of_no_mistake():
    with pytest.raises(KeyError):
        undefined_row(KeyError("x"), statistic="r2")
