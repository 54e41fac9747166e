"""Krippendorff's alpha: worked values, oracles with gaps, several responses of a worker, copies, and its interval."""

from __future__ import annotations

import itertools

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask
from scipy import stats

from salcompare.errors import InputError
from salcompare.statistics.inference.resampling import bootstrap_weights
from salcompare.statistics.labels.agreement import _judgements, worker_agreement
from salcompare.statistics.labels.shares import code_responses
from tests.statistics.labels.simulated import study


def agreement(responses, images=None, *, seed=0, n_resamples=49):
    names = sorted(responses["image"].unique())
    catalogue = pd.DataFrame({"image": names, "actor": "a"}) if images is None else images
    return worker_agreement(responses, catalogue, rng=np.random.default_rng(seed), n_resamples=n_resamples)


def table(rows):
    """Responses from 'worker image label' lines."""
    return pd.DataFrame([row.split() for row in rows], columns=["worker", "image", "label"])


def of_peers(responses):
    """Alpha of the packages krippendorff and nltk; one response a worker and image."""
    triples = list(responses[["worker", "image", "label"]].itertuples(index=False, name=None))
    codes = responses.assign(label=pd.factorize(responses["label"])[0])
    matrix = codes.pivot_table(index="worker", columns="image", values="label").to_numpy(float)
    paired = responses.groupby("image")["worker"].transform("size") > 1
    kept = [triple for triple, keep in zip(triples, paired, strict=True) if keep]
    of_package = krippendorff.alpha(reliability_data=matrix, level_of_measurement="nominal")
    return of_package, AnnotationTask(data=kept).alpha()


def test_alpha_by_hand():
    # Image 1: eyes eyes nose; image 2: nose nose. Agreeing pairs: 2 of 6 and 2 of 2, so observed agreement is
    # (3 * 1/3 + 2 * 1) / 5 = 3/5. Eyes 2, nose 3: chance agreement (2 * 1 + 3 * 2) / 20 = 2/5.
    found = agreement(table(["w1 i1 eyes", "w2 i1 eyes", "w3 i1 nose", "w1 i2 nose", "w3 i2 nose", "w2 i3 eyes"]))
    assert found.alpha == pytest.approx(1 - (2 / 5) / (3 / 5))
    assert (found.n_images, found.n_undefined, found.n_judgements, found.n_workers) == (2, 1, 5, 3)
    assert np.isnan(found.ci_low)
    assert "degrees of freedom" in found.reason.item()


def test_alpha_agrees_with_krippendorff_and_nltk():
    for seed in range(4):
        responses, images = study(np.random.default_rng(seed), per_image=5, n_workers=12)
        responses = responses.sample(frac=0.7, random_state=seed)
        package, toolkit = of_peers(responses)
        found = agreement(responses, images)
        assert found.alpha == pytest.approx(package, abs=1e-12)
        assert found.alpha == pytest.approx(toolkit, abs=1e-12)


def slow_alpha(responses):
    """By definition, over pairs of judgements of different workers; a judgement is shares of labels."""
    judged = pd.crosstab([responses["image"], responses["worker"]], responses["label"], normalize="index")
    several = judged.groupby(level="image")[judged.columns[0]].transform("size") > 1
    judged = judged[several]
    agree = total = 0.0
    for _, unit in judged.groupby(level="image"):
        rows = unit.to_numpy()
        agree += sum(a @ b for a, b in itertools.permutations(rows, 2)) / (len(rows) - 1)
        total += len(rows)
    chance = np.mean([a @ b for a, b in itertools.permutations(judged.to_numpy(), 2)])
    return 1 - (1 - agree / total) / (1 - chance)


def test_a_worker_with_several_responses_on_an_image_counts_once_and_does_not_agree_with_himself():
    alone = table(["w1 i1 eyes", "w1 i1 eyes", "w1 i1 eyes", "w2 i1 nose", "w1 i2 nose", "w2 i2 nose"])
    once = table(["w1 i1 eyes", "w2 i1 nose", "w1 i2 nose", "w2 i2 nose"])
    assert agreement(alone).alpha == agreement(once).alpha
    responses, _ = study(np.random.default_rng(1), n_workers=6, per_image=14)
    assert responses.duplicated(["worker", "image"]).any()
    assert agreement(responses).alpha == pytest.approx(slow_alpha(responses), abs=1e-12)
    naive = AnnotationTask(data=[(f"{w}{k}", i, label) for k, (w, i, label) in enumerate(
        responses[["worker", "image", "label"]].itertuples(index=False, name=None))]).alpha()
    assert naive != pytest.approx(slow_alpha(responses), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(2, 8), st.integers(2, 10), st.integers(0, 999))
def test_alpha_is_at_most_one_and_does_not_care_for_names_or_order(n_images, per_image, n_workers, seed):
    responses, _ = study(np.random.default_rng(seed), n_actors=1, n_images=n_images, per_image=per_image,
                         n_workers=n_workers)
    found = agreement(responses)
    if np.isnan(found.alpha):
        assert found.reason.item()
        return
    assert found.alpha <= 1
    assert found.alpha == pytest.approx(slow_alpha(responses), abs=1e-9)
    turned = responses.iloc[::-1].assign(worker="x" + responses["worker"], label=responses["label"].str.upper())
    assert agreement(turned).alpha == pytest.approx(found.alpha.item(), abs=1e-12)


def test_agreement_has_its_ends():
    same = table([f"w{w} i{i} {'eyes' if i % 2 else 'nose'}" for w in range(5) for i in range(6)])
    assert agreement(same).alpha == 1
    responses, images = study(np.random.default_rng(2), n_actors=20, n_images=5, per_image=30, concentration=1e9)
    assert abs(agreement(responses, images).alpha) < 0.01
    one_label = agreement(same.assign(label="eyes"))
    assert np.isnan(one_label.alpha)
    assert one_label.reason == "only one label"
    one_worker = agreement(same[same["worker"] == "w1"])
    assert np.isnan(one_worker.alpha)
    assert one_worker.reason == "no image with two workers"


def test_copies_of_a_worker_do_not_agree_with_each_other():
    """Taking copies for other workers raises alpha far above what it is; here its draws stay about it."""
    responses, images = study(np.random.default_rng(3), n_actors=10, per_image=12, n_workers=25)
    coded = code_responses(responses, images, None)
    weights = bootstrap_weights(25, 200, np.random.default_rng(0))
    judgements = _judgements(coded, coded.worker)
    ones = np.ones((1, len(coded.actor)))
    observed = judgements.alpha(np.ones((1, 25)), ones)[0]
    draws = judgements.alpha(weights, ones)
    names = sorted(responses["worker"].unique())
    naive = []
    for row in weights[:25].astype(int):
        copies = [responses[responses["worker"] == name].assign(worker=f"{name}/{k}")
                  for name, times in zip(names, row, strict=True) for k in range(times)]
        naive.append(of_peers(pd.concat(copies))[0])
    assert abs(draws.mean() - observed) < 0.3 * draws.std()
    assert np.mean(naive) - observed > 2 * draws.std()
    np.testing.assert_allclose(judgements.alpha(np.full((1, 25), 2.0), ones), observed)


def test_responses_without_worker_or_image_are_refused():
    responses, images = study(np.random.default_rng(4))
    with pytest.raises(InputError, match="no column 'worker'"):
        agreement(responses.drop(columns="worker"), images)
    by_actor = responses.assign(actor="a").drop(columns="image")
    with pytest.raises(InputError, match="no column 'image'"):
        worker_agreement(by_actor, images, rng=np.random.default_rng(0))


def test_intervals_cover_the_alpha_of_many_images_and_workers():
    rng, runs = np.random.default_rng(5), 120
    design = {"n_actors": 8, "per_image": 8, "taste": 0.4, "concentration": 8.0}
    truth = np.mean([agreement(*study(rng, **design, n_images=60, n_workers=300), n_resamples=2).alpha
                     for _ in range(4)])
    covered = 0
    for _ in range(runs):
        found = agreement(*study(rng, **design), n_resamples=99, seed=int(rng.integers(1 << 30)))
        covered += bool(found.ci_low <= truth <= found.ci_high)
    # Such intervals cover 90% to 93%, since alpha is skewed; fewer than this has probability 0.001 at 90%.
    assert covered >= stats.binom.ppf(0.001, runs, 0.90)
