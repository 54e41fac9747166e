"""Two studies side by side: what is matched, tested, paired and refused."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from salcompare.config import Config, General, Maps, Quality
from salcompare.errors import InputError
from salcompare.findings.comparison.studies import HEADLINES, INDEPENDENT, PAIRED, OneStudy, compare_studies
from salcompare.findings.comparison.studies_page import write_comparison
from salcompare.findings.rows import estimates_table
from salcompare.statistics.inference.resampling import t_interval

SOURCE = "net/finetuned/guided_backprop"
OVERLAP = {"statistic": "overlap", "metric": "pearson", "form": "smoothed", "sigma": 4.54, "source": SOURCE,
           "against": "human", "contrast": "image effect"}


def study(title, values, **changes):
    """A study with one value an actor of the overlap's image effect, and their mean."""
    values = pd.Series(values) if not isinstance(values, pd.Series) else values
    names = [name if isinstance(name, str) else f"{title}{name}" for name in values.index]
    ends = t_interval(values.to_numpy())
    mean = {**OVERLAP, "level": "population", "value": values.mean(), "ci_low": float(ends.low),
            "ci_high": float(ends.high), "ci_method": "t", "resampled": "actors", "n": len(values)}
    singles = [{**OVERLAP, "level": "actor", "actor": name, "value": value} for name, value in zip(
        names, values, strict=True)]
    row, more = changes.pop("row", {}), changes.pop("more", [])
    rows = [{**one, **row} for one in (mean, *singles)] + more
    images = pd.DataFrame({"image": [f"{name}/1" for name in names], "actor": names, "sha256": names})
    responses = pd.DataFrame({"image": np.repeat(images["image"], 4), "worker": ["a", "b", "c", "d"] * len(names)})
    table = estimates_table(rows).assign(responses="collected")
    return OneStudy(**{"title": title, "config": Config(study=General(name=title)), "images": images,
                       "responses": responses, "estimates": table, "people": "boxes", "main": SOURCE, **changes})


def only_row(compared):
    assert len(compared.table) == 1
    return compared.table.iloc[0]


def draws(seed, n, scale=1.0):
    return scale * np.random.default_rng(seed).standard_normal(n)


def test_studies_of_different_actors_are_compared_by_welchs_test():
    one, other = draws(1, 8, 3.0), draws(2, 24)
    row = only_row(compare_studies(study("one", one), study("two", other)))
    welch = stats.ttest_ind(one, other, equal_var=False)
    assert row["test"] == INDEPENDENT
    assert row["p_value"] == pytest.approx(welch.pvalue)
    assert row["freedom"] == pytest.approx(welch.df)
    assert row["ci_low"] == pytest.approx(welch.confidence_interval().low)
    assert row["chance"] == pytest.approx((row["ci_high"] - row["ci_low"]) / 2)
    assert (row["headline"], row["family"], row["family_size"]) == ("Image effect", HEADLINES, 1)


def test_studies_of_the_same_actors_are_compared_in_pairs():
    one, other = (pd.Series(draws(seed, 12), index=[f"s{at}" for at in range(12)], dtype=float) for seed in (1, 2))
    other = other.iloc[::-1].iloc[:10]
    compared = compare_studies(study("one", one), study("two", other))
    row = only_row(compared)
    assert (row["test"], row["n_pairs"]) == (PAIRED, 10)
    assert row["p_value"] == pytest.approx(stats.ttest_rel(one[other.index], other).pvalue)
    assert row["difference"] == pytest.approx((one[other.index] - other).mean())
    assert compared.notes == ("10 actors of one name in both studies are taken for the same.",)
    few = compare_studies(study("one", one), study("two", other.iloc[:7]))
    assert only_row(few)["reason"] == "7 actors with it in both studies; a test needs 8"


def test_one_photograph_under_two_names_is_refused():
    one, two = study("one", draws(1, 8)), study("two", draws(2, 8))
    two = dataclasses.replace(two, images=two.images.assign(sha256=one.images["sha256"]))
    with pytest.raises(InputError, match="is 'two0' in two, by the same photograph"):
        compare_studies(one, two)


FEW = pd.DataFrame({"image": ["two0/1"], "worker": ["a"]})


@pytest.mark.parametrize(("changes", "reason"), [
    ({"config": Config(maps=Maps(sigma=0.05)), "row": {"sigma": 11.35}}, "has it at another sigma"),
    ({"people": "fixations"}, "people's side is boxes in one study, fixations in the other"),
    ({"responses": FEW}, "4 responses an image against 1: their noise alone moves it"),
    ({"row": {"ci_low": np.nan}}, "two has no interval of it"),
    ({"row": {"ci_method": "percentile", "resampled": "workers"}},
     "no t interval over actors, but percentile over workers"),
    ({"row": {"source": "other/finetuned/guided_backprop"}, "main": None}, f"two has nothing of {SOURCE}"),
    ({"row": {"statistic": "another"}}, "two has no such estimate"),
])
def test_what_is_not_alike_is_not_tested_and_says_why(changes, reason):
    compared = compare_studies(study("one", draws(1, 8)), study("two", draws(2, 9), **changes))
    assert compared.table["p_value"].isna().all()
    assert any(reason in text for text in compared.table["reason"])


def test_a_difference_without_a_p_value_says_why_by_the_names_of_the_studies():
    alike = only_row(compare_studies(study("one", np.ones(8)), study("two", np.zeros(9))))
    assert (alike["difference"], alike["reason"]) == (1, "the same on every actor of each study")
    assert np.isnan(alike["p_value"])
    of_both = list("abcdefgh")
    one, other = (pd.Series(values, index=of_both) for values in (draws(1, 8), np.full(8, np.nan)))
    assert only_row(compare_studies(study("s", one), study("s", other)))["reason"] == "undefined in s (other)"


def test_headlines_come_first_in_the_order_of_the_report():
    more = [{**OVERLAP, "level": "population", "value": 0.1, **row} for row in (
        {"statistic": "another"}, {"statistic": "unique_agreement", "contrast": "same image"})]
    found = compare_studies(study("one", draws(1, 8), more=more), study("two", draws(2, 9), more=more)).table
    assert found["headline"].fillna("").tolist() == ["Unique agreement", "Image effect", ""]


def test_networks_of_different_names_are_compared_where_no_name_is_shared():
    name = "other/finetuned/guided_backprop"
    compared = compare_studies(study("one", draws(1, 8)), study("two", draws(2, 8), row={"source": name}, main=name))
    assert only_row(compared)["test"] == INDEPENDENT
    assert compared.notes == (f"No network is in both studies: {name} is compared with {SOURCE}.",)


def test_settings_that_differ_are_listed_and_those_that_change_nothing_are_not():
    two = study("two", draws(2, 8), config=Config(study=General(name="two", seed=3), quality=Quality(rules=("pace",))))
    settings = compare_studies(study("one", draws(1, 8)), two).settings
    assert settings["setting"].tolist() == ["quality.rules"]
    assert settings["other"].tolist() == ["('pace',)"]


def test_the_page_says_what_chance_gives_beside_every_difference(tmp_path):
    more = [{"statistic": "label_share", "metric": "share", "level": "population", "source": "human", "label": "eyes",
             "value": 0.25}]
    compared = compare_studies(study("one <b>", draws(1, 8), more=more), study("two", draws(2, 24)))
    page = write_comparison(compared, tmp_path)
    text = page.read_text()
    assert "one &lt;b&gt;: not" not in text
    assert "<b>" not in text
    assert "within ±" in text
    assert "only in one &lt;b&gt;: two has nothing of human" in text
    assert 'href="report.html"' not in text
    assert "No headline number could be tested" not in text
    tested = pd.read_csv(tmp_path / "tables" / "differences_tested.csv")
    assert tested["chance"].gt(0).all()
    assert (tmp_path / "figures" / "differences.png").exists()


def test_the_page_says_each_reason_once_and_rows_give_its_number(tmp_path):
    more = [{**OVERLAP, "level": "population", "value": 0.1, **row} for row in (
        {"statistic": "another"}, {"statistic": "unique_agreement", "contrast": "same image"})]
    compared = compare_studies(study("one", draws(1, 8), more=more), study("two", draws(2, 9), more=[
        *more, {**OVERLAP, "level": "population", "value": 0.1, "statistic": "b"}]))
    assert compared.reasons == {"one has no interval of it": 2, "only in two: one has no such estimate": 1}
    text = write_comparison(compared, tmp_path).read_text()
    assert text.count("one has no interval of it") == 1
    assert "<li>(1) one has no interval of it (2 of all estimates).</li>" in text
    assert text.count(">(1)</td>") == 3  # the headline, and both among all estimates
    stored = pd.read_csv(tmp_path / "tables" / "differences_untested.csv")
    assert stored["reason"].value_counts().to_dict() == compared.reasons


def test_the_page_says_where_no_headline_could_be_tested_and_keeps_intervals_on_one_line(tmp_path):
    compared = compare_studies(study("one", draws(1, 8)), study("two", draws(2, 24), people="maps"))
    text = write_comparison(compared, tmp_path).read_text()
    assert "No headline number could be tested" in text
    assert "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}" in text
