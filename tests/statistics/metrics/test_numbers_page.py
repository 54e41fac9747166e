"""The page on numbers of other tools: every number on it, computed here by their definitions and by ours."""

import re
from pathlib import Path

import numpy as np
import pytest

from salcompare.statistics.metrics import densities, information, ranking
from tests.statistics.metrics import peers
from tests.strategies import maps

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def example():
    """A density of where people look, 60 fixations drawn from it, a network's map with zeros, and a baseline."""
    rng = np.random.default_rng(2018)
    y, x = np.mgrid[:16, :16]
    people = np.exp(-((y - 6) ** 2 + (x - 9) ** 2) / 18)
    fixations = rng.multinomial(60, (people / people.sum()).ravel()).reshape(16, 16)
    network = np.exp(-((y - 7) ** 2 + (x - 7) ** 2) / 40) * rng.gamma(2, 1, (16, 16))
    network[rng.random((16, 16)) < 0.2] = 0
    return people, fixations, network, np.exp(-((y - 7.5) ** 2 + (x - 7.5) ** 2) / 50)


def corners(network, fixated):
    """What trapezia between fixated pixels' values add to the area under the steps, in expectation over the jitter."""
    n, lowest = fixated.sum(), network[fixated].min()
    others, tied = network[~fixated], (network[fixated] == lowest).sum()
    above = (others > lowest).sum() + (others == lowest).sum() * tied / (tied + 1)
    return above / others.size / (2 * n)


def rows():
    """By metric: ours, pysaliency's and the MATLAB code's value, and ours converted to each."""
    people, counts, network, below = example()
    p, f, q, b = maps(people, counts, network, below)
    f = f.astype(int)
    once, share = f.astype(bool), float((counts > 0).mean())
    least = densities.FLOOR

    def mixed(values):
        return (1 - least) * peers.density(values) + least / values.size

    judd, single = float(ranking.auc_judd(f, q)), float(ranking.auc_judd(once.astype(int), q))
    nss, cc = float(densities.nss(f, q)), float(densities.pearson(p, q))
    similar, kl = float(densities.similarity(p, q)), float(densities.kl_divergence(p, q))
    stretched = float(densities.similarity(*maps(peers.stretched(people), peers.stretched(network))))
    emd = float(densities.emd(p, q, cells=4))
    coarse = [values.reshape(4, 4, 4, 4).sum(axis=(1, 3)) for values in (people, network)]
    gain = float(information.information_gain(f, q, baseline=b))
    return {
        "NSS": (nss, peers.nss(network, counts), peers.nss(network, counts), nss, nss),
        "CC": (cc, peers.cc(people, network), peers.cc(people, network), cc, cc),
        "SIM": (similar, peers.sim(people, network), peers.sim(peers.stretched(people), peers.stretched(network)),
                similar, stretched),
        "AUC": (judd, peers.auc(network, counts), peers.auc_judd_of_matlab(network, counts), judd,
                (single - share / 2) / (1 - share) + corners(network, counts > 0)),
        "KL": (kl, peers.kl(people, network), peers.kl(people, network), peers.kl(mixed(people), mixed(network)),
               peers.kl(mixed(people), mixed(network))),
        "EMD": (emd, np.nan, peers.emd(*coarse), np.nan, emd * np.hypot(3, 3)),
        "IG": (gain, peers.information_gain(counts, mixed(network), mixed(below)), np.nan, gain, np.nan),
    }


@pytest.fixture(scope="module")
def table():
    return rows()


def test_every_number_of_the_page_is_that_of_the_definitions(table):
    text = PAGE.read_text(encoding="utf-8")
    printed = dict(re.findall(r"^\| ([A-Z]+) \| ([^|]+\|[^|]+\|[^|]+)\|", text, re.MULTILINE))
    assert set(printed) == set(table)
    for name, (ours, pysaliency, matlab, *_) in table.items():
        said = [cell.strip() for cell in printed[name].split("|")]
        assert said == ["" if np.isnan(value) else f"{value:.3f}" for value in (ours, pysaliency, matlab)], name


def test_the_conversions_of_the_page_turn_our_numbers_into_theirs(table):
    for name, (ours, pysaliency, matlab, to_pysaliency, to_matlab) in table.items():
        if name == "KL":  # of the mixed densities theirs is ours; of the maps as they are it is another number
            assert to_pysaliency == pytest.approx(ours, abs=1e-9)
            continue
        for theirs, converted in ((pysaliency, to_pysaliency), (matlab, to_matlab)):
            assert np.isnan(theirs) or converted == pytest.approx(theirs, abs=1e-7 if name != "AUC" else 1e-3), name


def test_the_page_prints_what_the_epsilon_of_a_divergence_decides():
    people, _, network, _ = example()
    said = [f"{peers.kl(people, network, eps):.2f}" for eps in (1e-20, 2.2204e-16, 1e-7)]
    assert f"{said[0]}, {said[1]} and {said[2]}" in PAGE.read_text(encoding="utf-8")


def test_the_page_prints_the_auc_of_coverage_beside_that_of_fixations():
    people, counts, network, _ = example()
    p, f, q = maps(people, counts, network)
    found = float(ranking.auc_top20(p, q)), float(ranking.auc_judd(f.astype(int), q)), float(
        ranking.auc_judd((f > 0).astype(int), q))
    text = PAGE.read_text(encoding="utf-8")
    assert "{:.3f} for {:.3f}".format(*found[:2]) in text
    assert f"once: {found[2]:.3f}" in text
