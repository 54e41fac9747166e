"""Figure 14: the overlap beside that of controls, and how like themselves maps stay as layers are randomised."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
import plotnine as p9
from plotnine.composition import Compose

from salcompare.figures import theme
from salcompare.figures.figure import Figure, caption, colours_of, rows
from salcompare.findings import controls as terms
from salcompare.findings.overlap import CENTRE, OVERLAP, SAME_IMAGE
from salcompare.naming import HUMAN, PRIMARY, SMOOTHED, Source, classifier_of, network_of, variant_of
from salcompare.printing import estimate, joined
from salcompare.study_data import StudyData

SHOWN = {"metric": PRIMARY, "form": SMOOTHED, "level": "population"}
CONTROLS = {terms.RANDOMISED: "Random weights", terms.SHUFFLED: "Shuffled actors", terms.SOBEL: "Sobel edges",
            CENTRE: "Centred blob"}
OF_PHOTOGRAPHS = (terms.SOBEL, CENTRE)
PANELS = (SAME_IMAGE, *terms.EFFECTS)
METRICS = {"spearman": "Spearman", "ssim": "SSIM"}
FORMS = {"cascading": theme.CLASSIFIERS[0], "independent": "#E69F00"}
SHAPES = {"cascading": "o", "independent": "s"}
ROW, CURVES = 0.17, 1.6  # inches
_KEY = ["source", "against"]
LONG = 28  # letters of a row's name that leave too little of one column's width to the overlaps


def controls_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    neither = data.main is None or (_overlaps(data).empty and _curves(data).empty)
    return "the estimates hold no controls of the classifier's maps" if neither else None


def controls_figure(data: StudyData) -> Figure:
    """Draw overlaps with people above, curves of similarity below; either where the other is not there.

    A control explains some of the images only, so that beside its overlap stands the classifier's on the same ones.
    """
    overlaps, curves = _overlaps(data), _curves(data)
    above = 0 if overlaps.empty else 0.75 + ROW * overlaps["row"].nunique() + (0.17 if data.simulated else 0)
    height = above + (0 if curves.empty else CURVES + 0.5)
    width = theme.SINGLE if overlaps.empty else theme.DOUBLE if (
        overlaps["label"].str.len() > LONG).any() else theme.MIDDLE
    look = theme.figure_theme(width, height) + p9.theme(
        panel_grid_major_y=p9.element_line(color="#E4E4E4", size=0.3), axis_line_y=p9.element_line(size=0.4),
        legend_title=p9.element_text(size=6), legend_position="bottom")
    parts = [part + look for part in ([] if overlaps.empty else [_beside(data, overlaps)])
             + ([] if curves.empty else [_similarity(curves)])]
    plot: p9.ggplot | Compose = parts[0] if len(parts) == 1 else parts[0] / parts[1]
    both = not (overlaps.empty or curves.empty)
    text = caption(data, [*_about_overlaps(data, overlaps, above=both), *_about_curves(curves, below=both)],
                   responses=not overlaps.empty, photographs=False)
    return Figure("fig14-controls", "Is it the network speaking?", text, plot, width, height)


def _overlaps(data: StudyData) -> pd.DataFrame:
    """Overlaps of the main classifier and of its controls, with the name of each row; empty without controls.

    Other classifiers have pages of their own. From the top: sources of one method, the main one first, and their
    networks' below them; last the photographs' edges. Networks that several sources are held against have one row.
    """
    name = classifier_of(data.main or "")
    sources = [source for source in data.ordered_sources if classifier_of(source) == name]
    picked = rows(data.estimates, **SHOWN, statistic=[OVERLAP, terms.OF_CONTROL], source=sources, contrast=PANELS)
    picked = picked[picked["value"].notna() & ((picked["statistic"] == OVERLAP) | picked["against"].isin(CONTROLS))]
    table = picked[picked["contrast"] == SAME_IMAGE]
    if not table["against"].isin(CONTROLS).any():
        return table.iloc[:0]
    names = _named(table.drop_duplicates(["source", "against"]), sources)[[*_KEY, "row", "label", "role", "place"]]
    order = names.sort_values("place", kind="stable")["row"]
    table = picked.drop(columns="label").merge(names, on=_KEY)
    return table.assign(row=pd.Categorical(table["row"], categories=list(order)[::-1]),
                        contrast=pd.Categorical(table["contrast"], categories=list(PANELS)))


def _on_its_images(data: StudyData, table: pd.DataFrame) -> pd.DataFrame:
    """Values of the sources on the images of a control, each in the row of the control."""
    beside = rows(data.estimates, **SHOWN, statistic=terms.DIFFERENCE, against=list(CONTROLS), contrast=PANELS,
                  source=table.loc[table["role"] != "control", "source"])
    of_controls = rows(data.estimates, **SHOWN, statistic=terms.OF_CONTROL, contrast=SAME_IMAGE).to_dict("records")
    of = {(row["source"], row["against"]): _shared(row) for row in of_controls}
    same = table[(table["role"] == "control") & (table["contrast"] == SAME_IMAGE)].to_dict("records")
    places = {_shared(row): row["row"] for row in same}
    at = [places.get(of.get(key, ("", "", 0.0))) for key in zip(beside["source"], beside["against"], strict=True)]
    table = beside.assign(value=beside["value_one"], role=beside["source"],
                          row=pd.Categorical(at, categories=table["row"].cat.categories),
                          contrast=pd.Categorical(beside["contrast"], categories=list(PANELS)))
    return table[table["value"].notna() & table["row"].notna()]


def _shared(row: Mapping[Hashable, Any]) -> tuple[str, str, float]:
    """Say which control's row an overlap of a control is drawn in: equal ones of a classifier and method share it."""
    return "" if row["against"] in OF_PHOTOGRAPHS else _group(row["source"]), row["against"], row["value"]


def _named(table: pd.DataFrame, sources: list[str]) -> pd.DataFrame:
    """Name the rows and say where each stands; of equal controls of one classifier and method one is kept.

    **row** is unique; **label** is what is printed, as a control stands below the classifier that it is of.
    """
    groups = [_group(source) for source in sources]
    of_photographs = table["against"].isin(OF_PHOTOGRAPHS)
    group = table["source"].map(_group).where(~of_photographs, "")
    control = table["against"].isin(CONTROLS)
    table = table.assign(group=group, role=control.map({True: "control", False: "classifier"}))
    shared = ["group", "against", "value"]
    table["n_sources"] = table.groupby(shared)["source"].transform("size")
    table = table[(table["role"] == "classifier") | ~table.duplicated(shared)]
    several = table[table["role"] == "control"].groupby("against")["group"].transform("size") > 1
    table = table.assign(several=several.reindex(table.index, fill_value=False))
    kinds = [HUMAN, *CONTROLS]
    apart = table.groupby(["group", "against"])["source"].transform("size") > 1
    table = table.assign(label=[
        theme.source_name(source, sources) if of not in CONTROLS else
        f"{CONTROLS[of]}, {variant_of(source)}" if each else CONTROLS[of]
        for source, of, each in zip(table["source"], table["against"], apart, strict=True)])
    return table.assign(row=[_row_name(row, sources) for row in table.to_dict("records")], place=[
        ((len(groups) if of in OF_PHOTOGRAPHS else groups.index(_group(source))) * len(kinds) + kinds.index(of))
        * len(sources) + sources.index(source)
        for source, of in zip(table["source"], table["against"], strict=True)])


def _group(source: str) -> str:
    """Name a classifier and a method, which variants have in common."""
    of = Source.parse(source)
    return f"{of.classifier}/{of.method}" if of else source


def _row_name(row: Mapping[Hashable, Any], sources: list[str]) -> str:
    if row["role"] == "classifier":
        return theme.source_name(row["source"], sources)
    kind = CONTROLS[row["against"]]
    if not row["several"]:
        return kind
    whose, network = theme.source_name(row["source"], sources), theme.source_name(network_of(row["source"]))
    return f"{kind}, {whose.replace(network, classifier_of(row['source']), 1) if row['n_sources'] > 1 else whose}"


def _curves(data: StudyData) -> pd.DataFrame:
    """Similarities by step from the head, which is 1, with the intact network as step 0."""
    table = rows(data.estimates, statistic=terms.LAYERED, metric=METRICS)
    table = table[table["source"].isin(data.classifier_maps)]
    source = data.main if (table["source"] == data.main).any() else next(iter(table["source"]), None)
    table = table[(table["source"] == source) & table["value"].notna()]
    table = table.assign(step=table.groupby(["metric", "form"]).cumcount() + 1)
    start = table.drop_duplicates(["metric", "form"]).assign(step=0, value=1.0, ci_low=1.0, ci_high=1.0)
    both = pd.concat([start, table], ignore_index=True)
    return both.assign(metric=pd.Categorical(both["metric"].map(METRICS), categories=list(METRICS.values())),
                       form=pd.Categorical(both["form"], categories=list(FORMS)))


def _beside(data: StudyData, table: pd.DataFrame) -> p9.ggplot:
    colours = {**colours_of(data), "control": theme.BASELINES}
    table = table.assign(role=table["role"].where(table["role"] == "control", table["source"]))
    named = dict(zip(table["row"], table["label"], strict=True))
    plot: p9.ggplot = (
        p9.ggplot(table, p9.aes("value", "row", color="role")) + p9.facet_wrap("contrast", scales="free_x")
        + p9.geom_vline(xintercept=0, color="#BBBBBB", size=0.3)
        + p9.geom_segment(p9.aes(x="ci_low", xend="ci_high", yend="row"), data=table[table["ci_low"].notna()], size=0.5)
        + p9.geom_point(data=_on_its_images(data, table), shape="o", size=1.8, stroke=0.5, fill="none")
        + p9.geom_point(size=1.8, stroke=0)
        + p9.scale_y_discrete(limits=list(table["row"].cat.categories),
                              labels=lambda breaks: [named[name] for name in breaks])
        + p9.scale_x_continuous(breaks=theme.few_breaks) + p9.scale_color_manual(colours, guide=None)
        + p9.labs(x="Pearson correlation with people", y="", subtitle=theme.SIMULATED if data.simulated else ""))
    return plot


def _similarity(table: pd.DataFrame) -> p9.ggplot:
    steps = int(table["step"].max())
    plot: p9.ggplot = (
        p9.ggplot(table, p9.aes("step", "value", color="form", fill="form", shape="form"))
        + p9.facet_grid(cols="metric") + p9.geom_hline(yintercept=0, color="#BBBBBB", size=0.3)
        + p9.geom_ribbon(p9.aes(ymin="ci_low", ymax="ci_high"), data=table[table["ci_low"].notna()], alpha=0.25,
                         color="none")
        + p9.geom_line(size=0.5) + p9.geom_point(size=1.5, stroke=0)
        + p9.scale_color_manual(FORMS) + p9.scale_fill_manual(FORMS) + p9.scale_shape_manual(SHAPES)
        + p9.scale_x_continuous(breaks=list(range(steps + 1)))
        + p9.labs(x="Step (0: none, 1: the head)",
               y="Similarity to the intact map", color="Layers", fill="Layers", shape="Layers"))
    return plot


def _about_overlaps(data: StudyData, table: pd.DataFrame, *, above: bool) -> list[str]:
    if table.empty:
        return []
    differences = rows(data.estimates, **SHOWN, statistic=terms.DIFFERENCE, source=data.main or "",
                       against=list(CONTROLS), contrast=SAME_IMAGE)
    said = [f"{CONTROLS[row['against']].lower()} {estimate(row)}"
            for _, row in differences[differences["value"].notna()].iterrows()]
    n, names = table["n"].max(), list(dict.fromkeys(
        table.loc[table["role"] == "classifier"].sort_values("place")["row"]))
    whose = joined(names) if len(names) < 3 else f"{len(names)} sources"
    below = "" if len(names) == 1 else " A classifier's networks stand below it, the photographs' edges last."
    less = "classifier" if len(data.classifier_maps) == 1 else theme.source_name(data.main or "", data.classifier_maps)
    rings = "" if _on_its_images(data, table).empty else (
        " Rings in a control's row: the classifier's own on the images that the control explained.")
    more = " Those of the other sources stand in the table of controls." if len(data.classifier_maps) > 1 else ""
    return [f"{'Above, overlap' if above else 'Overlap'} with people of {whose} and of maps that cannot know them, and "
            "its effects of image and actor: mean over actors "
            f"(n = {int(n):,}; of networks, over these too); lines: 95% intervals over actors.{below}{rings}",
            f"Differences on the same image, {less} less control: {'; '.join(said)}.{more}" if said else ""]


def _about_curves(table: pd.DataFrame, *, below: bool) -> list[str]:
    if table.empty:
        return []
    layers = table[(table["step"] > 0)].drop_duplicates("step").sort_values("step")
    named = "; ".join(f"{step} {layer}" for step, layer in zip(layers["step"], layers["against"], strict=True))
    n = int(table["n"].max())
    return [f"{'Below, similarity' if below else 'Similarity'} of maps to those of the intact network as layers get "
            f"random weights, all from the head down (cascading) or each step alone (independent); bands: 95% t "
            f"intervals over {n} randomisations.",
            f"Steps: {named}."]


FIGURES = {14: (controls_missing, controls_figure)}
