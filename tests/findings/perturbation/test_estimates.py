"""Rows of removals in the table of estimates: what is compared, what is tested together, and false positives."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from salcompare.config import Statistics
from salcompare.findings.p_values import name_families
from salcompare.findings.perturbation import CONTRASTS
from salcompare.findings.perturbation.estimates import curves_table, removal_estimates
from salcompare.findings.rows import estimates_table, with_responses
from salcompare.schema import ESTIMATES, check_table
from salcompare.statistics import actor_means, sign_flip_test
from tests.statistics.simulated_outcomes import MAIN, simulated

FEW = Statistics(n_permutations=199, n_resamples=100)
LABELS = (("eyes", 3.0), ("nose", 0.0), ("lips", 0.0))


def table(found):
    rows = removal_estimates({"net/finetuned": found}, FEW, 1)
    return with_responses(name_families(estimates_table(rows)), "simulated")


@pytest.fixture(scope="module")
def estimates():
    return table(simulated(np.random.default_rng(0), people=2.0, labels=LABELS))


def pick(estimates, **criteria):
    for column, value in criteria.items():
        estimates = estimates[estimates[column].isna() if value is None else estimates[column] == value]
    return estimates


def test_the_rows_hold_to_the_tables_declaration_and_no_two_are_of_one_thing(estimates):
    check_table(estimates, ESTIMATES, "estimates")
    key = ["statistic", "metric", "form", "level", "source", "against", "contrast", "actor", "label"]
    assert not estimates.duplicated(key).any()


def test_what_people_marked_is_found_to_matter_more_than_its_patches_elsewhere(estimates):
    for fill in ("mean", "blur"):
        one = pick(estimates, statistic="removal_drop", metric="logit", form=fill, against="people",
                   contrast="minus random people").iloc[0]
        assert one["p_adjusted"] < 0.05
        assert 1 < one["ci_low"] < one["ci_high"] < 3


def test_all_that_is_compared_at_equal_area_is_one_family_of_each_metric_and_fill(estimates):
    tests = pick(estimates, statistic="removal_drop", metric="logit", form="mean", label=None)
    tests = tests[tests["p_value"].notna()]
    assert len(tests) == len(CONTRASTS)
    assert tests["family"].nunique() == 1
    assert (tests["family_size"] == len(CONTRASTS)).all()


def test_the_label_whose_region_matters_stands_out_from_the_others(estimates):
    tests = pick(estimates, statistic="removal_drop", metric="logit", contrast="minus other labels").set_index("label")
    assert tests["p_adjusted"].idxmin() == "eyes"
    assert tests.loc["eyes", "ci_low"] > 1.5
    assert tests.loc["nose", "value"] < 0  # as the eyes are among the others
    assert (tests["family_size"] == 3).all()


def test_each_drop_is_the_mean_over_actors_with_a_t_interval_over_them(estimates):
    found = simulated(np.random.default_rng(0), people=2.0, labels=LABELS)
    logit = found["logit"].to_numpy()
    at = int(np.flatnonzero((found["order"] == "people") & (found["fill"] == "blur") & found["whole"])[0])
    actors = (logit[:, 0] - logit[:, at]).reshape(12, 2).mean(axis=1)
    row = pick(estimates, statistic="removal_drop", metric="logit", form="blur", against="people",
               contrast=None).iloc[0]
    low, high = stats.t.interval(0.95, 11, actors.mean(), stats.sem(actors))
    assert (row["value"], row["ci_low"], row["ci_high"]) == pytest.approx((actors.mean(), low, high))
    assert row["n"] == 12
    assert row["responses"] == "simulated"


def test_only_what_people_have_a_part_in_rests_on_responses(estimates):
    drops = pick(estimates, statistic="removal_drop")
    alone = drops[drops["against"].isin(["classifier", "random", "centre"])]
    assert alone["responses"].isna().all()
    areas = estimates[estimates["statistic"].isin(["deletion_auc", "insertion_auc"])]
    assert set(areas.loc[areas["responses"].notna(), "source"]) == {"human"}


def test_areas_of_each_method_stand_beside_those_of_chance(estimates):
    rows = pick(estimates, statistic="deletion_auc", metric="logit", form="blur")
    values = rows.set_index([rows["source"], rows["contrast"].fillna("")])["value"]
    assert values[MAIN, "minus random"] == pytest.approx(values[MAIN, ""] - values["random", ""])
    assert pick(estimates, statistic="insertion_auc", source="human", form="mean", metric="logit").shape[0] == 2


def test_points_of_curves_are_listed_with_their_ends():
    found = simulated(np.random.default_rng(0))
    points = curves_table({"net/finetuned": found})
    one = points[(points["source"] == MAIN) & (points["way"] == "insertion") & (points["fill"] == "mean")
                 & (points["metric"] == "logit")]
    assert one["share"].tolist() == [0, 0.1, 0.5, 1]
    assert one["value"].iloc[-1] == pytest.approx(found["logit"][:, 0].mean().item())
    assert curves_table({}).empty


def test_with_few_actors_there_is_no_interval_but_a_reason():
    few = table(simulated(np.random.default_rng(1), n_actors=3))
    row = pick(few, statistic="removal_drop", metric="logit", form="mean", against="people", contrast=None).iloc[0]
    assert np.isnan(row["ci_low"])
    assert "3 actors" in row["reason"]


def test_where_nothing_matters_a_difference_is_found_as_rarely_as_stated():
    """Of 400 studies in which both cost the same to each actor: 5% plus a Monte Carlo bound at 99.9%."""
    rng = np.random.default_rng(5)
    tired = np.repeat(rng.normal(0, 1, (400, 10)), 3, axis=1)
    one, other = (np.exp((tired + rng.normal(0, 1, tired.shape)) / 2) for _ in range(2))  # skewed, as drops are
    values = xr.DataArray(one - other, dims=("study", "image"), coords={"actor": ("image", np.repeat(range(10), 3))})
    means = actor_means(values)["value"].transpose("study", "actor").to_numpy()
    p = np.array([sign_flip_test(study, rng=rng, n_permutations=199)[0] for study in means])
    low, high = stats.t.interval(0.95, 9, means.mean(axis=1), stats.sem(means, axis=1))
    bound = stats.binom.ppf(0.999, 400, 0.05)
    assert (p <= 0.05).sum() <= bound
    assert ((low > 0) | (high < 0)).sum() <= bound
