"""Estimates over training seeds, and the estimates that stand side by side: worked values and what is left out."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare.config import Maps, Statistics
from salcompare.findings.comparison.estimates import left_out, side_by_side
from salcompare.findings.rows import estimates_table
from salcompare.findings.seeds.estimates import seed_estimates
from salcompare.schema import ESTIMATES, check_table
from salcompare.statistics.inference.resampling import t_interval
from salcompare.study_data import StudyData

FROZEN, TUNED = "net/frozen/guided_backprop", "net/finetuned/guided_backprop"
SEEDS = (1, 22, 333)
ACTORS = [f"a{k:02d}" for k in range(9)]


def weights(shares):
    """Tables of weights: shares by (classifier, variant, seed) of a convolution of 100 and of 300 weights."""
    return pd.DataFrame([
        {"classifier": classifier, "variant": variant, "seed": seed, "layer": f"l{at}", "kind": kind, "n_weights": n,
         "share_near_zero": share, "share_below_0.001": share / 2}
        for (classifier, variant, seed), of in shares.items()
        for at, (kind, n, share) in enumerate(zip(("Conv2d", "Conv2d", "Linear"), (100, 300, 50), of, strict=True))])


def accuracies(values):
    return pd.DataFrame([{"classifier": "net", "seed": seed, "variant": variant, "split": "test", "accuracy": value}
                         for (variant, seed), value in values.items()])


def stacked(noise, seed, images):
    rng = np.random.default_rng(seed)
    shared = np.random.default_rng(0).random((len(images), 10, 10))
    values = shared + noise * rng.random((len(SEEDS), len(images), 10, 10))
    return xr.DataArray(values.astype("float32"), dims=("seed", "image", "y", "x"), coords={
        "image": images, "actor": ("image", [name.split("/")[0] for name in images]), "seed": list(SEEDS)})


def analysed(*, human=True, **changes):
    images = [f"{actor}/{k}" for actor in ACTORS for k in (1, 2)]
    frozen, tuned = stacked(1.0, 1, images), stacked(0.5, 2, images)
    people = frozen.isel(seed=0, drop=True).to_dataset(name="coverage") if human else None
    data = StudyData(
        photographs=xr.DataArray(), images=pd.DataFrame(), responses=None, human=people, human_heatmap=None,
        classifier_maps={}, accuracies=pd.DataFrame(), **{
            "seed_maps": {FROZEN: frozen, TUNED: tuned}, "seed_accuracies": None, "seed_weights": None, **changes})
    rows = seed_estimates(data, Maps(sigma=0.05), Statistics(n_permutations=99), 3,
                          people=0.8)
    table = estimates_table(rows)
    check_table(table, ESTIMATES, "estimates")
    return table


def pick(table, **wanted):
    for column, value in wanted.items():
        table = table[table[column].isna()] if value is None else table[table[column] == value]
    return table


def only(table, **wanted):
    rows = pick(table, **wanted)
    assert len(rows) == 1, rows
    return rows.iloc[0]


@pytest.fixture(scope="module")
def table():
    return analysed()


def test_shares_near_zero_are_of_all_weights_of_a_kind_together():
    shares = {("net", "finetuned", seed): (0.1 * at, 0.2, 0.5) for at, seed in enumerate(SEEDS)}
    row = only(analysed(seed_maps={}, seed_weights=weights(shares)), statistic="near_zero_share",
               metric="convolutions", form="relative")
    each = [(100 * 0.1 * at + 300 * 0.2) / 400 for at in range(3)]
    assert row["value"] == pytest.approx(np.mean(each))
    expected = t_interval(each, fewest=3)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((float(expected.low), float(expected.high)))
    assert (row["source"], row["resampled"], row["n"]) == ("net/finetuned", "seeds", 3)


def test_classifiers_are_compared_by_weights_near_zero_paired_over_seeds():
    shares = {(name, variant, seed): (base + 0.1 * at + 0.01 * at * (name == "plain"),) * 3
              for name, base in (("decay", 0.5), ("plain", 0.1)) for variant in ("frozen", "finetuned")
              for at, seed in enumerate(SEEDS)}
    found = pick(analysed(seed_maps={}, seed_weights=weights(shares)), metric="convolutions", form="relative")
    row = only(found, source="decay/finetuned", contrast="minus plain/finetuned")
    assert row["value"] == pytest.approx(0.4 - 0.01)
    assert row["ci_high"] - row["ci_low"] < 0.06  # unpaired it would be many times as wide
    assert row["ci_low"] < 0.39 < row["ci_high"]
    assert only(found, source="decay/finetuned", contrast="minus decay/frozen")["value"] == pytest.approx(0)
    assert pick(found, source="decay/frozen", contrast="minus plain/finetuned").empty


def test_one_training_has_a_share_and_no_interval_but_a_reason():
    row = only(analysed(seed_maps={}, seed_weights=weights({("net", "finetuned", 1): (0.1, 0.2, 0.5)})),
               metric="linear layers", form="absolute")
    assert row["value"] == 0.25
    assert np.isnan(row["ci_low"])
    assert row["reason"] == "1 seed with a value; a t interval needs 3"


def test_accuracy_over_seeds_and_finetuned_minus_frozen_paired():
    values = {("frozen", seed): 0.7 + 0.1 * at for at, seed in enumerate(SEEDS)}
    values |= {("finetuned", seed): 0.75 + 0.1 * at + 0.01 * (at == 1) for at, seed in enumerate(SEEDS)}
    found = pick(analysed(seed_maps={}, seed_accuracies=accuracies(values)), statistic="seed_accuracy")
    assert only(found, source="net/frozen", contrast=None)["value"] == pytest.approx(0.8)
    row = only(found, contrast="finetuned minus frozen")
    assert row["value"] == pytest.approx(0.05 + 0.01 / 3)
    assert 0 < row["ci_low"] < row["ci_high"] < 0.1


def test_equal_seeds_have_no_interval_of_no_width():
    found = analysed(seed_maps={}, seed_accuracies=accuracies({("frozen", seed): 1.0 for seed in SEEDS}))
    row = only(found, statistic="seed_accuracy")
    assert row["value"] == 1
    assert np.isnan(row["ci_low"])
    assert row["reason"] == "all seeds give the same value"


def test_a_classifier_trained_once_has_no_accuracy_over_seeds():
    assert analysed(seed_maps={}, seed_accuracies=accuracies({("frozen", 1): 0.5})).empty


def test_three_seeds_cover_their_mean_about_as_often_as_they_say():
    rng = np.random.default_rng(5)
    draws = rng.binomial(160, 0.95, (3, 3000)) / 160  # accuracies on 160 images, skewed
    found = t_interval(draws, resampled="seeds", fewest=3)
    covered = np.mean((found.low <= 0.95) & (found.high >= 0.95))
    assert abs(covered - 0.95) < 0.03


def test_the_less_noisy_variant_is_the_more_reliable_and_the_contrast_says_so(table):
    same = {source: only(table, statistic="seed_reliability", form="raw", source=source, contrast="same image",
                         level="population") for source in (FROZEN, TUNED)}
    contrast = only(table, statistic="seed_reliability", form="raw", contrast="finetuned minus frozen")
    assert contrast["value"] == pytest.approx(same[TUNED]["value"] - same[FROZEN]["value"])
    assert contrast["ci_low"] > 0
    assert contrast["p_value"] < 0.05
    assert (contrast["source"], contrast["against"]) == (TUNED, FROZEN)
    effect = only(table, statistic="seed_reliability", form="raw", source=TUNED, contrast="image effect")
    assert (effect["p_value"], effect["null"]) == (0.01, "images permuted within actors, in each seed")
    actors = pick(table, statistic="seed_reliability", form="raw", source=TUNED, level="actor")
    assert actors["value"].mean() == pytest.approx(same[TUNED]["value"])


def test_every_p_has_a_null_and_every_population_value_an_interval_or_a_reason(table):
    assert table.loc[table["p_value"].notna(), "null"].notna().all()
    population = table[table["level"] == "population"]
    assert (population["ci_low"].notna() | population["reason"].notna()).all()


def test_overlap_over_seeds_has_the_ceiling_of_people_and_seeds_together(table):
    of = pick(table, statistic="seed_overlap", source=FROZEN)
    ceiling = only(table, statistic="seed_ceiling", form="smoothed", source=FROZEN)["value"]
    row = only(of, contrast="mean over seeds, for these seeds")
    assert row["ceiling"] == pytest.approx(0.8 * ceiling)
    each = [only(of, contrast=f"seed {seed}")["value"] for seed in SEEDS]
    assert each[0] == pytest.approx(1)  # people's maps were this seed's
    assert row["value"] == pytest.approx(np.mean(each))
    over = only(of, contrast="mean over seeds, for these actors")
    assert (over["value"], over["n"], over["resampled"]) == (pytest.approx(np.mean(each)), 3, "seeds")


def test_without_people_there_is_no_overlap_over_seeds():
    assert pick(analysed(human=False), statistic="seed_overlap").empty


def estimates(**rows):
    return estimates_table([{"level": "population", **row} for row in rows.values()])


ACCURACY = {"statistic": "accuracy", "metric": "test", "source": "net/finetuned", "value": 0.9, "ci_low": 0.8,
            "ci_high": 0.95}
OVERLAP = {"statistic": "overlap", "metric": "pearson", "form": "smoothed", "source": TUNED, "against": "human",
           "contrast": "same image", "value": 0.4, "ceiling": 0.9}


def test_side_by_side_takes_accuracies_of_variants_and_what_a_value_is_read_against():
    found = side_by_side(estimates(a=ACCURACY, b=OVERLAP, c={**OVERLAP, "source": "human", "value": 7}), [TUNED])
    assert only(found, quantity="accuracy")["value"] == 0.9
    row = only(found, quantity="overlap")
    assert (row["value"], row["reference"], row["beside"]) == (0.4, 0.9, "ceiling")
    assert set(found["source"]) == {TUNED}


def test_side_by_side_takes_the_first_fill_that_has_a_value():
    deletion = {"statistic": "deletion_auc", "source": TUNED}
    found = side_by_side(estimates(c={**deletion, "metric": "logit", "form": "mean", "value": 9, "contrast": "less"},
                                   a={**deletion, "metric": "accuracy", "form": "noise", "value": 0.2},
                                   b={**deletion, "metric": "probability", "form": "blur", "value": 0.1}), [TUNED])
    row = only(found, quantity="deletion_auc")
    assert (row["value"], row["detail"]) == (0.1, "probability, blur")


def test_what_no_source_has_is_left_out_with_its_reason():
    undefined = {**OVERLAP, "value": np.nan, "ceiling": np.nan, "reason": "maps are empty"}
    said = left_out(side_by_side(estimates(a=ACCURACY, b=undefined), [TUNED]))
    assert "Overlap with people: maps are empty" in said
    assert "Deletion AUC: not computed; it needs deletion curves" in said
    assert not any(text.startswith("Accuracy") for text in said)


def test_a_part_of_the_images_that_no_training_looked_at_is_undefined_with_its_reason():
    values = {(variant, seed): 0.5 + 0.1 * at for variant in ("frozen", "finetuned") for at, seed in enumerate(SEEDS)}
    tested = accuracies(values)
    unseen = tested.assign(split="validation", accuracy=np.nan)
    table = pick(analysed(seed_accuracies=pd.concat([unseen, tested])), statistic="seed_accuracy")
    rows = pick(table, metric="validation")
    assert rows["source"].tolist() == ["net/frozen", "net/finetuned"]
    assert rows["value"].isna().all()
    assert set(rows["reason"]) == {"no validation image"}
    assert pick(table, metric="test")["value"].notna().all()
