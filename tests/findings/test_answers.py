"""The summary speaks in words with numbers and never claims the absence of an effect."""

import math

import numpy as np
import pandas as pd
import pytest

from salcompare.findings.content import answers as summarise
from salcompare.findings.content import methods
from salcompare.findings.rows import estimates_table, with_responses
from salcompare.printing import number, p_text
from salcompare.report.render import question
from tests.report.contents import MAIN, estimates, report_data, row


def answers(data):
    return " ".join(answer for finding in summarise(data) for answer in finding.answers)


def test_a_test_that_misses_its_level_is_no_evidence_with_the_effects_still_possible(tmp_path):
    said = answers(report_data(tmp_path))
    assert "No evidence that a human map agrees with the classifier's map of the same image more" in said
    assert "Effects from −0.020 to 0.040 remain possible" in said
    assert "no effect" not in said.lower()


def test_a_test_that_reaches_its_level_is_evidence(tmp_path):
    strong = estimates(value=0.2, ci_low=0.1, ci_high=0.3, p_value=0.001, p_attainable=0.001)
    said = answers(report_data(tmp_path, estimates=strong))
    assert "A human map agrees with the classifier's map of the same image more" in said
    assert ("but this is no evidence of agreement beyond controls: not held against the photographs' edges, a centred "
            "blob and random-weight networks.") in said


def test_a_test_too_small_to_reach_its_level_says_so(tmp_path):
    few = estimates(p_value=0.25, p_attainable=0.25)
    assert "could not have given a p below 0.25" in answers(report_data(tmp_path, estimates=few))


def test_an_untested_contrast_gives_its_reason(tmp_path):
    none = estimates(value=math.nan, ci_low=math.nan, ci_high=math.nan, p_value=math.nan, reason="one image an actor")
    assert "could not be tested (one image an actor)" in answers(report_data(tmp_path, estimates=none))


def test_a_classifier_worse_than_a_blob_is_said_to_be_so(tmp_path):
    assert "agrees with people less than a centred blob does" in answers(report_data(tmp_path))


def test_one_box_and_labels_drawn_too_seldom_to_be_named_are_told_as_such(tmp_path):
    data = report_data(tmp_path)
    shares = data.estimates["statistic"] == "label_share"
    for count, says in ((2, "No label has 10 boxes, so none is named"), (10, "weighing the same: eyes 40.0%")):
        said = answers(data.replace(responses=data.responses.head(1),
                                           estimates=data.estimates.assign(count=np.where(shares, count, np.nan))))
        assert says in said
        assert ": ." not in said
        assert "1 simulated box by 1 worker on 1 image." in said
    assert "2 simulated boxes by 2 workers" in answers(data)


def test_the_summary_names_the_control_and_the_simulation(tmp_path):
    said = answers(report_data(tmp_path))
    assert "The photographs are the control" in said
    assert "No person drew these boxes" in said
    assert "No person drew these boxes" not in answers(report_data(tmp_path, simulated=False))


def test_a_study_of_one_side_says_so_and_asks_about_that_side(tmp_path):
    both = report_data(tmp_path)
    networks = report_data(tmp_path, responses=None, simulated=False)
    people = report_data(tmp_path, classifiers={}, settings=both.settings | {"classifier": []})
    assert [question(data).split(" find")[0] for data in (both, networks, people)] == [
        "Do people and a classifier", "Which parts of a face does a classifier", "Which parts of a face do people"]
    assert "This is a study of classifiers alone" in answers(networks)
    assert "This is a study of people alone" in answers(people)
    assert "alone" not in answers(both)


def test_the_default_network_is_said_to_be_it(tmp_path):
    data = report_data(tmp_path)
    named = [data.settings["classifier"][0] | {"hidden": 50}]
    assert "The network is the default one, AlexNet" in answers(data)
    assert "default" not in answers(report_data(tmp_path, settings=data.settings | {"classifier": named}))


def test_weights_of_the_last_iteration_are_said_to_be_kept_unasked(tmp_path):
    data = report_data(tmp_path)
    last = [data.settings["classifier"][0] | {"keep": "last"}]
    said = answers(report_data(tmp_path, settings=data.settings | {"classifier": last}))
    assert "the weights after the last iteration, which no validation image was asked about" in said
    assert "last iteration" not in answers(data)
    both = [*data.settings["classifier"], last[0] | {"name": "other"}]
    assert dict(methods(data))["Classifiers"].count("The iteration with the best validation accuracy is kept") == 1
    told = dict(methods(report_data(tmp_path, settings=data.settings | {"classifier": both})))["Classifiers"]
    assert "Of alexnet: the iteration with the best" in told
    assert "Of other: the weights after the last iteration are kept" in told


def test_a_study_without_people_still_has_a_summary(tmp_path):
    data = report_data(tmp_path, responses=None, simulated=False)
    alone = data.estimates[data.estimates["statistic"].isin(["accuracy", "variance_explained"])]
    said = summarise(report_data(tmp_path, responses=None, simulated=False, estimates=alone))
    assert [finding.question for finding in said][-1] == "Are maps of one actor alike?"


@pytest.mark.parametrize(("value", "text"), [(0.12345, "0.123"), (12345.6, "12,300"), (-0.5, "−0.500"), (3.0, "3"),
                                             (np.nan, "–"), (None, "–"), (1e-7, "1.00e−07"), (1234, "1,234")])
def test_numbers_are_printed_to_read(value, text):
    assert number(value) == text


@pytest.mark.parametrize(("p", "text"), [(0.5, "p = 0.50"), (0.0312, "p = 0.031"), (0.0001, "p = 0.0001"),
                                         (3e-7, "p = 3e-07"), (0.0, "p < 1e-300"), (np.nan, "p not defined")])
def test_p_values_are_never_zero(p, text):
    assert p_text({"p_value": p}) == text


@pytest.mark.parametrize(("row", "raw", "adjusted"), [
    ({"p_value": 0.0001, "p_adjusted": 0.0001, "p_is": "at most", "family": "x: a single test"},
     "p <= 0.0001", "p <= 0.0001"),
    ({"p_value": 0.0001, "p_adjusted": 0.0001, "p_is": "equal"}, "p = 0.0001", "p = 0.0001"),
    ({"p_value": 0.0001, "p_adjusted": 0.0011, "p_is": "at most", "family": "x: labels (Holm)"},
     "p <= 0.0001", "p <= 0.0011"),
    ({"p_value": 1 / 3001, "p_adjusted": 1.0, "p_is": "at most", "family": "x: labels (Holm)"},
     "p <= 0.00034", "p = 1.00"),  # a bound is rounded up; one of 1 says nothing
    ({"p_value": 0.001, "p_adjusted": 0.003, "p_attainable": 0.001, "p_is": "at most",
      "family": "actors and labels (most extreme cell)"}, "p <= 0.001", "p = 0.003"),
    ({"p_value": 0.001, "p_adjusted": 0.001, "p_attainable": 0.001, "p_is": "at most",
      "family": "actors and labels (most extreme cell)"}, "p <= 0.001", "p <= 0.001"),
])
def test_p_is_a_bound_where_no_drawn_permutation_reached_the_value(row, raw, adjusted):
    assert (p_text(row), p_text(row, "p_adjusted")) == (raw, adjusted)


def test_undefined_numbers_are_never_printed_as_numbers(tmp_path):
    table = estimates()
    number_columns = ["value", "ci_low", "ci_high", "null_mean", "p_value", "p_attainable", "ceiling"]
    undefined = table["statistic"].isin(["variance_explained", "overlap", "symmetry"])
    table.loc[undefined, number_columns] = np.nan
    table.loc[undefined, "reason"] = "one image an actor"
    said = answers(report_data(tmp_path, estimates=table))
    assert "nan" not in said
    assert "R² of who is shown is not defined: one image an actor." in said


def more(*rows_given):
    """Estimates beside the usual ones."""
    table = pd.concat([estimates(), with_responses(estimates_table([row(**one) for one in rows_given]), "simulated")])
    return table.reset_index(drop=True)


SHARING = {"statistic": "shared_workers", "metric": "excess", "level": "population", "source": "human",
           "contrast": "one actor minus two", "value": 0.06, "value_one": 0.085, "value_other": 0.025}
SHARE = {"statistic": "share_of_ceiling", "metric": "pearson", "form": "smoothed", "level": "population",
         "source": MAIN}
CELLS = {"statistic": "label_difference", "source": "human"}
RELATIVE = {"statistic": "relative_saliency", "metric": "max_t", "source": MAIN}

SIDE = {"statistic": "symmetry_test", "level": "population", "source": "human"}


@pytest.mark.parametrize(("rows_given", "words"), [
    ([{"statistic": "variance_explained", "metric": "r2", "form": "smoothed", "level": "population", "source": "human",
       "value": 0.2, "reason": "workers are confounded with actors"}],
     "explains 20.0% of the variance, not tested, as workers are confounded with actors."),
    ([SHARING | {"p_value": 0.5}], "of two actors 2.5% (one-sided p = 0.50 if workers were given images at random)."),
    ([SHARING | {"p_value": 0.001}], "workers are confounded with actors, and people's responses do not test whether"),
    ([SHARE | {"contrast": "same image", "value": 0.4, "ci_low": 0.3, "ci_high": 0.5},
      SHARE | {"contrast": "minus baseline/centre", "value": -0.1, "value_one": 0.4, "value_other": 0.5},
      SHARE | {"contrast": "minus randomised network", "value": 0.1, "value_one": 0.41, "value_other": 0.31}],
     "Pooled over images, that is 40% (95% CI 30% to 50%) of the ceiling; a centred blob reaches 50% and random-weight "
     "networks, on their images, 31%."),
    ([CELLS | {"metric": "mean_eta2", "level": "population", "value": 0.5, "p_value": 0.3}],
     "No evidence that actors differ in the labels they get (p = 0.30); how small a difference would be is not "
     "tested."),
    ([CELLS | {"metric": "mean_eta2", "level": "population", "value": 0.5, "p_value": 0.001},
      CELLS | {"metric": "share_difference", "level": "actor", "actor": "ann", "label": "beard", "value": 0.3,
               "p_value": 0.001, "p_adjusted": 0.02},
      CELLS | {"metric": "share_difference", "level": "actor", "actor": "bob", "label": "nose", "value": 0.1,
               "p_value": 0.04, "p_adjusted": 0.2}],
     "standing out from the other actors: ann beard (+30 points, p = 0.020)."),
    ([RELATIVE | {"level": "actor", "actor": "ann", "value": 5.0, "p_value": 0.01, "p_adjusted": 0.01},
      RELATIVE | {"level": "actor", "actor": "bob", "value": 2.0, "p_value": 0.6, "p_adjusted": 0.6}],
     "differ from the other actors' at some pixels for 1 of 2 actors (ann)"),
    ([{"statistic": "symmetry_test", "metric": "asymmetry", "level": "population", "source": "photographs",
       "value": 0.1, "ci_low": 0.05, "ci_high": 0.15, "p_value": 0.001}],
     "There is evidence that the photographs themselves are asymmetric"),
    ([SIDE | {"metric": "worker_laterality", "value": 0.05, "ci_low": 0.02, "ci_high": 0.08, "p_value": 0.002}],
     "There is evidence that people's maps, with other workers and of other actors too, lean to one side in common"),
    ([SIDE | {"metric": "worker_laterality", "value": 0.05, "p_value": np.nan, "reason": "6 degrees of freedom"}],
     "lean to one side in common (above 0: the viewer's left) could not be tested (6 degrees of freedom)."),
    ([{"statistic": "actor_similarity", "metric": "correlation", "level": "population", "source": MAIN, "value": 0.1,
       "ci_low": -0.1, "ci_high": 0.3, "p_value": 0.2, "p_attainable": 0.001}],
     "No evidence that people and the classifier find the same pairs of actors alike: 0.10, p = 0.20. Effects from "
     "−0.10 to 0.30 remain possible; not held against the photographs' edges, a centred blob and random-weight "),
])
def test_the_summary_says_what_each_test_found(tmp_path, rows_given, words):
    assert words in answers(report_data(tmp_path, estimates=more(*rows_given)))


def test_of_several_classifiers_the_summary_says_which_it_means_and_gives_the_others_overlap(tmp_path):
    one = report_data(tmp_path)
    other = row(statistic="overlap", metric="pearson", form="smoothed", level="population", contrast="same image",
                source="vgg/finetuned/guided_backprop", value=0.25, ci_low=0.2, ci_high=0.3)
    table = with_responses(pd.concat([estimates(), estimates_table([other])], ignore_index=True), "simulated")
    two = one.replace(estimates=table, classifiers={"net": one.classifiers["net"],
                                                                 "vgg": one.classifiers["net"]})
    said = answers(two)
    assert f"The study has 2 classifiers: net and vgg. Below, the classifier is {MAIN} where no other is named" in said
    assert ("The other classifier, likewise: vgg/finetuned/guided_backprop 0.25 (95% CI 0.20 to 0.30), not held "
            "against the photographs' edges, a") in said
    questions = [finding.question for finding in summarise(two)]
    assert "Do the classifiers know the people?" in questions
    assert "Does the classifier know the people?" in [finding.question for finding in summarise(one)]
    assert "likewise" not in answers(one)


def test_no_label_is_named_for_one_box(tmp_path):
    """A label with fewer than 10 boxes stands in the tables, and in no sentence of the summary."""
    share = {"statistic": "label_share", "metric": "share", "level": "population", "source": "human", "ci_low": np.nan,
             "ci_high": np.nan}
    cell = CELLS | {"metric": "share_difference", "level": "actor", "actor": "ann", "value": 0.3, "p_adjusted": 0.01}
    rich = {"statistic": "enrichment", "metric": "ratio", "level": "population", "source": "human", "value": 9.0,
            "p_value": 0.001, "p_adjusted": 0.001}
    rows = [share | {"label": "nose", "value": 0.5, "count": 200}, share | {"label": "n/a", "value": 0.001, "count": 1},
            CELLS | {"metric": "mean_eta2", "level": "population", "value": 0.5, "p_value": 0.001},
            *(each | {"label": label} for each in (cell, rich) for label in ("nose", "n/a"))]
    said = answers(report_data(tmp_path, estimates=more(*rows)))
    assert "ann nose" in said
    assert "nose (9 times, " in said
    assert "n/a" not in said
    assert "Labels with fewer than 10 boxes (1 of them) are in the tables and not named here." in said
