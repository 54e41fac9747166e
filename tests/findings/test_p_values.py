"""Families of p-values: every p has one, none has two, and adjusting counts what is in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.findings.analysis import adjusted
from salcompare.findings.p_values import KEY, family_table, name_families
from salcompare.findings.rows import estimates_table

ROWS = st.lists(st.fixed_dictionaries({
    "statistic": st.sampled_from(["overlap", "symmetry_test"]), "metric": st.sampled_from(["pearson", "iou"]),
    "level": st.sampled_from(["population", "actor"]), "source": st.sampled_from(["human", "a/b/c"]),
    "contrast": st.sampled_from([None, "image effect"]), "sigma": st.sampled_from([None, 1.0, 2.0]),
    "frame": st.sampled_from(["photograph", "canonical"]),
    "p_value": st.sampled_from([np.nan, 0.001, 0.01, 0.04, 0.5]), "p_attainable": st.just(0.001)}), max_size=25)


def table(rows):
    return estimates_table([{**row, "value": 1.0, "actor": f"s{at}" if row.get("level") == "actor" else None}
                            for at, row in enumerate(rows)])


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, some=st.integers(0, 25))
def test_no_p_is_without_a_family_and_no_family_has_two_questions(rows, some):
    first = list(adjusted(rows[:some], "actors"))  # a part that adjusted its own beside one that did not
    for part in ([], first):
        named = name_families(table([*part, *rows[len(part):]]))
        tested = named[named["p_value"].notna()]
        assert tested[["family", "family_size", "p_adjusted"]].notna().all(axis=None)
        assert (tested["p_adjusted"] >= tested["p_value"]).all()
        assert named.loc[named["p_value"].isna(), ["family", "p_adjusted"]].isna().all(axis=None)
        questions = tested.groupby("family")[list(KEY)].nunique(dropna=False)
        assert questions.eq(1).all(axis=None)
        assert tested.groupby("family")["family_size"].nunique().eq(1).all()
    named = name_families(table(rows))
    counts = named[named["p_value"].notna()].groupby("family")["family_size"].agg(["first", "size"])
    assert (counts["first"] == counts["size"]).all()


def test_what_was_not_adjusted_is_by_holm_over_what_agrees():
    rows = [{"statistic": "s", "level": "actor", "p_value": p} for p in (0.01, 0.04, 0.03)]
    rows += [{"statistic": "s", "level": "population", "p_value": 0.02}]
    named = name_families(table(rows))
    assert named["p_adjusted"].tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert named["family"].tolist() == ["s, of each actor: actors (Holm)"] * 3 + ["s: a single test"]
    assert named["family_size"].tolist() == [3, 3, 3, 1]


def test_a_family_that_was_adjusted_keeps_its_p_and_size_and_gains_its_name():
    rows = [{"statistic": "relative", "level": "actor", "source": "human", "p_value": 0.02, "p_adjusted": 0.2,
             "family": "pixels and actors (max |t|)", "family_size": 5000}] * 2
    named = name_families(table(rows))
    assert named["p_adjusted"].tolist() == [0.2, 0.2]
    assert named["family_size"].tolist() == [5000, 5000]
    assert set(named["family"]) == {"relative, human, of each actor: pixels and actors (max |t|)"}


def test_a_family_of_two_sources_is_two_families():
    """Naming them by statistic alone would adjust people's tests for the classifier's."""
    sources = ("human", "a/b/c")
    rows = [{"statistic": "s", "level": "actor", "source": source, "p_value": 0.01} for source in sources] * 2
    named = name_families(table(rows))
    assert named["family"].nunique() == 2
    assert (named["p_adjusted"] == 0.02).all()


def test_a_family_of_two_frames_is_two_families_and_one_over_regions_says_so():
    rows = [{"statistic": "overlap", "level": "population", "source": "a/b/c", "frame": frame, "region": region,
             "p_value": 0.01} for frame in ("photograph", "canonical") for region in ("hair", "lips")]
    named = name_families(table(rows))
    assert named["family"].drop_duplicates().tolist() == [
        "overlap, a/b/c: regions (Holm)", "overlap, canonical frame, a/b/c: regions (Holm)"]
    assert (named["p_adjusted"] == 0.02).all()


def test_the_table_of_families_counts_tests_and_what_they_can_reach():
    rows = [{"statistic": "s", "level": "actor", "p_value": p, "p_attainable": 0.01} for p in (0.01, 0.02, 0.5, 0.6)]
    rows += [{"statistic": "t", "level": "population", "p_value": 0.03, "p_attainable": 0.001},
             {"statistic": "u", "level": "population"}]
    found = family_table(name_families(table(rows)))
    assert found["family"].tolist() == ["s, of each actor: actors (Holm)", "t: a single test"]
    many, alone = found.iloc[0], found.iloc[1]
    assert (many["family_size"], many["p_attainable"], many["p_attainable_adjusted"]) == (4, 0.01, 0.04)
    assert (many["n_below"], many["n_below_adjusted"], many["p_smallest_adjusted"]) == (2, 1, 0.04)
    assert (alone["p_attainable_adjusted"], alone["n_below_adjusted"]) == (0.001, 1)


def test_a_maximum_statistics_p_is_not_raised_again_and_one_of_by_is_by_the_harmonic_sum():
    for family, expected in (("pixels (max |t|)", 0.01), ("pixels (Benjamini-Hochberg)", 0.03),
                             ("pixels (Benjamini-Yekutieli)", 0.03 * 11 / 6)):
        rows = [{"statistic": "s", "level": "actor", "p_value": 0.01, "p_adjusted": 0.5, "p_attainable": 0.01,
                 "family": family, "family_size": 3}]
        found = family_table(name_families(table(rows)))
        assert found["p_attainable_adjusted"].item() == pytest.approx(expected)


def test_estimates_without_a_test_have_no_families():
    assert family_table(name_families(table([{"statistic": "s", "level": "population"}]))).empty
    assert isinstance(name_families(table([])), pd.DataFrame)
