"""What the figures draw is what they were given: maps, masks and estimates, unchanged."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salcompare.figures.photographs import true_aspect
from salcompare.findings.content import make_figures
from salcompare.findings.labels import figure as labels
from salcompare.findings.labels.figure import _boxes
from salcompare.maps import saliency_difference, shown, top_mask
from tests.figures.tiny import ACTORS, FROZEN, HEIGHT, MAIN, WIDTH, tiny


def plots(number, **changes):
    (figure,) = make_figures(tiny(**changes), only=[number])
    return list(figure.plot) if hasattr(figure.plot, "items") else figure.plot


def painted(plot, column, layer=1):
    """The map that a row of pictures shows in one column, from the layer's data."""
    table = plot.layers[layer].geom.data
    table = table[table["column"] == column]
    found = np.full((HEIGHT, WIDTH), np.nan)
    found[(table["y"] - 0.5).astype(int), (table["x"] - 0.5).astype(int)] = table["value"]
    return found


def test_masks_are_the_top_share_of_each_variants_map():
    data = tiny()
    for plot, source in zip(plots(2)[1:], (FROZEN, MAIN), strict=True):
        mask = top_mask(data.classifier_maps[source].saliency, share=0.05).sel(image="s03/1")
        np.testing.assert_array_equal(painted(plot, "s03") == 1, mask)


def test_differences_are_those_of_the_maps_scaled_to_their_peaks():
    data = tiny()
    pair = data.differences.isel(image=[0])
    difference = saliency_difference(pair.own, pair.other)
    expected = difference.where(top_mask(difference, share=0.05)).isel(image=0)
    np.testing.assert_allclose(painted(plots(3)[0], "Difference y − z", layer=2), expected)


@pytest.mark.parametrize(("number", "variable"), [(5, "heatmap"), (6, "relative")])
def test_heatmaps_are_the_values_given_where_they_are_shown(number, variable):
    maps = tiny().heatmaps[variable]
    rows = plots(number)
    for plot, source, share, rule in ((rows[1], "human", 0.1, "quantile"), (rows[2], MAIN, 0.05, "count")):
        one = maps.sel(source=source, actor="s03")
        expected = one.where(shown(one, share=share, rule=rule) & (one > 0))
        np.testing.assert_array_equal(painted(plot, "s03"), expected)


def test_all_rows_of_pictures_have_a_column_for_every_actor():
    for plot in plots(5):
        drawn = plot.draw()
        assert len(drawn.axes) == len(ACTORS)


def test_an_actor_with_an_empty_map_keeps_the_photograph():
    heatmaps = tiny().heatmaps.copy(deep=True)
    heatmaps.heatmap.loc[{"source": "human", "actor": "s03"}] = np.nan
    heatmaps.heatmap.loc[{"source": MAIN}] = 0
    rows = plots(5, heatmaps=heatmaps)
    assert np.isnan(painted(rows[1], "s03")).all()
    assert len(rows[2].layers) == 1
    assert list(rows[2].data["picture"]) == list(rows[0].data["picture"])


def test_boxes_are_scaled_from_the_image_as_shown_to_the_grid():
    corners = _boxes(tiny(), {}).query("image == 's03/1'").head(4)
    assert corners[["x", "y"]].to_numpy().tolist() == [[2.0, 3.0], [10.0, 3.0], [10.0, 9.0], [2.0, 9.0]]


def test_pictures_have_the_shape_of_the_photographs_not_of_the_grid():
    data = tiny()
    tall = data.replace(images=data.images.assign(height=[90, 60, 90, 90, 30, 90], width=60))
    assert true_aspect(tall) == 1.5  # of the median photograph
    aligned = data.replace(images=tall.images.assign(align_a=0.01, align_b=0.0, align_x=0.0, align_y=0.0))
    assert true_aspect(aligned) == HEIGHT / WIDTH
    for plot in [*plots(2, images=tall.images), *plots(17, images=tall.images), *plots(4, images=tall.images)[:2]]:
        assert plot.theme.getp("aspect_ratio") == 1.5


def test_one_box_is_told_as_one():
    data = tiny()
    given = data.responses[data.responses["image"] == "s03/1"]
    whole, alone = (labels.labels_figure(data.replace(responses=boxes)).caption for boxes in (given, given.head(1)))
    assert alone.startswith("(a) The one box drawn on s03/1, a typical photograph, coloured by label.")
    assert whole.startswith(f"(a) The {len(given)} boxes drawn on s03/1, a typical photograph, coloured by label.")


def test_bars_are_the_shares_given_the_largest_on_top():
    bars = plots(4)[2].data
    assert bars["label"].tolist() == ["eyes", "nose"]
    assert bars["value"].tolist() == [0.7, 0.3]
    assert bars["label"].cat.categories.tolist() == ["nose", "eyes"]  # a flipped axis counts from below
    np.testing.assert_allclose(bars["ci_low"], [0.65, 0.25])


def test_cells_that_stand_out_are_framed_with_their_difference():
    matrix, = plots(11)
    framed = matrix.layers[1].geom.data
    assert framed[["actor", "label", "number"]].to_numpy().tolist() == [
        [ACTORS[0], "eyes", "+30"], [ACTORS[0], "nose", "\N{MINUS SIGN}30"]]
    assert len(matrix.data) == 6


def test_the_labels_drawn_most_often_are_shown_whoever_thought_of_them():
    table = tiny().estimates.query("statistic == 'label_difference'")
    names = ["beard", *(f"own {k}" for k in range(15))]  # an offered label that nobody drew, and workers' own
    shares = [{"statistic": "label_share", "metric": "share", "level": "population", "source": "human", "label": name,
               "value": share, "count": 100 * share} for name, share in zip(
                   ["eyes", "nose", *names], [0.3, 0.1, 0.0, *(0.05 - 0.002 * k for k in range(15))], strict=True)]
    own = [table[table["label"] == "eyes"].assign(label=name, p_adjusted=0.01 if name == "own 14" else 0.9)
           for name in names]
    data = tiny(estimates=pd.concat([table, *own, pd.DataFrame(shares)]), classifier_maps={})
    cells, = make_figures(data, only=[11])
    drawn = next(iter(cells.plot)).data["label"]
    assert set(drawn) == {"eyes", "nose", *(f"own {k}" for k in range(12))}
    assert "4 labels drawn less often are not shown, of whose cells 3 stand out." in cells.caption
    bars = labels._shares(data)["label"].tolist()
    assert bars[:4] == ["eyes", "other (6 labels)", "nose", "own 0"]
    assert "beard" not in bars


def test_r2_stands_beside_its_null():
    plot = plots(7)
    assert plot.data["value"].tolist() == [0.5, 0.6, 0.45]
    assert plot.data["null_mean"].tolist() == [0.4] * 3
    assert plot.data["p"].tolist() == ["p = 0.002"] * 3
    assert len(plot.layers[0].geom.data) == len(tiny().nulls)


def test_r2_without_draws_of_the_null_keeps_the_nulls_mean():
    plot = plots(7, nulls=tiny().nulls.iloc[:0])
    assert len(plot.layers) == 3
    assert plot.draw()


def test_overlap_ranks_actors_and_leaves_out_what_is_undefined():
    table = plots(8).data
    same = table[(table["panel"] == "Actors") & (table["kind"] == "same image")]
    assert dict(zip(same["row"], same["value"], strict=True)) == {ACTORS[0]: 0.4, ACTORS[1]: 0.6}
    order = table["row"].cat.categories.tolist()
    assert order.index(ACTORS[1]) == order.index(ACTORS[0]) + 1  # from below: the higher is above
    assert order[-1] == "Noise ceiling"
    assert "Uniform map" not in order
    assert table["value"].notna().all()


def test_symmetry_shows_indices_of_actors_and_tests_of_all_with_the_photographs_as_control():
    table = plots(9).data
    single, whole = table[table["level"] == "actor"], table[table["level"] == "population"]
    expected = tiny().estimates.query("level == 'actor' and metric in ('index', 'laterality', 'asymmetry') "
                                      "and source != 'photographs'")
    assert sorted(single["value"]) == sorted(expected["value"])
    assert set(single["row"]) == {ACTORS[0], ACTORS[1]}
    assert set(whole["row"]) == {"Human", "alexnet finetuned", "Photographs"}
    tested = whole[whole["metric"] != "Symmetry index (descriptive)"]
    assert tested["value"].tolist() == [0.1] * 6  # the tests' own estimates, not those beside them
    assert (whole.loc[whole["source"] == "photographs", "p_value"] == 0.03).all()


def test_symmetry_prints_p_of_the_population_where_the_tests_are():
    texts = [layer.geom.data for layer in plots(9).layers if "label" in layer.mapping]
    assert len(texts) == 1
    assert set(texts[0]["label"]) == {"p = 0.030"}
    assert set(texts[0]["metric"]) == {"Laterality, (L−R)/(L+R)", "Odd share, across images"}
    without = tiny().estimates.query("statistic != 'symmetry_test'")
    assert plots(9, estimates=without).draw()


def test_training_draws_every_look_at_the_accuracy():
    learning, accuracy = plots(10)
    assert len(learning.data) == 2 * (10 + 5)
    assert len(accuracy.data) == 6
    assert len(plots(10, classifiers={}).data) == 6


def test_forty_actors_do_not_change_the_width():
    rows = [{"statistic": "overlap", "metric": "pearson", "form": "smoothed", "level": "actor", "actor": f"s{i:02d}",
             "source": MAIN, "against": "human", "contrast": "same image", "value": i / 40} for i in range(40)]
    (figure,) = make_figures(tiny(estimates=pd.DataFrame(rows)), only=[8])
    assert figure.width == pytest.approx(89 / 25.4)
    assert figure.height < 240 / 25.4


def test_lazy_maps_and_photographs_give_the_same_pixels():
    data = tiny()
    lazy = {source: maps.chunk({"image": 2}) for source, maps in data.classifier_maps.items()}
    here, there = plots(2), plots(2, classifier_maps=lazy, photographs=data.photographs.chunk({"image": 2}))
    for plot, other in zip(here[1:], there[1:], strict=True):
        np.testing.assert_array_equal(painted(plot, "s03"), painted(other, "s03"))


def test_the_class_matrix_has_a_row_and_a_column_an_actor_and_no_difference_from_oneself():
    (figure,) = make_figures(tiny(), only=[17])
    drawn = figure.plot.draw()
    texts = [text.get_text() for text in drawn.findobj(lambda artist: hasattr(artist, "get_text"))]
    for actor in tiny().actors:
        assert any(actor in text and "−" not in text for text in texts)
        assert any(text.startswith("−") and actor in text for text in texts)
    assert "Row y, column z" in figure.caption
    assert "mean over 2 test images" in figure.caption
