"""Unique agreement in a study: its rows beside those of controls, its verdicts, words and figure."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare.config import Config, Maps, Statistics
from salcompare.findings import unique as terms
from salcompare.findings.analysis import Analysis
from salcompare.findings.overlap import SAME_IMAGE, minus
from salcompare.findings.rows import estimates_table, with_responses
from salcompare.findings.unique import words
from salcompare.findings.unique.estimates import estimates, headlines
from salcompare.findings.unique.figure import unique_figure, unique_missing
from salcompare.simulation import cases
from salcompare.simulation.studies import simulate_study
from salcompare.statistics.inference.differences import VERDICTS, verdict
from salcompare.study_data import StudyData

MAIN, OTHER = "net/finetuned/gradient", "net/frozen/gradient"


def study_data(scenario=cases.SIZES[1], **changes):
    """A simulated study: the network follows people in an image, its other variant and its controls do not."""
    rng = np.random.default_rng(3)
    study = simulate_study(cases.SCENARIOS[scenario].replace(**changes), rng=rng)
    photographs = cases.photographs(study, rng).expand_dims(channel=3, axis=-1)
    enlarged = [study.images[side].iloc[0] / 16 for side in ("width", "height")]
    landmarks = cases.landmarks(study, rng) * xr.DataArray(enlarged, {"axis": ["x", "y"]})
    scrambled = [cases.other_photographs(study, rng) ** 2 for _ in range(3)]
    names = study.saliency["image"].to_numpy()
    networks = xr.concat(scrambled[:2], "image").assign_coords(
        image=[f"{name}|{at}" for at in (0, 1) for name in names], photograph=("image", np.tile(names, 2)),
        network=("image", np.repeat([0, 1], len(names))))
    return StudyData(
        human=study.human, photographs=photographs, landmarks=landmarks, images=study.images,
        responses=study.responses, simulated=True,
        classifier_maps={name: maps.rename("saliency").to_dataset() for name, maps in (
            (OTHER, scrambled[2]), (MAIN, study.saliency))},
        controls={name: {terms.RANDOMISED: networks.rename("saliency").to_dataset()} for name in (MAIN, OTHER)},
        classifiers={"net": {}}, settings=dataclasses.asdict(Config()))


def analysis_of(data, **statistics):
    return Analysis(data, Maps(sigma=0.07), Statistics(n_permutations=99, **statistics), 1)


@pytest.fixture(scope="module")
def data():
    plain = study_data()
    rows = [row for part, _ in estimates(analysis_of(plain)) for row in part]
    return plain.replace(estimates=with_responses(estimates_table(rows), "simulated"))


def row_of(data, source, contrast):
    table = data.estimates
    chosen = table[(table["statistic"] == terms.AGREEMENT) & (table["level"] == "population")
                   & (table["source"] == source) & (table["contrast"] == contrast)]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_every_source_stands_beside_its_control_and_its_smallest_effect(data):
    main, other = (row_of(data, name, SAME_IMAGE) for name in (MAIN, OTHER))
    assert main["value"] > 0.2
    assert main["p_value"] <= 0.05
    assert main["verdict"] == VERDICTS[0]
    assert main["smallest_effect"] == pytest.approx(0.2 * main["ceiling"])
    assert abs(other["value"]) < 0.1
    for source in (MAIN, OTHER):
        control, less = (row_of(data, source, name) for name in (terms.RANDOMISED, minus(terms.RANDOMISED)))
        whole = row_of(data, source, SAME_IMAGE)
        assert less["value_one"] - less["value_other"] == pytest.approx(less["value"])
        assert less["value"] == pytest.approx(whole["value"] - control["value"])
    between = row_of(data, MAIN, minus(OTHER))
    assert between["value"] == pytest.approx(main["value"] - other["value"])
    beyond = row_of(data, MAIN, terms.BEYOND)
    assert beyond["value_one"] - beyond["value_other"] == pytest.approx(beyond["value"])
    assert set(data.estimates["responses"]) == {"simulated"}


def test_the_smallest_effect_is_the_studys(data):
    found = list(headlines(analysis_of(data, smallest_effect=0.5)))
    row = next(row for row in found if row["contrast"] == SAME_IMAGE and row["level"] == "population")
    assert row["smallest_effect"] == pytest.approx(0.5 * row["ceiling"])
    assert {row["source"] for row in found} == {MAIN}


def test_the_summary_speaks_of_the_main_source_first_with_its_controls_in_the_same_sentence(data):
    first, second, between = words.summary(data)
    assert first.startswith(f"There is evidence that people and {MAIN} agree beyond what all faces share: ")
    assert "networks with random weights reach" in first
    assert ": a difference)" in first
    assert OTHER in second
    assert f"{MAIN} less {OTHER} is " in between
    assert between.endswith(": a difference.")


@pytest.mark.parametrize(("p_value", "p_equivalence", "said"), [
    (0.01, 0.01, "agree beyond what all faces share, but too little to matter: "),
    (0.4, 0.01, "agree beyond what all faces share by less than would matter, if at all: "),
    (0.4, 0.4, "agree beyond what all faces share is open: ")])
def test_absence_of_evidence_is_no_evidence_of_absence(data, p_value, p_equivalence, said):
    changed = data.estimates["contrast"] == SAME_IMAGE
    table = data.estimates.copy()
    table.loc[changed, ["p_value", "p_equivalence"]] = p_value, p_equivalence
    table.loc[changed, "verdict"] = str(verdict(p_value, p_equivalence))
    assert said in words.summary(data.replace(estimates=table))[0]


def test_table_methods_and_figure_say_what_was_tested(data):
    table, = words.tables(data)
    assert {"verdict", "smallest_effect", "p_equivalence"} <= set(table.page.columns)
    (_, paragraph), = words.methods(data)
    assert "Null hypothesis" in paragraph
    assert unique_missing(data) is None
    figure = unique_figure(data)
    assert figure.plot.data["control"].sum() == 1  # that of both sources, whose network it is
    text = figure.caption
    assert "smallest effect of interest" in text
    assert "Simulated" in text


def test_without_workers_there_is_an_estimate_and_no_verdict_on_its_size():
    plain = study_data().replace(responses=None)
    row = next(row for part, _ in estimates(analysis_of(plain)) for row in part if row["source"] == MAIN)
    assert np.isnan(row["ceiling"])
    assert row["verdict"] == VERDICTS[0]
    assert row["value"] > 0.2


def test_without_photographs_there_is_a_reason_and_no_number():
    plain = study_data()
    rows = [row for part, _ in estimates(analysis_of(plain.replace(photographs=plain.photographs[:0]))) for row in part]
    assert [row["value"] for row in rows] == [pytest.approx(np.nan, nan_ok=True)]
    assert "photographs" in str(rows[0]["reason"])
    table = with_responses(estimates_table(rows), "simulated")
    assert "could not be computed" in words.summary(plain.replace(estimates=table))[0]
    assert unique_missing(plain.replace(estimates=table)) == "the estimates have no unique agreement"
    assert words.tables(plain.replace(estimates=pd.DataFrame(columns=table.columns))) == []


def test_without_landmarks_there_is_a_reason_and_no_number():
    plain = study_data().replace(landmarks=None)
    rows = [row for part, _ in estimates(analysis_of(plain)) for row in part]
    table = estimates_table(rows)
    assert table["value"].isna().all()
    assert table["reason"].str.contains("no landmarks").all()
    told = plain.replace(estimates=with_responses(table, "simulated"))
    assert "no landmarks" in words.summary(told)[0]
    assert "fewer than 20 landmarks" in words.methods(told)[0][1]


def test_images_without_landmarks_are_counted(data):
    landmarks = data.get("landmarks").copy()
    landmarks[:2] = np.nan
    assert "(2 of 32)" in words.methods(data.replace(landmarks=landmarks))[0][1]
