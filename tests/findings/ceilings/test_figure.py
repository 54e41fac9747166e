"""Figure 12 shows null, score and ceiling of each actor, and counts the shares that are undefined."""

from __future__ import annotations

from salcompare.findings.ceilings.figure import ALL, PANELS, ceilings_missing
from salcompare.findings.content import make_figures
from tests.figures.tiny import ACTORS, tiny


def drawn(**changes):
    (figure,) = make_figures(tiny(**changes), only=[12])
    return figure, figure.plot.data


def test_each_actor_has_null_score_and_ceiling_and_where_it_is_defined_a_share():
    figure, table = drawn()
    left = table[(table["panel"] == PANELS[0]) & (table["row"] == ACTORS[0])].set_index("kind")["value"]
    assert left.to_dict() == {"score": 0.4, "ceiling": 0.9, "null": 0.2, "average face": 0.7}
    right = table[table["panel"] == PANELS[1]]
    assert set(right["row"]) == {ALL, ACTORS[0]}
    assert list(table["row"].cat.categories) == [ACTORS[0], ACTORS[1], ALL]  # by score, all of them on top
    assert "Not drawn: 1 share" in figure.caption
    assert "2 actors sorted by score" in figure.caption


def test_without_shares_it_is_left_out():
    estimates = tiny().estimates
    assert "share of the ceiling" in ceilings_missing(tiny(estimates=estimates[
        estimates["statistic"] != "share_of_ceiling"]))
    assert ceilings_missing(tiny()) is None
