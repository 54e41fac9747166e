"""The figure of what the network needs: one row for whatever was removed, each fill beside the others."""

import pandas as pd

from salcompare.figures.removal import removal_figure, removal_missing
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
