"""Krippendorff's alpha: worked values, oracles with gaps, several responses of a worker, copies, and its interval."""

from __future__ import annotations

import itertools

import krippendorff
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask
from scipy import stats

from salcompare.errors import InputError
from salcompare.simulation.cases import SCENARIOS
from salcompare.simulation.studies import simulate_study
from salcompare.statistics import pairwise_agreement
from salcompare.statistics.agreement import judgements_of, worker_agreement
from salcompare.statistics.inference.resampling import bootstrap_weights
from tests.statistics.labels.simulated import boxed, study


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
    weights = bootstrap_weights(25, 200, np.random.default_rng(0))
    judgements = judgements_of(responses, images, "labels")
    ones = np.ones((1, judgements.n_images))

    def alpha(workers):
        expected = judgements.expected(judgements.mean_distances(), workers, ones)
        return judgements.estimates(judgements.observed(workers), ones, expected)["value"][:, 0]

    observed, draws = alpha(np.ones((1, 25)))[0], alpha(weights)
    names = sorted(responses["worker"].unique())
    naive = []
    for row in weights[:25].astype(int):
        copies = [responses[responses["worker"] == name].assign(worker=f"{name}/{k}")
                  for name, times in zip(names, row, strict=True) for k in range(times)]
        naive.append(of_peers(pd.concat(copies))[0])
    assert abs(draws.mean() - observed) < 0.3 * draws.std()
    assert np.mean(naive) - observed > 2 * draws.std()
    np.testing.assert_allclose(alpha(np.full((1, 25), 2.0)), observed)


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


EDGES = ["x0", "y0", "x1", "y1"]


def of_pairs(responses, images, *, of="boxes", seed=0, n_resamples=9):
    return pairwise_agreement(responses, images, of=of, rng=np.random.default_rng(seed), n_resamples=n_resamples)


def table_boxes(rows):
    """Responses from (worker, image, x0, y0, x1, y1), on images of 10 by 10 pixels."""
    responses = pd.DataFrame(rows, columns=["worker", "image", *EDGES])
    names = list(dict.fromkeys(responses["image"]))
    return responses, pd.DataFrame({"image": names, "actor": "a", "height": 10, "width": 10})


def simulated(seed, **design):
    rng = np.random.default_rng(seed)
    return boxed(rng, *study(rng, **design))


def iou(one, other):
    """IoU of two boxes, by counting small squares: none of the library's arithmetic."""
    low = [max(a, b) for a, b in zip(one[:2], other[:2], strict=True)]
    high = [min(a, b) for a, b in zip(one[2:], other[2:], strict=True)]
    shared = np.prod([max(0.0, b - a) for a, b in zip(low, high, strict=True)])
    return shared / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - shared)


def slow(responses, images):
    """Alpha and mean IoU of images by definition, over pairs of judgements; a worker may have several boxes."""
    shape = images.set_index("image")
    judged = {}
    for row in responses.itertuples():
        height, width = shape.loc[row.image, ["height", "width"]]
        judged.setdefault((row.image, row.worker), []).append(
            (row.x0 / width, row.y0 / height, row.x1 / width, row.y1 / height))
    units = {image: [boxes for (of, _), boxes in judged.items() if of == image] for image in shape.index}
    units = {image: unit for image, unit in units.items() if len(unit) > 1}

    def apart(one, other):
        return np.mean([1 - iou(a, b) for a, b in itertools.product(one, other)])

    def mean(judgements):
        return np.mean([apart(*pair) for pair in itertools.permutations(judgements, 2)])

    means = {image: mean(unit) for image, unit in units.items()}
    chance = mean([judgement for unit in units.values() for judgement in unit])
    total = sum(len(unit) for unit in units.values())
    observed = sum(len(units[image]) * mean for image, mean in means.items()) / total
    return 1 - observed / chance, {image: 1 - mean for image, mean in means.items()}, chance


def test_alpha_and_mean_iou_by_hand():
    # Image i: two equal boxes of 4 x 4, and one beside them that shares half: IoU 8 / 24 = 1/3. Distances of the three
    # pairs: 0, 2/3, 2/3, mean 4/9. Image j: two boxes that share nothing with each other or any of i: distance 1.
    responses, images = table_boxes([("u", "i", 0, 0, 4, 4), ("v", "i", 0, 0, 4, 4), ("w", "i", 2, 0, 6, 4),
                               ("u", "j", 0, 8, 1, 9), ("w", "j", 9, 9, 10, 10), ("u", "k", 3, 3, 9, 9)])
    found = of_pairs(responses, images)
    observed = (3 * 4 / 9 + 2 * 1) / 5
    expected = (3 * 4 / 9 + 1 + 6) / 10  # of the ten pairs, three within i, one within j, six between
    assert found.value.sel(quantity="alpha") == pytest.approx(1 - observed / expected)
    np.testing.assert_allclose(found.image_value.sel(quantity="likeness"), [5 / 9, 0, np.nan])
    of_images = found.image_value.sel(quantity="alpha")
    np.testing.assert_allclose(of_images, [1 - 4 / 9 / expected, 1 - 1 / expected, np.nan])
    assert found.actor_value.sel(quantity="likeness", actor="a") == pytest.approx((5 / 9 + 0) / 2)
    assert (found.n, found.n_undefined, found.n_workers) == (2, 1, 3)
    assert found.image_n.to_numpy().tolist() == [3, 2, 1]
    assert "degrees of freedom" in found.reason.sel(quantity="alpha").item()


@pytest.mark.parametrize("seed", range(3))
def test_alpha_agrees_with_nltk_given_the_same_distance(seed):
    responses, images = simulated(seed, n_actors=3, n_images=2, per_image=5, n_workers=9)
    responses = responses.sample(frac=0.8, random_state=seed)
    paired = responses[responses.groupby("image")["worker"].transform("size") > 1]
    data = [(row.worker, row.image, tuple(getattr(row, edge) for edge in EDGES)) for row in paired.itertuples()]
    peer = AnnotationTask(data=data, distance=lambda one, other: 1 - iou(one, other)).alpha()
    assert of_pairs(responses, images).value.sel(quantity="alpha") == pytest.approx(peer, abs=1e-12)


def test_a_worker_with_several_boxes_on_an_image_counts_once_and_does_not_agree_with_himself():
    responses, images = simulated(5, n_actors=2, n_images=3, per_image=9, n_workers=6)
    assert responses.duplicated(["worker", "image"]).any()
    images = images.assign(height=20, width=np.where(np.arange(len(images)) % 2, 16, 32))  # shares, not pixels
    alpha, of_images, chance = slow(responses, images)
    found = of_pairs(responses, images)
    assert found.value.sel(quantity="alpha") == pytest.approx(alpha, abs=1e-12)
    for image, mean in of_images.items():
        assert found.image_value.sel(quantity="likeness", image=image) == pytest.approx(mean, abs=1e-12)
        assert found.image_value.sel(quantity="alpha", image=image) == pytest.approx(1 - (1 - mean) / chance, abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(2, 6), st.integers(2, 8), st.integers(0, 999))
def test_agreement_does_not_care_for_names_order_or_scale(n_actors, n_images, per_image, n_workers, seed):
    responses, images = simulated(seed, n_actors=n_actors, n_images=n_images, per_image=per_image, n_workers=n_workers)
    found = of_pairs(responses, images)
    turned = responses.iloc[::-1].assign(worker="x" + responses["worker"], **{e: 3 * responses[e] for e in EDGES})
    again = of_pairs(turned, images.assign(height=3 * images["height"], width=3 * images["width"]))
    for name in ("value", "actor_value", "image_value"):
        np.testing.assert_allclose(found[name], again[name], atol=1e-9)
    alpha, likeness = (found.value.sel(quantity=name) for name in ("alpha", "likeness"))
    assert np.isnan(alpha) or alpha <= 1
    assert np.isnan(likeness) or 0 <= likeness <= 1
    missing = np.isnan(found.value.to_numpy())
    assert all(bool(reason) for reason in found.reason.to_numpy()[missing])


def test_alpha_of_all_is_the_mean_of_the_images_weighted_by_their_workers():
    responses, images = simulated(3, n_actors=4, per_image=lambda actor: 3 + actor)
    found = of_pairs(responses, images)
    per_image, n = found.image_value.sel(quantity="alpha"), found.image_n
    assert found.value.sel(quantity="alpha") == pytest.approx(float((per_image * n).sum() / n.sum()), abs=1e-12)
    likeness = found.image_value.sel(quantity="likeness")
    actors = images.set_index("image").loc[found["image"].to_numpy(), "actor"].to_numpy()
    of_actors = [float(likeness[actors == actor].mean()) for actor in found["actor"].to_numpy()]
    np.testing.assert_allclose(found.actor_value.sel(quantity="likeness"), of_actors)
    assert found.value.sel(quantity="likeness") == pytest.approx(np.mean(of_actors))


def test_the_agreement_of_pairs_has_its_ends():
    same = table_boxes([(worker, image, at, at, at + 3, at + 3) for worker in "uvw" for at, image in enumerate("ijkl")])
    np.testing.assert_allclose(of_pairs(*same).value, 1)
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 6, (1200, 2))
    random = table_boxes([(f"w{k % 60}", f"i{k // 30}", *corner[k], *(corner[k] + 3)) for k in range(1200)])
    assert abs(of_pairs(*random).value.sel(quantity="alpha")) < 0.005
    alike = of_pairs(*table_boxes([(worker, image, 1, 1, 4, 4) for worker in "uv" for image in "ij"]))
    assert np.isnan(alike.value.sel(quantity="alpha"))
    assert alike.value.sel(quantity="likeness") == 1
    assert alike.reason.sel(quantity="alpha") == "all responses are alike"
    alone = of_pairs(*table_boxes([("u", "i", 1, 1, 4, 4), ("v", "j", 1, 1, 4, 4)]))
    assert set(alone.reason.to_numpy()) == {"no image with two workers"}


def test_labels_as_distances_give_the_alpha_of_labels_and_its_interval():
    responses, images = study(np.random.default_rng(6), n_actors=10, per_image=12, n_workers=30)
    found = of_pairs(responses, images, of="labels", n_resamples=2000)
    nominal = worker_agreement(responses, images, rng=np.random.default_rng(0), n_resamples=2000)
    assert found.value.sel(quantity="alpha") == pytest.approx(nominal.alpha.item(), abs=1e-12)
    width = float(nominal.ci_high - nominal.ci_low)
    alpha = found.sel(quantity="alpha")
    assert float(alpha.ci_high - alpha.ci_low) == pytest.approx(width, rel=0.03)


def test_copies_of_a_worker_or_image_weigh_more_and_do_not_agree_with_themselves():
    responses, images = simulated(8, n_actors=2, n_images=5, per_image=8, n_workers=40)
    judgements = judgements_of(responses, images, "boxes")
    rng = np.random.default_rng(1)
    workers, of_images = rng.integers(0, 4, (1, judgements.n_workers)), rng.integers(1, 4, (1, judgements.n_images))
    distances, sizes = judgements.observed(workers.astype(float))
    for image in range(judgements.n_images):
        own = np.flatnonzero(judgements.image == image)
        weight = workers[0, judgements.worker[own]]
        pairs = [(weight[a] * weight[b], 1 - iou(judgements.answers[own[a]], judgements.answers[own[b]]))
                 for a, b in itertools.combinations(range(len(own)), 2)]
        assert distances[0, image] == pytest.approx(np.average([d for _, d in pairs], weights=[w for w, _ in pairs]))
        assert sizes[0, image] == weight.sum()
    total = workers[0, judgements.worker] * of_images[0, judgements.image]
    pairs = list(itertools.combinations(range(len(total)), 2))
    exact = np.average([1 - iou(judgements.answers[a], judgements.answers[b]) for a, b in pairs],
                       weights=[total[a] * total[b] for a, b in pairs])
    even = judgements.expected(judgements.mean_distances(), np.ones_like(workers), np.ones_like(of_images))
    found = judgements.expected(judgements.mean_distances(), workers.astype(float), of_images.astype(float))
    assert found == pytest.approx(exact, abs=0.005)
    assert abs(found - exact) < 0.5 * abs(even - exact)  # to first order, so nearer than without weights


def test_responses_that_lack_what_is_needed_are_refused():
    responses, images = simulated(4)
    with pytest.raises(InputError, match="no column 'worker'"):
        of_pairs(responses.drop(columns="worker"), images)
    with pytest.raises(InputError, match="no column 'height'"):
        of_pairs(responses, images.drop(columns="height"))
    unknown = responses.assign(image=np.where(np.arange(len(responses)) % 2, "elsewhere", "nowhere"))
    with pytest.raises(InputError, match="add it, or drop its responses") as refusal:
        of_pairs(unknown, images)
    assert [problem.found for problem in refusal.value.problems] == [
        "image 'elsewhere' is not in images", "image 'nowhere' is not in images"]  # each once, not once a row
    with pytest.raises(InputError, match="no rows; expected at least one response"):
        of_pairs(responses.iloc[:0], images)


def test_intervals_cover_the_agreement_of_many_images_and_workers():
    rng, runs = np.random.default_rng(5), 60
    design = {"n_actors": 8, "per_image": 8, "taste": 0.4, "concentration": 8.0}
    truth = np.mean([of_pairs(*boxed(rng, *study(rng, **design, n_images=24, n_workers=300)), n_resamples=2).value
                     for _ in range(4)], axis=0)
    covered = np.zeros(2)
    for _ in range(runs):
        found = of_pairs(*boxed(rng, *study(rng, **design)), n_resamples=99, seed=int(rng.integers(1 << 30)))
        covered += ((found.ci_low <= truth) & (found.ci_high >= truth)).to_numpy()
    assert (covered >= stats.binom.ppf(0.001, runs, 0.90)).all(), covered  # as for alpha of labels


def test_intervals_of_an_actor_and_of_an_image_cover_what_many_workers_would_give():
    rng, runs = np.random.default_rng(9), 60
    crowd, images = boxed(rng, *study(rng, n_actors=2, n_images=2, per_image=240, n_workers=240, taste=0.4))
    truth = of_pairs(crowd, images, n_resamples=2)
    names = crowd["worker"].unique()
    covered = {"actor": np.zeros(2), "image": np.zeros(2)}
    for _ in range(runs):
        few = crowd[crowd["worker"].isin(rng.choice(names, 16, replace=False))]
        found = of_pairs(few, images, n_resamples=99, seed=int(rng.integers(1 << 30)))
        for level, count in covered.items():
            low, high = (found[f"{level}_ci_{end}"] for end in ("low", "high"))
            count += ((low <= truth[f"{level}_value"]) & (high >= truth[f"{level}_value"])).mean(level).to_numpy()
    for level, count in covered.items():
        assert (count >= stats.binom.ppf(0.001, runs, 0.90)).all(), (level, count)


def test_one_image_has_no_chance_agreement_but_its_own_and_its_interval_is_over_workers():
    responses, images = boxed(np.random.default_rng(1), *study(np.random.default_rng(1), n_actors=1, n_images=1,
                                                               per_image=30, n_workers=30))
    responses = responses.drop_duplicates("worker")
    for of in ("boxes", "labels"):
        found = of_pairs(responses, images, of=of, n_resamples=99)
        alpha, likeness = (found.sel(quantity=name) for name in ("alpha", "likeness"))
        assert np.isnan(alpha["value"])
        assert np.isnan(alpha["image_value"]).all()
        assert alpha["reason"] == "one image with two workers: chance would be its own"
        assert found.attrs["resampled"] == "workers"
        assert (likeness["ci_low"], likeness["ci_high"]) == (likeness["image_ci_low"][0], likeness["image_ci_high"][0])
        assert likeness["ci_low"] < likeness["value"] < likeness["ci_high"]
    nominal = worker_agreement(responses, images, rng=np.random.default_rng(0), n_resamples=9)
    assert np.isnan(nominal.alpha)
    assert nominal.reason == "one image with two workers: chance would be its own"
    same = [one == other for one, other in itertools.combinations(responses["label"], 2)]
    assert likeness["value"] == pytest.approx(np.mean(same))


def test_images_of_a_declared_shoot_are_resampled_together_and_an_image_without_one_alone():
    drawn = simulate_study(SCENARIOS["shoots"], rng=np.random.default_rng(0))
    shoots = drawn.images["shoot"].str.rsplit("-").str[-1]  # 1 and 2 for each actor, three images each
    shoots[:2] = None
    images = drawn.images.assign(shoot=shoots)
    units = judgements_of(drawn.responses, images, "labels", "shoot").units
    assert units[:8].tolist() == [0, 1, 2, 3, 3, 3, 4, 4]
    assert units.max() == 25
    plain, alone = (pairwise_agreement(drawn.responses, images.assign(alone=images["image"]), of="labels", clusters=one,
                                       rng=np.random.default_rng(1), n_resamples=99) for one in (None, "alone"))
    xr.testing.assert_identical(plain, alone)
    together = pairwise_agreement(drawn.responses, images, of="labels", clusters="shoot",
                                  rng=np.random.default_rng(1), n_resamples=999)
    np.testing.assert_array_equal(together["value"], plain["value"])
    widths = [found["ci_high"] - found["ci_low"] for found in (together, plain)]
    assert float(widths[0].sel(quantity="likeness")) > float(widths[1].sel(quantity="likeness"))
    assert np.isnan(together["ci_low"].sel(quantity="alpha"))  # its coverage falls short where images come in shoots
    with pytest.raises(InputError, match="club"):
        pairwise_agreement(drawn.responses, images, of="labels", clusters="club", rng=np.random.default_rng(1))
