"""Label statistics of a paper-sized study (17 actors x 15 images, 5,354 boxes) beside their peers.

One thread and seconds of CPU; medians of interleaved runs. Peers' permutations and resamples are a sample, scaled up.

Run: python -m tests.benchmarks.bench_labels [repeats]
"""


import krippendorff
import numpy as np
import pandas as pd
from scipy import stats

from salcompare.statistics.agreement import worker_agreement
from salcompare.statistics.labels.differences import label_differences
from salcompare.statistics.labels.histogram import population_label_histogram
from tests.benchmarks.measure import Case, Peer, run

ACTORS, IMAGES, BOXES, WORKERS, PERMUTATIONS, RESAMPLES = 17, 15, 5354, 100, 9999, 2000
SOME_PERMUTATIONS, SOME_RESAMPLES, SOME_WORKERS = 50, 5, 5


def cases():
    responses, images = study(np.random.default_rng(0))
    shares = pd.crosstab(responses["image"], responses["label"], normalize="index")
    actor = images.set_index("image")["actor"].reindex(shares.index)
    matrix = coded(responses)
    yield Case("label differences, all cells, 9,999 permutations", lambda: differences(responses, images), (
        Peer("pandas groupby a permutation", lambda: loop_pandas(shares, actor), 50, PERMUTATIONS / SOME_PERMUTATIONS),
        Peer("scipy permutation_test, omnibus alone", lambda: of_scipy(shares, actor), 1,
             PERMUTATIONS / SOME_PERMUTATIONS)))
    yield Case(
        "agreement between workers, 3 x 2,000 resamples",
        lambda: worker_agreement(responses, images, rng=np.random.default_rng(1), n_resamples=RESAMPLES),
        (Peer("krippendorff alpha a resample", lambda: loop_alpha(matrix), 5, 3 * RESAMPLES / SOME_RESAMPLES),))
    yield Case(
        "label histogram, jackknife over workers", lambda: population_label_histogram(responses, images),
        (Peer("pandas without each worker", lambda: loop_histogram(responses, images), 50, WORKERS / SOME_WORKERS),))


def study(rng):
    """Responses of workers who meet each image at most once, some images more than others."""
    names = [f"s{a:02}/{i}" for a in range(ACTORS) for i in range(IMAGES)]
    images = pd.DataFrame({"image": names, "actor": [name[:3] for name in names]})
    cells = rng.choice(len(names) * WORKERS, BOXES, replace=False)
    responses = pd.DataFrame({"image": np.array(names)[cells // WORKERS],
                              "worker": np.char.add("w", (cells % WORKERS).astype(str)),
                              "label": rng.choice([f"label {k:02}" for k in range(11)], BOXES,
                                                  p=rng.dirichlet(np.full(11, 2.0)))})
    return responses, images


def coded(responses):
    """Labels as numbers (worker, image), missing where the worker did not meet the image."""
    codes = responses.assign(label=pd.factorize(responses["label"])[0].astype(float))
    return codes.pivot_table(index="worker", columns="image", values="label").to_numpy()


def differences(responses, images):
    return label_differences(responses, images, rng=np.random.default_rng(1), n_permutations=PERMUTATIONS)


def loop_pandas(shares, actor):
    """t of every actor and label, and eta2, for each of some permutations; no p-values."""
    rng, found = np.random.default_rng(1), []
    total = ((shares - shares.mean()) ** 2).sum()
    for _ in range(SOME_PERMUTATIONS):
        groups = shares.groupby(rng.permutation(actor.to_numpy()))
        means, sizes = groups.mean(), groups.size()
        between = means.sub(shares.mean()).pow(2).mul(sizes, axis=0).sum()
        error = np.sqrt(np.outer(1 / sizes, (total - between) / (len(shares) - len(means))))
        found.append(((means - shares.mean()) / error, (between / total).mean()))
    return found


def of_scipy(shares, actor):
    """The omnibus alone: the mean of eta2 over labels."""
    values, codes = shares.to_numpy(), pd.factorize(actor)[0]
    centred = values - values.mean(axis=0)
    total = (centred**2).sum(axis=0)
    sizes = np.bincount(codes)

    def eta2(labels):
        sums = np.zeros((ACTORS, values.shape[1]))
        np.add.at(sums, labels, centred)
        return ((sums**2 / sizes[:, None]).sum(axis=0) / total).mean()

    return stats.permutation_test((codes,), eta2, permutation_type="pairings", n_resamples=SOME_PERMUTATIONS,
                                  alternative="greater", rng=np.random.default_rng(1)).pvalue


def loop_alpha(matrix):
    """Alpha of some resamples of workers, as the package has it: copies agree with each other."""
    rng = np.random.default_rng(1)
    return [krippendorff.alpha(reliability_data=matrix[rng.integers(0, len(matrix), len(matrix))],
                               level_of_measurement="nominal") for _ in range(SOME_RESAMPLES)]


def loop_histogram(responses, images):
    """Shares without some workers in turn, from tables built anew."""
    merged, found = responses.merge(images, on="image"), []
    for worker in sorted(responses["worker"].unique())[:SOME_WORKERS]:
        rebuilt = merged[merged["worker"] != worker]
        of_images = pd.crosstab([rebuilt["actor"], rebuilt["image"]], rebuilt["label"], normalize="index")
        found.append(of_images.groupby(level="actor").mean().mean())
    return found


if __name__ == "__main__":
    run(cases(), repeats=3)
