"""Figure 9: left-right symmetry of human and classifier maps, with its tests, and the photographs as the control."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import plotnine as p9
from plotnine.coords import coord_flip

from salcompare.figures.figure import Figure, caption, colours_of, interval, rows, texts
from salcompare.figures.theme import DOUBLE, FONT, SIMULATED, SMALL, figure_theme, source_name
from salcompare.findings import symmetry as declared
from salcompare.findings.symmetry import ASYMMETRY, INDEX, LATERALITY
from salcompare.naming import HUMAN, PHOTOGRAPHS
from salcompare.printing import counted, number, p_text, ranged
from salcompare.study_data import StudyData

METRICS = {INDEX.metric: "Symmetry index (descriptive)", LATERALITY.metric: "Laterality, (L−R)/(L+R)",
           ASYMMETRY.metric: "Odd share, across images"}
PANEL_OF = {declared.WORKERS.metric: LATERALITY.metric, declared.SIDE.metric: LATERALITY.metric,
            ASYMMETRY.metric: ASYMMETRY.metric}
SHAPES = {HUMAN: "o", PHOTOGRAPHS: "D"}
ROW = 0.14  # inches
PANELS = ("Population", "Actors")


def symmetry_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return "the estimates have no symmetry with a value" if _table(data).empty else None


def symmetry_figure(data: StudyData) -> Figure:
    """Draw symmetry of every actor, human beside classifier, with the population and its tests above."""
    table = _table(data)
    n_rows = table["row"].nunique()
    human = bool((table["source"] == HUMAN).any())
    simulated = SIMULATED if human and data.simulated else ""
    height = 0.95 + ROW * (n_rows + 1) + (0.17 if simulated else 0)
    plot = _plot(data, table) + p9.labs(x="", y="", subtitle=simulated) + figure_theme(DOUBLE, height) + p9.theme(
        strip_text_y=p9.element_blank(), strip_background_y=p9.element_blank(),
        strip_text_x=p9.element_text(weight="bold"), panel_spacing_x=0.02, panel_spacing_y=0.01,
        panel_grid_major_y=p9.element_line(color="#EFEFEF", size=0.3), legend_position="bottom",
        legend_title=p9.element_blank(), legend_box_spacing=0.01)
    text = caption(data, _sentences(data, table), responses=human, photographs=False)
    return Figure("fig9-symmetry", "Left-right symmetry", text, plot, DOUBLE, height)


def _sentences(data: StudyData, table: pd.DataFrame) -> list[str]:
    single, whole = (table[table["level"] == level] for level in ("actor", "population"))
    return [
        f"Maps of {counted(single['actor'].nunique(), 'actor')}{_images(data)}, sorted by the human index (by the "
        "classifier's where there is none); above them all actors together.",
        "Index: 1 for a heatmap that equals its mirror image; it falls with noise, so it is to be read beside its mean "
        "for symmetric maps as noisy as these (ticks).",
        "Laterality: positive where the viewer's left holds more." + (
            " p of people's maps: workers and actors both taken as drawn at random; of the others: whole actors "
            "mirrored at random." if whole.loc[whole["metric"] == LATERALITY.metric, "p_value"].notna().any() else ""),
        "Odd share (people's is not drawn): how much of the energy that an actor's images have in common is odd, 0 but "
        "for chance where maps are symmetric; p: single images mirrored at random."
        if ASYMMETRY.metric in set(table["metric"]) else "",
        "The photographs themselves are the control: faces may be turned or lit from one side."
        if PHOTOGRAPHS in set(table["source"]) else "",
        f"Lines: {interval(whole)} (all actors); {interval(single)} (single actors).",
        _odd_shares(data), _pose(data)]


def _images(data: StudyData) -> str:
    """Say how many images an actor's heatmap rests on."""
    held = [data.human, data.classifier_maps.get(data.main or "")]
    counts = [n for maps in held if maps is not None for n in Counter(texts(maps.actor)).values()]
    return f", each from {ranged(counts)} image{'s' * (max(counts) > 1)}" if counts else ""


def _odd_shares(data: StudyData) -> str:
    """Give the comparison of the sources that noise does not bias."""
    table = rows(data.estimates, source=data.main or "", contrast=declared.BETWEEN, **declared.DIFFERENCE.name)
    if table["value"].isna().all():
        return ""
    return f"Odd share, {declared.BETWEEN}: {number(table.iloc[0]['value'], 2)}."


def _pose(data: StudyData) -> str:
    """Say how far the classifier's maps, and people's, turn with the faces, and what is left."""
    said, of = [], "the photographs'"
    for source in (HUMAN, data.main or ""):
        tests = [rows(data.estimates, source=source, **quantity.name) for quantity in (declared.POSE, declared.BEYOND)]
        follow, left = (table[table["p_value"].notna()].to_dict("records") for table in tests)
        of = "the faces' yaw" if any(row["against"] == declared.YAW for row in follow) else of
        beyond = [f", and odd share beyond the photographs' {number(row['value'], 2)} ({p_text(row)})" for row in left]
        said += [f"{source_name(source)}, {number(row['value'], 2)} ({p_text(row)}){''.join(beyond)}" for row in follow]
    return f"Correlation of the maps' odd parts with {of}: {'; '.join(said)}." if said else ""


def _table(data: StudyData) -> pd.DataFrame:
    """Rows to draw: the indices, and in the place of the population's laterality its test."""
    sources = [HUMAN, *([data.main] if data.main else [])]
    levels = [INDEX.level, declared.ASYMMETRY_OF_ACTORS.level]
    described = rows(data.estimates, statistic=declared.INDICES, metric=[INDEX.metric, LATERALITY.metric], level=levels,
                     source=sources)
    tests = rows(data.estimates, statistic=declared.TESTS, metric=PANEL_OF, level=levels,
                 source=[*sources, PHOTOGRAPHS])
    tests = tests[(tests["source"] != PHOTOGRAPHS) | (tests["level"] == INDEX.level)]
    tests = tests.assign(metric=tests["metric"].map(PANEL_OF))
    key = ["metric", "level", "source"]
    replaced = described[key].apply(tuple, axis=1).isin(set(tests[key].itertuples(index=False, name=None)))
    table = pd.concat([part for part in (described[~replaced], tests) if len(part)] or [described], ignore_index=True)
    table = table[table["value"].notna()].reset_index(drop=True)
    return table.assign(row=table["actor"].where(table["level"] != INDEX.level, table["source"].map(source_name)))


def _plot(data: StudyData, table: pd.DataFrame) -> p9.ggplot:
    # The flipped axis counts from below: human comes last to stand above.
    sources = [source for source in (PHOTOGRAPHS, data.main, HUMAN) if source in set(table["source"])]
    names = [source_name(str(source)) for source in sources]
    table = _ordered(table, sources)
    colours = colours_of(data)
    apart = p9.position_dodge(width=0.6)
    whole, single = (table[table["panel"] == panel] for panel in PANELS)
    signed = table["metric"].isin([METRICS[LATERALITY.metric], METRICS[ASYMMETRY.metric]])
    zero = table.loc[signed, ["panel", "metric"]].drop_duplicates().assign(zero=0.0)  # where neither side is favoured
    plot = (p9.ggplot(table, p9.aes("row", "value", color="source", group="source"))
            + p9.facet_grid(rows="panel", cols="metric", scales="free", space={
                "x": [1] * table["metric"].nunique(), "y": [max(1, part["row"].nunique()) for part in (whole, single)]})
            + p9.geom_hline(p9.aes(yintercept="zero"), data=zero, color="#A6A6A6", size=0.4))
    for part, position in ((whole, "identity"), (single, apart)):  # a source has its own row above, shares one below
        noise = part[(part["metric"] == METRICS[INDEX.metric]) & part["null_mean"].notna()]  # of others it is 0
        plot += p9.geom_point(p9.aes(y="null_mean"), data=noise, shape="|", size=1.8, alpha=0.6, position=position,
                              show_legend=False)
        plot += p9.geom_linerange(p9.aes(ymin="ci_low", ymax="ci_high"), data=part[part["ci_low"].notna()], size=0.45,
                                  position=position, show_legend=False)
        plot += p9.geom_point(p9.aes(shape="source"), data=part, size=1.4, stroke=0, position=position)
    return (plot + _p_values(table) + p9.scale_x_discrete()
            + p9.scale_color_manual([colours[str(source)] for source in sources], labels=names)
            + p9.scale_shape_manual([SHAPES.get(str(source), "^") for source in sources], labels=names)
            + p9.guides(color=p9.guide_legend(reverse=True), shape=p9.guide_legend(reverse=True)) + coord_flip())


def _p_values(table: pd.DataFrame) -> p9.geom_text:
    """Print p of the population's tests at the end of the row that is farther from the value."""
    tested = table[(table["panel"] == PANELS[0]) & table["p_value"].notna()]
    ends = table.groupby("metric", observed=True)[["value", "ci_low", "ci_high"]].agg(["min", "max"])
    low, high = ends.min(axis=1), ends.max(axis=1)
    left = tested["metric"].astype(object).map(low).astype(float)
    right = tested["metric"].astype(object).map(high).astype(float)
    at_right = tested["value"] < (left + right) / 2
    label = [p_text(row) for row in tested.to_dict("records")]
    texts_ = tested.assign(label=label, at=right.where(at_right, left), ha=at_right.map({True: "right", False: "left"}))
    return p9.geom_text(p9.aes(y="at", label="label", ha="ha"), data=texts_, size=SMALL, family=FONT, show_legend=False)


def _ordered(table: pd.DataFrame, sources: list[str | None]) -> pd.DataFrame:
    """Order actors by the last source's index, sources and metrics as they are listed."""
    single = table[table["level"] == "actor"]
    ranked = single[(single["source"] == sources[-1]) & (single["metric"] == INDEX.metric)]
    first = list(dict.fromkeys(ranked.sort_values("value", kind="stable")["row"]))
    rest = [row for row in dict.fromkeys(single["row"]) if row not in first]
    whole = [source_name(str(source)) for source in sources]
    panels = dict(zip(("population", "actor"), PANELS, strict=True))
    return table.assign(
        row=pd.Categorical(table["row"], categories=list(dict.fromkeys([*rest, *first, *whole]))),
        source=pd.Categorical(table["source"], categories=sources),
        panel=pd.Categorical(table["level"].map(panels), categories=list(PANELS)),
        metric=pd.Categorical(table["metric"].map(METRICS), categories=list(METRICS.values()))
    ).pipe(lambda frame: frame.assign(metric=frame["metric"].cat.remove_unused_categories()))


FIGURES = {9: (symmetry_missing, symmetry_figure)}
