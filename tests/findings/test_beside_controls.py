"""No statement on agreement of people and a network stands without edges, a centred blob and random weights."""

import re

import pandas as pd
import pytest

from salcompare.findings.beside import COLUMNS
from salcompare.findings.content import answers, tables
from salcompare.findings.overlap import FINDING
from salcompare.findings.quality.estimates import compare_headlines
from salcompare.findings.rows import estimates_table, with_responses
from tests.report.contents import MAIN, estimates, report_data, row

KEY = {"metric": "pearson", "form": "smoothed", "level": "population", "source": MAIN}
CLAIM = re.compile(r"\b(?:agrees?|correlates?|overlaps?|alike|likewise|of the ceiling)\b")
CONTROLS = ("edges", "centred blob", "random-weight networks")
COMPARED = re.compile(r"\b(?:more|less) than \S")  # with a control, a baseline or another network: that is what it says
AGREEMENT = ("overlap", "actor_similarity")


def agreement(value, *, edges, new, contrast="image effect", p=0.0001, controls=True):
    """Rows of a number of agreement, and of what stands beside it: its ends are 0.01 away, the differences' too."""
    metric = "correlation" if contrast == "pairs of actors" else "pearson"
    key = {**KEY, "metric": metric, "contrast": contrast}
    ends = {"ci_low": value - 0.01, "ci_high": value + 0.01, "n": 40}
    tested = {} if contrast == "same image" else {"p_value": p, "p_attainable": 0.0001}
    statistic = "actor_similarity" if contrast == "pairs of actors" else "overlap"
    less = [("sobel", edges), ("randomised network", new), ("new randomised network", new)] if controls else []
    of_control = [("sobel", edges), ("baseline/centre", 0.0), ("randomised network", new)] if controls else []
    return [
        row(**key, **ends, **tested, statistic=statistic, against="human", value=value),
        *(row(**key, statistic="overlap_control", against=against, value=value - other, value_one=value,
              value_other=other, ci_low=value - other - 0.01, ci_high=value - other + 0.01) for against, other in less),
        *(row(**key, statistic="overlap_of_control", against=against, value=other) for against, other in of_control)]


def study(folder, *rows):
    bare = estimates()
    known = bare["statistic"].isin([*AGREEMENT, "share_of_ceiling"])
    table = estimates_table([*bare[~known].drop(columns="responses").to_dict("records"), *rows])
    return report_data(folder, estimates=with_responses(table, "simulated"))


def sentences(data):
    """What the summary says of agreement of people and a network."""
    said = [text for answer in answers(data) if answer.question == FINDING.question for text in answer.answers]
    return [text for text in said if CLAIM.search(text)]


def alone(said):
    """Sentences on agreement without their controls."""
    return [text for text in said if not all(name in text for name in CONTROLS) and not COMPARED.search(
        text.split(":")[0].split(",")[0].replace("more than with", ""))]


EVERY = [("same image", 0.37), ("image effect", 0.028), ("actor effect", 0.03), ("pairs of actors", 0.2)]


@pytest.mark.parametrize("controls", [True, False])
def test_every_sentence_on_agreement_names_its_controls_or_that_there_are_none(tmp_path, controls):
    rows = [one for contrast, value in EVERY for one in agreement(
        value, edges=0.05, new=0.04, contrast=contrast, controls=controls)]
    said = sentences(study(tmp_path, *rows))
    assert len(said) >= len(EVERY)
    assert alone(said) == []
    assert len(alone([text.replace("a centred blob", "a blob") for text in said])) == len(said)  # so it can fail


@pytest.mark.parametrize(("edges", "new", "evidence"), [
    (0.067, 0.0, False), (0.0, 0.053, False), (0.067, 0.053, False), (0.0, 0.0, True)])
@pytest.mark.parametrize("contrast", ["image effect", "actor effect", "pairs of actors"])
def test_an_effect_is_evidence_only_above_edges_and_a_new_random_network(tmp_path, contrast, edges, new, evidence):
    rows = agreement(0.028, edges=edges, new=new, contrast=contrast)
    (text,) = sentences(study(tmp_path, *agreement(0.37, edges=0.34, new=0.61, contrast="same image"), *rows))[1:]
    assert ("There is evidence that" in text) == evidence
    assert ("no evidence of agreement beyond controls" in text) != evidence
    assert f"{edges:.2g} of the photographs' edges" in text.replace("0.0 of", "0 of")
    assert "less a new random-weight network's" in text


def test_an_effect_without_controls_is_no_evidence_and_one_that_is_not_there_keeps_its_verdict(tmp_path):
    same = agreement(0.37, edges=0.34, new=0.61, contrast="same image")
    (text,) = sentences(study(tmp_path, *same, *agreement(0.028, edges=0, new=0, controls=False)))[1:]
    assert "no evidence of agreement beyond controls: not held against the photographs' edges, a centred blob" in text
    (text,) = sentences(study(tmp_path, *same, *agreement(0.028, edges=0, new=0, p=0.3)))[1:]
    assert text.startswith("No evidence that")


def test_every_table_on_agreement_has_the_controls_in_the_same_row(tmp_path):
    rows = [one for contrast, value in EVERY for one in agreement(value, edges=0.05, new=0.04, contrast=contrast)]
    printed = {table.name: table.page for table in tables(study(tmp_path, *rows))
               if set(table.page) & {"contrast"} and "source" in table.page and (table.page["source"] == MAIN).any()
               and table.name.startswith(("overlap", "actor_similarity"))}
    assert {"overlap_primary", "overlap_population"} <= set(printed)
    for name, page in printed.items():
        if name != "overlap_controls":  # which has both sides, and their difference
            assert set(COLUMNS.values()) <= set(page), name
    page = printed["overlap_primary"].set_index("contrast")
    assert page.loc["image effect", [*COLUMNS.values()]].tolist() == [0.05, 0.0, 0.04]


def test_headlines_of_effects_have_those_less_their_controls_beside_them():
    rows = pd.DataFrame([one for contrast, value in EVERY for one in agreement(
        value, edges=0.05, new=0.04, contrast=contrast)])
    table = estimates_table(rows.to_dict("records"))
    named = compare_headlines(table, table, MAIN)["headline"].tolist()
    for effect in ("Image effect", "Actor effect"):
        assert {effect, f"{effect} minus that of Sobel edges", f"{effect} minus random networks' mean"} <= set(named)
