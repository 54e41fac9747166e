"""Which figures are made, which are left out and why, and what their captions say."""

from __future__ import annotations

import pandas as pd
import pytest

from salcompare.errors import InputError
from salcompare.findings.content import figures_left_out, make_figures, numbers
from tests.figures.tiny import FROZEN, MAIN, tiny

NUMBERS = numbers()

USES_RESPONSES = {4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 18, 19, 21}


def test_every_figure_is_made_where_every_input_is_there():
    data = tiny()
    figures = make_figures(data)
    assert [int(figure.name.split("-")[0].removeprefix("fig")) for figure in figures] == list(NUMBERS)
    assert figures_left_out(data) == {}


def test_only_the_wanted_figures_are_made():
    assert [figure.name for figure in make_figures(tiny(), only={9, 5})] == ["fig5-heatmaps", "fig9-symmetry"]


def test_a_number_without_figure_is_refused_by_name():
    with pytest.raises(InputError, match=f"figure 1, 99; expected numbers from 2 to {NUMBERS[-1]}"):
        make_figures(tiny(), only=[99, 5, 1])


@pytest.mark.parametrize(("changes", "left_out"), [
    ({"responses": None}, {4, 18}),
    ({"differences": None}, {3}),
    ({"classifier_maps": {MAIN: tiny().classifier_maps[MAIN]}}, {2}),
    ({"estimates": tiny().estimates.iloc[:0]}, {4, 7, 8, 9, 10, 11, 12, 14, 15, 18, 19, 21}),
    ({"actors": ()}, {2, 5, 6, 17}),
    ({"class_matrix": None}, {17}),
    ({"class_matrix": tiny().class_matrix.isel(actor=[0])}, {17}),
    ({"classifier_maps": {}}, {2, 8, 10, 12, 14, 16, 19}),
    ({"headlines": None}, {13}),
    ({"removal_curves": None}, {16}),
])
def test_a_figure_without_its_inputs_is_left_out_with_a_reason(changes, left_out):
    data = tiny(**changes)
    reasons = figures_left_out(data)
    assert set(reasons) == left_out
    assert all(reasons.values())
    assert len(make_figures(data)) == len(NUMBERS) - len(left_out)


def test_at_most_six_actors_are_shown():
    assert tiny(actors=tuple("abcdefgh")).shown_actors == tuple("abcdef")


@pytest.mark.parametrize("number", NUMBERS)
def test_simulated_responses_are_called_so_in_figure_and_caption_where_they_are_used(number):
    def says(simulated):
        (figure,) = make_figures(tiny(simulated=simulated), only=[number])
        drawn = figure.plot.draw()
        texts = " ".join(text.get_text() for text in drawn.findobj(lambda artist: hasattr(artist, "get_text")))
        return "simulated" in texts.lower(), "simulated" in figure.caption.lower()

    assert says(simulated=True) == (number in USES_RESPONSES,) * 2
    assert says(simulated=False) == (False, False)


@pytest.mark.parametrize(("number", "said"), [
    (2, ["3 actors", "top 5%", "no interval"]),
    (3, ["2 images of 1 pair", "ReLU(y − z)", "no interval"]),
    (4, ["13 responses, 2 workers, 6 images and 3 actors", "The 3 boxes drawn on Ada Adams/1",
         "95% percentile bootstrap intervals over workers (200 resamples)"]),
    (5, ["n = 3 actors, 2 images each (human), 2 images each (classifier)", "90th percentile", "top 5%"]),
    (6, ["n = 3 actors", "minus the population's"]),
    (7, ["n = 6 images of 3 actors", "images permuted freely among actors", "999", "no interval"]),
    (8, ["n = 3", "2 actors, sorted", "the uniform map, which being constant",
         "95% percentile bootstrap intervals over actors"]),
    (9, ["2 actors, each from 2 images", "95% percentile bootstrap intervals over images"]),
    (11, ["adjusted over all 6 cells", "images permuted freely among actors, 999 times): 2 cells."]),
    (10, ["6 train, 6 validation and 6 test images", "95% Wilson intervals"]),
])
def test_a_caption_says_what_n_is_and_what_the_interval_is(number, said):
    (figure,) = make_figures(tiny(), only=[number])
    for part in said:
        assert part in figure.caption


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6])
def test_a_figure_with_photographs_credits_them(number):
    (figure,) = make_figures(tiny(), only=[number])
    assert figure.caption.endswith("Photographs: Some Museum.")


def test_responses_by_actor_give_label_figure_without_the_sample_photograph():
    data = tiny()
    by_actor = data.responses.assign(actor=data.responses["image"].str.split("/").str[0])
    (figure,) = make_figures(data.replace(responses=by_actor.drop(columns=["image", "worker"])), only=[4])
    assert len(figure.plot) == 2
    assert "13 responses and 3 actors" in figure.caption


def test_figures_of_an_older_table_of_estimates_need_only_the_columns_they_read():
    estimates = tiny().estimates
    narrow = estimates[estimates["statistic"] == "accuracy"].dropna(axis=1, how="all").drop(columns=["n"])
    assert isinstance(narrow, pd.DataFrame)
    (figure,) = make_figures(tiny(estimates=narrow, classifiers={}), only=[10])
    assert "95% Wilson intervals" in figure.caption


def test_one_classifier_without_people_still_has_its_heatmaps():
    data = tiny()
    heatmaps = data.heatmaps.sel(source=[FROZEN, MAIN])
    figure = make_figures(data.replace(heatmaps=heatmaps, human=None, responses=None), only=[5])[0]
    assert len(figure.plot) == 2
    assert "Simulated" not in figure.caption


@pytest.mark.parametrize("credit", ["Some Museum", "Some Museum.", "Photographs: Some Museum."])
def test_a_credit_may_be_a_name_or_a_sentence(credit):
    (figure,) = make_figures(tiny(credit=credit), only=[2])
    assert figure.caption.endswith("interval. Photographs: Some Museum.")


def test_an_estimate_without_interval_gives_the_reason():
    estimates = tiny().estimates
    means = estimates["level"] == "population"
    estimates.loc[means, ["ci_low", "ci_high"]] = float("nan")
    estimates.loc[means, "reason"] = "2 actors; an interval needs 8"
    (figure,) = make_figures(tiny(estimates=estimates), only=[8])
    assert "no interval (2 actors; an interval needs 8); other means" in figure.caption


def test_many_labels_of_workers_own_become_one_bar():
    values = {"eyes": 0.4, "nose": 0.05, **{f"own {i:02d}": 0.05 - i / 1000 for i in range(11)}}
    shares = [{"statistic": "label_share", "metric": "share", "level": "population", "source": "human", "label": label,
               "value": value} for label, value in values.items()]
    (figure,) = make_figures(tiny(estimates=pd.DataFrame(shares)), only=[4])
    bars = figure.plot[2].data
    assert len(bars) == 12
    assert bars["label"].tolist()[0] == "eyes"
    assert "nose" in bars["label"].tolist()
    other = bars.set_index("label")["value"]["other (2 labels)"]
    assert other == pytest.approx(0.05 - 0.009 + 0.05 - 0.01)


def test_of_many_differences_every_pair_is_shown():
    data = tiny()
    many = data.differences.isel(image=[0] * 9).assign_coords(
        image=[f"pair {i}" for i in range(9)], photograph=("image", ["s03/1"] * 9),
        other_actor=("image", ["a"] * 5 + ["b"] * 3 + ["c"]))
    (figure,) = make_figures(tiny(differences=many), only=[3])
    titles = [plot.labels.y.split()[-1] for plot in figure.plot]
    assert titles == ["a", "a", "a", "b", "b", "c"]
