"""The figure of the comparison draws the estimates it is given, a panel a quantity, and says what its marks are."""

import numpy as np
import pandas as pd

from salcompare.figures import save_figure
from salcompare.findings.comparison.figure import comparison_figure, comparison_missing
from salcompare.findings.rows import with_responses
from tests.figures.tiny import FROZEN, MAIN, estimates, tiny


def more():
    rows = [{"statistic": "overlap_control", "metric": "pearson", "form": "smoothed", "level": "population",
             "source": source, "against": "sobel", "contrast": "same image", "value": value,
             "ci_low": value - 0.1, "ci_high": value + 0.1, "ci_method": "t", "resampled": "actors"}
            for source, value in ((MAIN, -0.2), (FROZEN, 0.1))]
    others = estimates()
    whole = pd.concat([others[others["statistic"] != "overlap_control"], pd.DataFrame(rows)], ignore_index=True)
    return with_responses(whole, "simulated")


def drawn(figure):
    return figure.plot.data


def test_each_panel_holds_the_value_of_each_source_with_its_interval():
    figure = comparison_figure(tiny(estimates=more()))
    table = drawn(figure).set_index(["quantity", "source"])
    assert table.loc[("minus_sobel", MAIN), "value"] == -0.2
    assert table.loc[("minus_sobel", FROZEN), "ci_high"] == 0.2
    assert table.loc[("accuracy", MAIN), "value"] == 0.9
    assert list(table["row"].cat.categories) == ["alexnet frozen", "alexnet finetuned"]  # counted from below
    assert "deletion_auc" not in set(drawn(figure)["quantity"])


def test_the_caption_says_what_marks_and_lines_are_and_that_responses_are_simulated():
    figure = comparison_figure(tiny(estimates=more()))
    assert "grey ticks, the mean under the null" in figure.caption
    assert "Overlap minus Sobel edges': 95% t intervals over actors" in figure.caption
    assert "Simulated responses" in figure.caption
    assert "Simulated" not in comparison_figure(tiny(simulated=False)).caption


def test_every_axis_holds_zero_so_that_small_differences_do_not_look_large():
    for axes in comparison_figure(tiny(estimates=more())).plot.draw().axes:
        low, high = axes.get_xlim()
        assert low <= 0 <= high


def test_sources_stand_by_classifier_in_the_studys_order_and_of_each_the_main_one_first():
    data = tiny()
    others = [f"{name}/finetuned/guided_backprop" for name in ("resnet", "vgg")]
    maps = {**dict.fromkeys(others, data.classifier_maps[MAIN]), **data.classifier_maps}
    table = pd.concat([data.estimates, *(data.estimates[data.estimates["source"] == MAIN].assign(source=other)
                                         for other in others)], ignore_index=True)
    figure = comparison_figure(tiny(classifier_maps=maps, estimates=table, classifiers=("alexnet", "resnet", "vgg")))
    assert list(drawn(figure)["row"].cat.categories)[::-1] == [
        "alexnet finetuned", "alexnet frozen", "resnet finetuned", "vgg finetuned"]


def test_it_is_written_to_the_same_bytes(tmp_path):
    one, other = (save_figure(comparison_figure(tiny(estimates=more())), tmp_path / name) for name in ("a", "b"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


def test_a_study_without_estimates_of_classifiers_has_no_such_figure():
    assert comparison_missing(tiny()) is None
    assert "nothing" in comparison_missing(tiny(classifier_maps={}))
    without = estimates().assign(value=np.nan)
    assert "nothing" in comparison_missing(tiny(estimates=without))
