"""The figures of what the network needs: drops, one row for whatever was removed, and curves."""

import pandas as pd

from salcompare.findings.perturbation.figure import curves_figure, curves_missing, removal_figure, removal_missing
from tests.figures.tiny import FROZEN, MAIN, tiny


def drawn(data):
    figure = removal_figure(data)
    return figure, figure.plot.data


def test_every_removal_has_a_row_with_all_its_fills_and_labels_come_last():
    figure, table = drawn(tiny())
    assert list(table["row"].cat.categories[::-1]) == [
        "what people marked", "what the map marks", "what both mark", "people's patches elsewhere",
        "the map's patches elsewhere", "the centre", "region of eyes", "region of nose"]
    assert len(table) == 2 * 2 * 6 + 2
    assert set(table["form"]) == {"mean", "blur"}
    assert "3 actors" in figure.caption
    assert "95% t intervals over actors" in figure.caption


def test_differences_are_not_drawn_and_the_main_network_is():
    data = tiny()
    other = data.estimates[data.estimates["statistic"] == "removal_drop"].assign(source=FROZEN, value=9.0)
    _, table = drawn(tiny(estimates=pd.concat([other, data.estimates])))
    assert set(table["source"]) == {MAIN}
    assert table["contrast"].isna().all()


def test_without_removals_it_is_left_out():
    estimates = tiny().estimates
    assert removal_missing(tiny(estimates=estimates[estimates["statistic"] != "removal_drop"])) == (
        "nothing was removed from the photographs")
    assert removal_missing(tiny()) is None


def test_curves_are_of_the_main_network_and_of_its_probability():
    curves = tiny().removal_curves
    other = curves.assign(network="alexnet/frozen", value=0.0)
    figure = curves_figure(tiny(removal_curves=pd.concat([other, curves])))
    table = figure.plot.data
    assert set(table["network"]) == {"alexnet/finetuned"}
    assert set(table["metric"]) == {"probability"}
    assert list(table["map"].cat.categories) == ["guided backprop", "the map's patches elsewhere", "people's maps"]
    assert "mean over 3 actors" in figure.caption
    assert "95% t intervals" in figure.caption


def test_without_intervals_the_curves_say_so_and_without_curves_there_is_no_figure():
    few = tiny().removal_curves.assign(ci_low=float("nan"), ci_high=float("nan"))
    assert "No intervals: too few actors." in curves_figure(tiny(removal_curves=few)).caption
    assert curves_missing(tiny(removal_curves=few.iloc[:0])) == "there are no deletion curves"
