"""Figure 14 shows the overlap beside that of controls and the curves of similarity, either where it is there."""


import pandas as pd
import pytest

from salcompare.findings.content import figures_left_out, make_figures
from salcompare.findings.controls.figure import _about_overlaps, _curves, _on_its_images, _overlaps
from tests.figures.tiny import FROZEN, MAIN, estimates, tiny


def overlap_of(source, value):
    return {"statistic": "overlap", "metric": "pearson", "form": "smoothed", "level": "population", "source": source,
            "against": "human", "contrast": "same image", "value": value, "ci_low": value - 0.1,
            "ci_high": value + 0.1, "ci_method": "t", "resampled": "actors", "n": 3}


def difference(against, value):
    return {**overlap_of(MAIN, value), "statistic": "overlap_control", "against": against}


def control_of(against, value, source=MAIN):
    return {**overlap_of(source, value), "statistic": "overlap_of_control", "against": against}


OVERLAPS = [control_of("randomised network", 0.6), control_of("sobel", 0.3), difference("randomised network", -0.2),
            difference("sobel", 0.1)]
CURVES = [{"statistic": "randomisation_similarity", "metric": metric, "form": form, "level": "population",
           "source": MAIN, "against": layer, "value": value, "ci_low": value - 0.05, "ci_high": value + 0.05,
           "ci_method": "t", "resampled": "randomisations", "n": 5}
          for metric in ("spearman", "ssim") for form in ("cascading", "independent")
          for layer, value in (("head", 0.9), ("features.0", 0.2))]


def study(*more):
    table = estimates()
    known = table["statistic"].isin(["overlap_control", "overlap_of_control", "randomisation_similarity"]) | (
        (table["statistic"] == "overlap") & table["source"].isin([MAIN, FROZEN, "randomised network", "sobel"]))
    table = table[~known]
    return tiny(estimates=pd.concat([table, pd.DataFrame([overlap_of(MAIN, 0.4), *more])], ignore_index=True))


def test_without_controls_it_is_left_out():
    assert "no controls" in figures_left_out(study())[14]


@pytest.mark.parametrize(("more", "said", "unsaid"), [
    (OVERLAPS, ["Overlap with people of alexnet finetuned", "random weights −0.20 (95% CI −0.30 to −0.10)"],
     "Similarity"),
    (CURVES, ["Similarity of maps", "bands: 95% t intervals over 5 randomisations", "Steps: 1 head; 2 features.0."],
     "Below"),
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


@pytest.mark.filterwarnings("error::UserWarning")
def test_without_intervals_it_draws_the_values_alone_and_warns_of_nothing():
    bare = [row | {"ci_low": None, "ci_high": None} for row in [*OVERLAPS, *CURVES]]
    data = study(*bare)
    table = data.estimates.copy()
    table[["ci_low", "ci_high"]] = table[["ci_low", "ci_high"]].where(table["source"] != MAIN)
    (figure,) = make_figures(tiny(estimates=table), only=[14])
    assert "random weights −0.20 (no interval);" in figure.caption
    figure.plot.draw()


OTHER, GRADIENT = "vgg/finetuned/gradient", "alexnet/finetuned/gradient"


def drawn(*more, sources=(FROZEN, MAIN)):
    """The rows' names from the top, with their values."""
    data = study(*more)
    maps = dict.fromkeys(sources, data.classifier_maps[MAIN])
    table = _overlaps(data.replace(classifier_maps=maps))
    return table.sort_values("row", ascending=False).set_index("row")["value"].to_dict()


def test_variants_held_against_the_same_networks_have_one_row_of_these():
    frozen = [overlap_of(FROZEN, 0.35), control_of("randomised network", 0.6, FROZEN), control_of("sobel", 0.3, FROZEN)]
    rows = drawn(*OVERLAPS, *frozen)
    assert list(rows.items()) == [("alexnet finetuned", 0.4), ("alexnet frozen", 0.35), ("Random weights", 0.6),
                                   ("Sobel edges", 0.3)]


def test_each_method_stands_above_its_own_random_networks():
    frozen = [overlap_of(FROZEN, 0.35), control_of("randomised network", 0.6, FROZEN)]
    other = [overlap_of(GRADIENT, 0.2), control_of("randomised network", 0.1, GRADIENT),
             control_of("sobel", 0.3, GRADIENT)]
    rows = drawn(*OVERLAPS, *frozen, *other, sources=(GRADIENT, FROZEN, MAIN))
    assert list(rows) == [
        "alexnet finetuned (guided backprop)", "alexnet frozen (guided backprop)",
        "Random weights, alexnet (guided backprop)", "alexnet finetuned (gradient)",
        "Random weights, alexnet finetuned (gradient)", "Sobel edges"]
    assert rows["Random weights, alexnet finetuned (gradient)"] == 0.1


def test_other_classifiers_are_left_to_their_own_pages_and_the_table():
    other = [overlap_of(OTHER, 0.2), control_of("randomised network", 0.1, OTHER)]
    assert drawn(*OVERLAPS, *other, sources=(MAIN, OTHER)) == drawn(*OVERLAPS, sources=(MAIN, OTHER))
    data = study(*OVERLAPS, *other)
    maps = dict.fromkeys((MAIN, OTHER), data.classifier_maps[MAIN])
    (figure,) = make_figures(data.replace(classifier_maps=maps), only=[14])
    assert "Those of the other sources stand in the table of controls." in figure.caption


def test_what_is_printed_of_a_control_is_short_and_a_wide_name_widens_the_figure():
    data = study(*OVERLAPS, overlap_of(FROZEN, 0.35), control_of("randomised network", 0.5, FROZEN))
    rows = _overlaps(data)
    labels = rows.sort_values("row", ascending=False)["label"].tolist()  # here each variant has networks of its own
    assert labels == ["alexnet finetuned", "alexnet frozen", "Random weights, finetuned", "Random weights, frozen",
                      "Sobel edges"]
    (narrow,) = make_figures(data, only=[14])
    table = data.estimates.replace(FROZEN, "alexnet/frozen/integrated_gradients")
    maps = {"alexnet/frozen/integrated_gradients": data.classifier_maps[FROZEN], MAIN: data.classifier_maps[MAIN]}
    (wide,) = make_figures(data.replace(estimates=table, classifier_maps=maps), only=[14])
    assert narrow.width < wide.width
    printed = [label.get_text() for label in wide.plot.draw().axes[0].get_yticklabels()]
    assert printed == ["Sobel edges", "Random weights", "alexnet frozen (integrated gradients)", "Random weights",
                       "alexnet finetuned (guided backprop)"]


def test_a_classifiers_own_figure_holds_nothing_of_another():
    rows = drawn(*OVERLAPS, overlap_of(OTHER, 0.2), control_of("randomised network", 0.1, OTHER), sources=(OTHER,))
    assert rows == {"vgg finetuned": 0.2, "Random weights": 0.1}
    assert _curves(study(*CURVES).replace(classifier_maps={OTHER: None})).empty


def test_the_caption_names_two_sources_and_counts_more():
    data = study(*OVERLAPS, overlap_of(FROZEN, 0.35))
    (figure,) = make_figures(data, only=[14])
    assert "people of alexnet finetuned and alexnet frozen and of maps that cannot know them" in figure.caption
    assert "Differences on the same image, alexnet finetuned less control" in figure.caption
    assert "Those of the other sources stand in the table of controls." in figure.caption
    maps = dict.fromkeys((GRADIENT, FROZEN, MAIN), data.classifier_maps[MAIN])
    table = pd.concat([data.estimates, pd.DataFrame([overlap_of(GRADIENT, 0.2)])], ignore_index=True)
    (figure,) = make_figures(data.replace(classifier_maps=maps, estimates=table), only=[14])
    assert "people of 3 sources and of maps" in figure.caption


def test_in_a_controls_row_stands_the_classifiers_own_overlap_on_the_same_images():
    def beside(against, value, source=MAIN):
        return {**difference(against, value - 0.6), "source": source, "value_one": value, "value_other": 0.6}

    frozen = [overlap_of(FROZEN, 0.35), control_of("randomised network", 0.6, FROZEN),
              beside("randomised network", 0.41, FROZEN)]
    rest = [row for row in OVERLAPS if row["statistic"] != "overlap_control"]
    data = study(*rest, *frozen, beside("randomised network", 0.4), beside("sobel", 0.39),
                 overlap_of(OTHER, 0.2), control_of("sobel", 0.3, OTHER), beside("sobel", 0.1, OTHER))
    maps = dict.fromkeys((FROZEN, MAIN, OTHER), data.classifier_maps[MAIN])
    data = data.replace(classifier_maps=maps)
    rows = _on_its_images(data, _overlaps(data))
    assert sorted(zip(rows["row"], rows["source"], rows["value"], strict=True)) == [
        ("Random weights", MAIN, 0.4), ("Random weights", FROZEN, 0.41), ("Sobel edges", MAIN, 0.39)]
    (figure,) = make_figures(data, only=[14])
    assert "Rings in a control's row: the classifier's own on the images that the control explained." in (
        figure.caption)
    assert "random weights −0.20 (0.400 less 0.600;" in figure.caption


def test_a_small_difference_keeps_its_digits():
    data = study(*(row | {"value": -0.0004} if row["statistic"] == "overlap_control" else row for row in OVERLAPS))
    said = " ".join(_about_overlaps(data, _overlaps(data), above=True))
    assert "random weights −0.00040 (" in said
