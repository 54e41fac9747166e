"""Figure 14 shows the overlap beside that of controls and the curves of similarity, either where it is there."""

import pandas as pd
import pytest

from salcompare.figures import figures_left_out, make_figures
from salcompare.figures.controls import _curves, _overlaps
from tests.figures.tiny import FROZEN, MAIN, estimates, tiny


def overlap_of(source, value):
    return {"statistic": "overlap", "metric": "pearson", "form": "smoothed", "level": "population", "source": source,
            "against": "human", "contrast": "same image", "value": value, "ci_low": value - 0.1,
            "ci_high": value + 0.1, "ci_method": "t", "resampled": "actors", "n": 3}


def difference(against, value):
    return {**overlap_of(MAIN, value), "statistic": "overlap_control", "against": against,
            "contrast": "classifier - control"}


OVERLAPS = [overlap_of("randomised network", 0.6), overlap_of("sobel", 0.3), difference("randomised network", -0.2),
            difference("sobel", 0.1)]
CURVES = [{"statistic": "randomisation_similarity", "metric": metric, "form": form, "level": "population",
           "source": MAIN, "against": layer, "value": value, "ci_low": value - 0.05, "ci_high": value + 0.05,
           "ci_method": "t", "resampled": "randomisations", "n": 5}
          for metric in ("spearman", "ssim") for form in ("cascading", "independent")
          for layer, value in (("head", 0.9), ("features.0", 0.2))]


def study(*more):
    table = estimates()
    known = table["statistic"].isin(["overlap_control", "randomisation_similarity"]) | (
        (table["statistic"] == "overlap") & table["source"].isin([MAIN, FROZEN, "randomised network", "sobel"]))
    table = table[~known]
    return tiny(estimates=pd.concat([table, pd.DataFrame([overlap_of(MAIN, 0.4), *more])], ignore_index=True))


def test_without_controls_it_is_left_out():
    assert "no controls" in figures_left_out(study())[14]


@pytest.mark.parametrize(("more", "said", "unsaid"), [
    (OVERLAPS, ["overlap with people of alexnet finetuned", "random weights -0.200, 95% CI -0.300 to -0.100"],
     "Below"),
    (CURVES, ["bands: 95% t intervals over 5 randomisations", "Steps: 1 head; 2 features.0."], "Above, overlap"),
])
def test_either_part_is_drawn_alone(more, said, unsaid):
    (figure,) = make_figures(study(*more), only=[14])
    assert all(words in figure.caption for words in said)
    assert unsaid not in figure.caption
    figure.plot.draw()


def test_it_shows_the_values_of_the_estimates_and_curves_start_at_the_intact_network():
    data = study(*OVERLAPS, *CURVES)
    rows = _overlaps(data).set_index("row")["value"]
    assert rows.to_dict() == {"alexnet finetuned": 0.4, "Random weights": 0.6, "Sobel edges": 0.3}
    curves = _curves(data)
    one = curves[(curves["metric"] == "SSIM") & (curves["form"] == "independent")].sort_values("step")
    assert one["value"].tolist() == [1.0, 0.9, 0.2]
    assert one["step"].tolist() == [0, 1, 2]
    (figure,) = make_figures(data, only=[14])
    assert figure.name == "fig14-controls"
    assert "Simulated responses" in figure.caption
    figure.plot.draw()


@pytest.mark.filterwarnings("error")
def test_without_intervals_it_draws_the_values_alone_and_warns_of_nothing():
    bare = [row | {"ci_low": None, "ci_high": None} for row in [*OVERLAPS, *CURVES]]
    data = study(*bare)
    table = data.estimates.copy()
    table[["ci_low", "ci_high"]] = table[["ci_low", "ci_high"]].where(table["source"] != MAIN)
    (figure,) = make_figures(tiny(estimates=table), only=[14])
    assert "random weights -0.200;" in figure.caption
    figure.plot.draw()
