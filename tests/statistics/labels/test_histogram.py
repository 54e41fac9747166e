"""Label histograms: balance over images and actors, worker-cluster intervals, edges."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from salcompare.errors import InputError
from salcompare.statistics.labels.histogram import label_histogram, population_label_histogram

IMAGES = pd.DataFrame({"image": ["a/1", "a/2", "b/1", "c/1"], "actor": ["a", "a", "b", "c"]})


def table(rows):
    """Responses from 'worker image label' lines."""
    return pd.DataFrame([row.split() for row in rows], columns=["worker", "image", "label"])


FEW = table(["w1 a/1 eyes", "w3 a/1 eyes", "w2 a/1 nose", "w4 a/1 nose", "w2 a/2 nose", "w3 b/1 eyes", "w1 b/1 chin",
             "w2 b/1 chin", "w4 b/1 chin"])


def of_actors(responses, images=IMAGES, **options):
    return label_histogram(responses, images, **options)


def of_population(responses, images=IMAGES, **options):
    return population_label_histogram(responses, images, **options)


def crowd(n_workers=12, n_images=6, n_actors=3, n_responses=150, seed=0):
    """Random responses, more by some workers and on some images than others."""
    rng = np.random.default_rng(seed)
    images = pd.DataFrame({"image": [f"i{at}" for at in range(n_images)],
                           "actor": [f"s{at % n_actors}" for at in range(n_images)]})
    skewed = rng.dirichlet(np.ones(n_workers)), rng.dirichlet(np.ones(n_images))
    return pd.DataFrame({
        "worker": [f"w{at:02}" for at in rng.choice(n_workers, n_responses, p=skewed[0])],
        "image": [f"i{at}" for at in rng.choice(n_images, n_responses, p=skewed[1])],
        "label": rng.choice(["chin", "eyes", "nose"], n_responses, p=[0.1, 0.6, 0.3])}), images


def test_images_weigh_the_same_within_an_actor_by_hand():
    # Actor a: image 1 has eyes 2/4 and nose 2/4, image 2 has nose 1/1; b: eyes 1/4, chin 3/4; c: no responses.
    result = of_actors(FEW)
    shares = result.pivot_table(index="actor", columns="label", values="share", dropna=False)
    assert shares.loc["a"].to_dict() == {"chin": 0, "eyes": 0.25, "nose": 0.75}
    assert shares.loc["b"].to_dict() == {"chin": 0.75, "eyes": 0.25, "nose": 0}
    assert shares.loc["c"].isna().all()
    assert result.query("actor == 'a'")["n_responses"].tolist() == [0, 2, 3]
    assert result.query("actor == 'a'")[["n_images", "n_workers"]].drop_duplicates().to_numpy().tolist() == [[2, 4]]


def test_actors_weigh_the_same_in_the_population_by_hand():
    result = of_population(FEW)
    assert result["label"].tolist() == ["chin", "eyes", "nose"]
    assert result["share"].tolist() == [0.375, 0.25, 0.375]
    assert result["n_responses"].tolist() == [3, 3, 3]
    first = result.iloc[0]
    assert (first["n_actors"], first["n_images"], first["n_workers"], first["n_undefined"]) == (2, 3, 4, 1)


def test_the_effective_number_of_responses_by_hand():
    # Actor a: 4 responses of weight 1/8 on image 1, 1 of weight 1/2 on image 2: 1 / (4/64 + 1/4). b: 4 of 1/4.
    result = of_actors(FEW).groupby("actor")["n_effective"].first()
    assert result.to_dict() == {"a": pytest.approx(3.2), "b": pytest.approx(4), "c": 0}
    # The population: those of a weigh half, those of b half.
    assert of_population(FEW)["n_effective"].tolist() == [pytest.approx(4 / (1 / 3.2 + 1 / 4))] * 3
    by_actor = pd.DataFrame({"actor": list("aaabb"), "label": ["eyes", "eyes", "nose", "chin", "eyes"]})
    assert of_actors(by_actor, None)["n_effective"].tolist() == [3] * 3 + [2] * 3


def test_the_effective_number_says_what_variance_balancing_costs():
    """Of independent responses, a balanced share has the variance of a plain share of so many responses."""
    rng = np.random.default_rng(3)
    counts, p = np.array([2, 5, 20, 40]), 0.3
    shares = (rng.binomial(counts, p, (20_000, 4)) / counts).mean(axis=1)
    responses = pd.DataFrame({"image": np.repeat([f"i{k}" for k in range(4)], counts), "label": "eyes"})
    images = pd.DataFrame({"image": [f"i{k}" for k in range(4)], "actor": "a"})
    n_effective = of_actors(responses, images)["n_effective"].item()
    assert p * (1 - p) / shares.var() == pytest.approx(n_effective, rel=0.05)
    assert n_effective < counts.sum()


def test_actors_without_responses_are_undefined_with_a_reason():
    missing = of_actors(FEW).query("actor == 'c'")
    assert (missing["reason"] == "no responses").all()
    assert missing[["share", "ci_low", "ci_high"]].isna().all(axis=None)
    assert (missing["n_images"] == 0).all()


def test_labels_asked_for_come_first_and_others_follow():
    result = of_population(FEW, labels=["nose", "ears"])
    assert result["label"].tolist() == ["nose", "ears", "chin", "eyes"]
    assert result["share"].tolist() == [0.375, 0, 0.375, 0.25]


def slow_shares(responses, images):
    """Per actor, by rebuilding the tables: mean over its images of each image's shares."""
    merged = responses.merge(images, on="image")
    votes = pd.crosstab([merged["actor"], merged["image"], merged["worker"]], merged["label"], normalize="index")
    return votes.groupby(level=["actor", "image"]).mean().groupby(level="actor").mean()


def test_shares_agree_with_a_crosstab():
    responses, images = crowd()
    expected = slow_shares(responses, images)
    result = of_actors(responses, images).pivot_table(index="actor", columns="label", values="share")
    pd.testing.assert_frame_equal(result, expected, rtol=1e-12)
    population = of_population(responses, images).set_index("label")["share"]
    np.testing.assert_allclose(population, expected.mean(), rtol=1e-12)


def test_intervals_are_those_of_rebuilding_the_table_without_each_worker():
    responses, images = crowd(n_workers=40, n_responses=400)
    workers, labels = sorted(responses["worker"].unique()), ["chin", "eyes", "nose"]
    rebuilt, weights = [], []
    for out in workers:
        rest = responses[responses["worker"] != out]
        rebuilt.append(slow_shares(rest, images).reindex(columns=labels).fillna(0))
        whose = slow_shares(rest.assign(label=rest["worker"]), images)  # what each worker's votes weigh
        weights.append(whose.reindex(columns=workers).fillna(0))

    def check(row, share, without, weighing):
        variance = (len(without) - 1) / len(without) * np.sum((without - without.mean()) ** 2)
        spread = weighing - weighing.mean(axis=0)
        values = np.linalg.eigvalsh(spread.T @ spread)
        df = values.sum() ** 2 / (values**2).sum()
        assert row["df"] == pytest.approx(df)
        ends = special.logit(share) + np.array([-1, 1]) * stats.t.ppf(0.975, df) * np.sqrt(variance) / share / (
            1 - share)
        np.testing.assert_allclose(row[["ci_low", "ci_high"]].astype(float), special.expit(ends))

    whole = of_population(responses, images).set_index("label")
    for label in labels:
        check(whole.loc[label], whole["share"][label], np.array([one[label].mean() for one in rebuilt]),
              np.array([one.mean() for one in weights]))
    single = of_actors(responses, images).set_index(["actor", "label"])
    those = responses.merge(images, on="image").query("actor == 's0'")["worker"].unique()
    at = [workers.index(worker) for worker in sorted(those)]
    check(single.loc["s0", "eyes"], single["share"]["s0", "eyes"], np.array([rebuilt[k]["eyes"]["s0"] for k in at]),
          np.array([weights[k].loc["s0"].to_numpy()[at] for k in at]))


def test_a_worker_has_one_vote_on_an_image():
    twice = table(["w1 a/1 eyes", "w1 a/1 eyes", "w1 a/1 nose", "w2 a/1 nose", "w1 a/2 eyes"])
    # image 1: (2/3 + 0) / 2 eyes; image 2: 1
    shares = of_actors(twice).query("actor == 'a'").set_index("label")
    assert shares["share"].to_dict() == {"eyes": pytest.approx(2 / 3), "nose": pytest.approx(1 / 3)}
    assert shares["n_responses"].to_dict() == {"eyes": 3, "nose": 2}
    assert shares["n_effective"]["eyes"] == pytest.approx(4 / (1 / 2 + 1))


def test_few_workers_with_most_of_the_votes_have_no_interval():
    responses = table([f"w{k} {image} {label}" for image in ("a/1", "a/2", "b/1") for k, label in enumerate(
        ["eyes", "nose", "chin", "eyes"])])
    result = of_population(responses)
    assert result["df"].tolist() == pytest.approx([3, 3, 3])
    assert result["ci_low"].isna().all()
    assert (result["reason"] == "3.0 degrees of freedom of workers, fewer than 5").all()


def test_one_worker_gives_shares_without_intervals():
    result = of_actors(FEW[FEW["worker"] == "w1"])
    assert result.query("actor == 'a' and label == 'eyes'")["share"].item() == 1
    assert result["ci_low"].isna().all()
    assert set(result["reason"]) == {"one worker only", "no responses"}
    assert (of_population(FEW[FEW["worker"] == "w1"])["reason"] == "one worker only").all()


def test_an_actor_with_one_worker_has_no_interval():
    responses = pd.concat([FEW, table(["w1 c/1 eyes", "w1 c/1 chin"])], ignore_index=True)
    alone = of_actors(responses).query("actor == 'c'")
    assert (alone["reason"] == "one worker only").all()
    assert alone["ci_high"].isna().all()
    assert alone.query("label == 'eyes'")["share"].item() == 0.5


def test_a_label_nobody_used_has_no_interval():
    result = of_actors(*crowd(), labels=["ears"])
    never = result.query("label == 'ears'")
    assert (never["share"] == 0).all()
    assert never["ci_low"].isna().all()
    assert (never["reason"] == "the same without any worker").all()


def test_responses_on_actors_weigh_the_same_and_have_no_interval():
    responses = pd.DataFrame({"actor": list("aaabb"), "label": ["eyes", "eyes", "nose", "chin", "eyes"]})
    result = of_actors(responses, None)
    assert result["share"].tolist() == pytest.approx([0, 2 / 3, 1 / 3, 1 / 2, 1 / 2, 0])
    assert result["ci_low"].isna().all()
    assert result["reason"].str.contains("not known who drew which box").all()
    assert result[["n_images", "n_workers"]].isna().all(axis=None)
    assert of_population(responses, None)["share"].tolist() == pytest.approx([1 / 4, 7 / 12, 1 / 6])
    listed = of_actors(responses, IMAGES)
    assert listed.query("actor == 'c'")["reason"].unique().tolist() == ["no responses"]


def test_actors_keep_the_order_of_the_catalogue():
    images = pd.DataFrame({"image": ["s2/1", "s10/1"], "actor": ["s2", "s10"]})
    result = of_actors(table(["w1 s10/1 eyes", "w2 s2/1 nose"]), images)
    assert result["actor"].unique().tolist() == ["s2", "s10"]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 8), st.integers(1, 6), st.integers(1, 3), st.integers(1, 40), st.integers(0, 999))
def test_shares_of_an_actor_sum_to_one_and_intervals_stay_in_bounds(n_workers, n_images, n_actors, n_responses, seed):
    responses, images = crowd(n_workers, n_images, min(n_actors, n_images), n_responses, seed)
    result = of_actors(responses, images)
    sums = result.groupby("actor")["share"].sum(min_count=1).dropna()
    np.testing.assert_allclose(sums, 1)
    assert set(sums.index) == set(responses.merge(images, on="image")["actor"])
    ends = result[["ci_low", "ci_high"]].dropna()
    assert ((ends["ci_low"] >= -1e-12) & (ends["ci_low"] <= ends["ci_high"]) & (ends["ci_high"] <= 1 + 1e-12)).all()
    assert result.loc[result["ci_low"].isna(), "reason"].ne("").all()
    assert of_population(responses, images)["share"].sum() == pytest.approx(1)


def test_the_order_of_responses_does_not_matter():
    responses, images = crowd()
    shuffled = responses.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(of_actors(responses, images), of_actors(shuffled, images))


def test_responses_that_cannot_be_counted_are_refused_all_at_once():
    with pytest.raises(InputError, match="label, and image or actor"):
        of_actors(FEW.drop(columns="label"))
    with pytest.raises(InputError, match="at least one response"):
        of_actors(FEW.iloc[:0])
    wrong = pd.concat([FEW.assign(label=FEW["label"].where(FEW.index > 0)),
                       table(["w1 x/9 eyes", "w1 x/8 eyes"])], ignore_index=True)
    with pytest.raises(InputError) as caught:
        of_actors(wrong)
    assert [problem.found for problem in caught.value.problems] == [
        "1 without label", "image 'x/8' is not in images", "image 'x/9' is not in images"]
    with pytest.raises(InputError, match="columns image and actor"):
        of_actors(FEW, None)
    with pytest.raises(InputError, match="columns image; expected image and actor"):
        of_actors(FEW, IMAGES[["image"]])


def simulated_workers(rng, images, n_workers, preferences):
    """Each worker draws 10 boxes, on images at random, from a preference of their own."""
    n = 10 * n_workers
    own = rng.dirichlet(6 * preferences, n_workers)
    labels = np.array([rng.choice(len(preferences), 10, p=p) for p in own]).ravel()
    return pd.DataFrame({"worker": np.repeat(np.arange(n_workers), 10).astype(str),
                         "image": rng.choice(images["image"].to_numpy(), n),
                         "label": np.array(["chin", "eyes", "nose"])[labels]})


def test_worker_cluster_intervals_cover_the_population_share():
    rng, runs, preferences = np.random.default_rng(7), 200, np.array([0.2, 0.5, 0.3])
    images = pd.DataFrame({"image": [f"i{at}" for at in range(24)], "actor": np.repeat([f"s{a}" for a in range(6)], 4)})
    covered = np.zeros(3)
    for _ in range(runs):
        result = population_label_histogram(simulated_workers(rng, images, 40, preferences), images)
        covered += (result["ci_low"] <= preferences) & (preferences <= result["ci_high"])
    assert (covered >= stats.binom.ppf(0.001, runs, 0.95)).all()


def uneven_workers(rng, images, preferences):
    """Three of 20 workers give six in ten votes, each from a preference of their own; some draw two boxes."""
    busy = np.r_[np.full(3, 0.2), np.full(17, 0.4 / 17)]
    chosen = [(image, worker) for image in images["image"]
              for worker in rng.choice(20, 8, replace=False, p=busy)]
    image, worker = zip(*chosen, strict=True)
    taste = rng.dirichlet(6 * preferences, 20)
    labels = [rng.choice(3, p=taste[one]) for one in worker]
    drawn = pd.DataFrame({"worker": np.array(worker).astype(str), "image": image,
                          "label": np.array(["chin", "eyes", "nose"])[labels]})
    return pd.concat([drawn, drawn.sample(frac=0.5, random_state=int(rng.integers(999)))], ignore_index=True)


def test_intervals_cover_where_a_few_workers_give_most_votes():
    rng, runs, preferences = np.random.default_rng(8), 200, np.array([0.1, 0.6, 0.3])
    images = pd.DataFrame({"image": [f"i{at}" for at in range(12)], "actor": np.repeat(["s1", "s2", "s3"], 4)})
    covered, given = np.zeros(3), 0
    for _ in range(runs):
        result = population_label_histogram(uneven_workers(rng, images, preferences), images)
        assert (result["df"] < 15).all()  # of 19
        covered += (result["ci_low"] <= preferences) & (preferences <= result["ci_high"])
        given += result["ci_low"].notna().all()
    assert given >= 0.9 * runs
    assert (covered >= stats.binom.ppf(0.001, runs, 0.93)).all()
