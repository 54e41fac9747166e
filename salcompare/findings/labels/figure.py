"""Figures of the labels that people give."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotnine as p9
from plotnine.composition import Beside, Compose
from plotnine.coords import coord_flip

from salcompare.figures.figure import Figure, caption, interval, main_colour, response_counts, rows, texts
from salcompare.figures.geoms import geom_picture
from salcompare.figures.photographs import grey, printed_picture
from salcompare.figures.theme import (
    COLOUR_BAR,
    DOUBLE,
    HUMAN,
    INK,
    LABELS,
    OTHER_LABELS,
    SIMULATED,
    SMALL,
    TEXT,
    figure_theme,
    percent,
    source_name,
)
from salcompare.printing import counted
from salcompare.study_data import StudyData

HEIGHT = 2.8  # inches
MOST_LABELS = 12
_NO_AXES = p9.theme(axis_text_x=p9.element_blank(), axis_text_y=p9.element_blank(), axis_title_x=p9.element_blank(),
                    axis_title_y=p9.element_blank(), axis_line_x=p9.element_blank(),
                    axis_ticks_x=p9.element_blank(), axis_ticks_length_major=0, panel_grid_major_x=p9.element_blank())


def labels_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    if data.responses is None or data.responses.empty:
        return "there are no boxes"
    return "the estimates have no label shares" if _shares(data).empty else None


def labels_figure(data: StudyData) -> Figure:
    """Draw the sample photograph, the boxes' centres over the mean face, and the label histogram."""
    shares = _shares(data)
    colours = _label_colours(shares)
    sample = _sample_image(data)
    panels = [*([_sample(data, sample, colours)] if sample is not None else []), _centres(data, colours),
              _histogram(data, shares, colours)]
    width = DOUBLE
    look = figure_theme(width, HEIGHT) + p9.theme(plot_subtitle=p9.element_text(color=HUMAN if data.simulated else INK))
    # Each panel's own theme comes last, so that those without axes stay so.
    plots: list[p9.ggplot | Compose] = [panel + look + own for panel, own in panels]
    text = caption(data, _sentences(data, shares, sample), responses=True, photographs=True)
    return Figure("fig4-labels", "What people box and how often", text, Beside(plots), width, HEIGHT)


def _sentences(data: StudyData, shares: pd.DataFrame, sample: str | None) -> list[str]:
    titles = iter("abc")
    first = "" if sample is None else (
        f"({next(titles)}) {_the_boxes(len(_boxes(data, sample)))} drawn on {sample}, coloured by label.")
    return [first,
            f"({next(titles)}) Centres of all boxes over the mean face: {response_counts(data)}.",
            f"({next(titles)}) Share of each label, normalised within actors and averaged over them; "
            f"bars: {interval(shares)}; numbers: responses with the label{_effective(data)}. The colours of the bars "
            "are those of the boxes; labels drawn seldom are grey."]


def _the_boxes(n: int) -> str:
    return "The one box" if n == 1 else f"The {n:,} boxes"


def _effective(data: StudyData) -> str:
    """Say what the responses' unequal weights cost."""
    table = rows(data.estimates, statistic="label_responses", metric="n_effective", level="population")
    return "" if table.empty else (f"; weighed so, {counted(int(table['n'][0]), 'response')} count for as "
                                   f"much as {table['value'][0]:,.0f} of equal weight")


def _shares(data: StudyData) -> pd.DataFrame:
    """Shares of the labels drawn, the largest first, whoever thought of them; those without room are summed up."""
    table = rows(data.estimates, statistic="label_share", level="population")
    table = table[table["label"].notna() & (table["value"] > 0)].sort_values("value", ascending=False, kind="stable")
    if len(table) > MOST_LABELS:
        rest = table[MOST_LABELS - 1:]
        other = pd.DataFrame({"label": [f"other ({len(rest)} labels)"], "value": [rest["value"].sum()],
                              "count": [rest["count"].sum()]})
        table = pd.concat([table[:MOST_LABELS - 1], other])
    return table.sort_values("value", ascending=False, kind="stable", ignore_index=True)


def _label_colours(shares: pd.DataFrame) -> dict[str, str]:
    """Colours of the most frequent labels; the eye cannot hold more apart."""
    return dict(zip(shares["label"], LABELS, strict=False))


def _sample_image(data: StudyData) -> str | None:
    """Choose the image with the most boxes among the actors shown; None for responses without images."""
    assert data.responses is not None  # noqa: S101 - labels_missing says so
    if "image" not in data.responses:
        return None
    photographs = zip(texts(data.photographs.image), texts(data.photographs.actor), strict=True)
    shown = [image for image, actor in photographs if actor in data.shown_actors]
    held = data.responses["image"][data.responses["image"].isin(shown)]
    return None if held.empty else str(held.value_counts(sort=False).idxmax())


def _boxes(data: StudyData, image: str | None = None) -> pd.DataFrame:
    """Boxes on the study's grid, of one image or of all: ``label, x0, y0, x1, y1``."""
    assert data.responses is not None  # noqa: S101 - labels_missing says so
    boxes = data.responses if image is None else data.responses[data.responses["image"] == image]
    boxes = boxes[["label", "x0", "y0", "x1", "y1", *(["image"] if "image" in boxes else [])]].reset_index(drop=True)
    if "image" not in boxes:
        return boxes
    shape = data.images.set_index("image").loc[boxes["image"].to_list(), ["height", "width"]].to_numpy(float)
    height, width = data.photographs.sizes["y"], data.photographs.sizes["x"]
    return boxes.assign(x0=boxes["x0"] * width / shape[:, 1], x1=boxes["x1"] * width / shape[:, 1],
                        y0=boxes["y0"] * height / shape[:, 0], y1=boxes["y1"] * height / shape[:, 0])


def _sample(data: StudyData, image: str, colours: dict[str, str]) -> tuple[p9.ggplot, p9.theme]:
    boxes = _boxes(data, image)
    boxes["colour"] = boxes["label"].map(colours).fillna(OTHER_LABELS)
    plot, own = _over_picture(printed_picture(grey(data.photographs.sel(image=image).to_numpy())), data)
    boxed = p9.geom_rect(p9.aes(xmin="x0", xmax="x1", ymin="y0", ymax="y1", color="colour"), data=boxes, fill="none",
                         size=0.5)
    return (plot + boxed + p9.scale_color_identity()
            + p9.labs(title="a  One photograph and its boxes", subtitle=_subtitle(data, len(boxes))), own)


def _centres(data: StudyData, colours: dict[str, str]) -> tuple[p9.ggplot, p9.theme]:
    boxes = _boxes(data)
    # The frequent labels first, so that the seldom ones are not buried.
    order = {label: i for i, label in enumerate(colours)}
    boxes = boxes.assign(x=(boxes["x0"] + boxes["x1"]) / 2, y=(boxes["y0"] + boxes["y1"]) / 2,
                         colour=boxes["label"].map(colours).fillna(OTHER_LABELS),
                         order=boxes["label"].map(order).fillna(len(order)))
    boxes = boxes.sort_values("order", kind="stable", ignore_index=True)
    face = np.rint(data.photographs.astype(np.float32).mean("image").to_numpy()).astype(np.uint8)
    plot, own = _over_picture(printed_picture(grey(face)), data)
    dots = p9.geom_point(p9.aes("x", "y", color="colour"), data=boxes, size=0.9 if len(boxes) < 300 else 0.5, stroke=0,
                         alpha=0.7, raster=True)
    letter = "b" if _sample_image(data) is not None else "a"
    return (plot + dots + p9.scale_color_identity()
            + p9.labs(title=f"{letter}  All boxes' centres, mean face", subtitle=_subtitle(data, len(boxes))), own)


def _over_picture(picture: np.ndarray, data: StudyData) -> tuple[p9.ggplot, p9.theme]:
    size = height, width = data.photographs.sizes["y"], data.photographs.sizes["x"]
    under = geom_picture(p9.aes(picture="picture"), data=pd.DataFrame({"picture": ["face"]}),
                         pictures={"face": picture}, size=size)
    plot = (p9.ggplot() + under + p9.scale_x_continuous(limits=(0, width), expand=(0, 0), breaks=None)
            + p9.scale_y_reverse(limits=(height, 0), expand=(0, 0), breaks=None) + p9.labs(x="", y=""))
    return plot, _NO_AXES + p9.theme(aspect_ratio=height / width)


def _subtitle(data: StudyData, n: int) -> str:
    return f"{n:,} {SIMULATED.lower()}" if data.simulated else counted(n, "response")


def _histogram(data: StudyData, shares: pd.DataFrame, colours: dict[str, str]) -> tuple[p9.ggplot, p9.theme]:
    assert data.responses is not None  # noqa: S101 - labels_missing says so
    letter = "c" if _sample_image(data) is not None else "b"
    bars = shares.assign(colour=shares["label"].map(colours).fillna(OTHER_LABELS),
                         label=pd.Categorical(shares["label"], categories=shares["label"][::-1].to_list()))
    bars = bars.assign(end=bars[["value", "ci_high"]].max(axis=1), number=[f"{n:,.0f}" for n in bars["count"]])
    plot = (p9.ggplot(bars, p9.aes("label", "value")) + p9.geom_col(p9.aes(fill="colour"), width=0.72)
            + p9.geom_linerange(p9.aes(ymin="ci_low", ymax="ci_high"), data=bars[bars["ci_low"].notna()], color=INK,
                                size=0.5)
            + p9.geom_text(p9.aes(y="end", label="number"), data=bars[bars["count"].notna()], size=SMALL - 1, ha="left",
                           nudge_y=0.01 * float(bars["end"].max()), color=INK)
            + p9.scale_fill_identity() + p9.scale_x_discrete() + p9.expand_limits(y=0)
            + p9.scale_y_continuous(labels=percent, expand=(0, 0, 0.12, 0))
            + coord_flip() + p9.labs(x="", y="Share of responses, %", title=f"{letter}  How often each label is drawn",
                                     subtitle=_subtitle(data, len(data.responses))))
    return plot, p9.theme()


MOST_CELL_LABELS = 14
ALPHA = 0.05
ROW, FRAME = 0.125, 1.35  # inches: of one actor, and of titles, axes and the bar
LOWEST = 2.8
BELOW, ABOVE = "#0072B2", HUMAN
MEAN = "Mean over labels"


def label_cells_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return "the estimates have no differences of labels between actors" if _cells(data).empty else None


def label_cells_figure(data: StudyData) -> Figure:
    """Draw the matrix of actors and labels, and beside it the correlation of masks with people's shares by label."""
    cells, regions = _cells(data), _regions(data)
    labels = _columns(data, cells)
    width = DOUBLE
    height = max(LOWEST, ROW * cells["actor"].nunique() + FRAME)
    plots: list[p9.ggplot | Compose] = [panel + figure_theme(width, height) + p9.theme(
        plot_subtitle=p9.element_text(color=HUMAN if data.simulated else INK)) + own for panel, own in (
            _matrix(data, cells[cells["label"].isin(labels)], labels),
            *([_association(data, regions, labels)] if len(regions) else []))]
    text = caption(data, _cell_sentences(data, cells, regions, labels), responses=True, photographs=False)
    return Figure("fig11-label-cells", "Which actors stand out in which labels", text, Beside(plots), width, height)


def _cells(data: StudyData) -> pd.DataFrame:
    table = rows(data.estimates, statistic="label_difference", metric="share_difference", level="actor")
    return table[table["value"].notna()].reset_index(drop=True)


def _regions(data: StudyData) -> pd.DataFrame:
    """Correlations of the main classifier."""
    if data.main is None:
        return rows(data.estimates, statistic="none")
    table = rows(data.estimates, statistic="label_region", source=data.main)
    return table[table["value"].notna()].reset_index(drop=True)


def _columns(data: StudyData, cells: pd.DataFrame) -> list[str]:
    """Labels to draw: those drawn most often, whoever thought of them, as many as there is room for."""
    shares = rows(data.estimates, statistic="label_share", level="population")
    shares = shares[shares["value"] > 0].sort_values("value", ascending=False, kind="stable")
    held = list(dict.fromkeys(cells["label"]))
    ranked = [label for label in shares["label"] if label in held] or held
    return [str(label) for label in ranked[:MOST_CELL_LABELS]]


def _matrix(data: StudyData, cells: pd.DataFrame, labels: list[str]) -> tuple[p9.ggplot, p9.theme]:
    actors = list(dict.fromkeys(cells["actor"]))
    cells = cells.assign(actor=pd.Categorical(cells["actor"], actors[::-1]),
                         label=pd.Categorical(cells["label"], labels), points=100 * cells["value"])
    out = cells[cells["p_adjusted"] <= ALPHA]
    out = out.assign(number=[f"{'+' if value > 0 else ''}{text}" for value, text in zip(
        out["points"], _signed(np.rint(out["points"]).to_list()), strict=True)])
    largest = float(cells["points"].abs().max())
    end = math.floor(largest) or largest
    plot = (p9.ggplot(cells, p9.aes("label", "actor")) + p9.geom_tile(p9.aes(fill="points"), width=0.94, height=0.9)
            + p9.geom_tile(data=out, fill="none", color=INK, size=0.6, width=0.94, height=0.9)
            + p9.geom_text(p9.aes(label="number"), data=out, size=SMALL - 1, color=INK)
            + p9.scale_fill_gradient2(low=BELOW, mid="#FFFFFF", high=ABOVE, midpoint=0, limits=(-largest, largest),
                                      breaks=(-end, 0, end), name="Points above the others", labels=_signed)
            + p9.guides(fill=COLOUR_BAR)
            + p9.scale_x_discrete() + p9.scale_y_discrete()
            + p9.labs(x="", y="", title="a  Shares of labels, actor minus other actors", subtitle=_cell_subtitle(data)))
    return plot, p9.theme(
        axis_text_x=p9.element_text(rotation=45, ha="right", size=SMALL), legend_position="bottom",
        legend_direction="horizontal", axis_ticks_x=p9.element_blank(), axis_line_x=p9.element_blank(),
        panel_grid_major_x=p9.element_blank(), legend_key_width=60, legend_key_height=6)


def _signed(values: Sequence[float] | Sequence[str]) -> list[str]:
    """Write numbers with a minus sign that is not a hyphen."""
    return [f"{float(value):g}".replace("-", "\N{MINUS SIGN}") for value in values]


def _cell_subtitle(data: StudyData) -> str:
    return SIMULATED if data.simulated else "People's responses"


def _association(data: StudyData, regions: pd.DataFrame, labels: list[str]) -> tuple[p9.ggplot, p9.theme]:
    assert data.main is not None  # noqa: S101 - _regions is empty without
    shown = regions[(regions["metric"] == "mean_pearson") | regions["label"].isin(labels)]
    names = [MEAN, *(label for label in labels if label in set(shown["label"]))]
    colour = main_colour(data)
    shown = shown.assign(
        row=pd.Categorical(shown["label"].where(shown["metric"] == "pearson", MEAN), names[::-1]),
        colour=[colour if p <= ALPHA else "#FFFFFF" for p in shown["p_adjusted"]], edge=colour)
    bars = shown[shown["ci_low"].notna()]
    plot = (p9.ggplot(shown, p9.aes("value", "row")) + p9.geom_vline(xintercept=0, color="#A6A6A6", size=0.4)
            + p9.geom_segment(p9.aes(x="ci_low", xend="ci_high", yend="row"), data=bars, color=colour, size=0.6)
            + p9.geom_point(p9.aes(fill="colour"), color=colour, shape="o", size=1.8, stroke=0.6)
            + p9.scale_fill_identity() + p9.scale_y_discrete() + p9.scale_x_continuous(labels=_signed)
            + p9.labs(x="Correlation over actors", y="", title="b  Masks in regions and labels",
                      subtitle=source_name(data.main, data.classifier_maps)))
    return plot, p9.theme(legend_position="none", plot_subtitle=p9.element_text(color=INK),
                          axis_title_x=p9.element_text(size=TEXT))


def _cell_sentences(data: StudyData, cells: pd.DataFrame, regions: pd.DataFrame, labels: list[str]) -> list[str]:
    n, size = int((cells["p_adjusted"] <= ALPHA).sum()), cells["family_size"].max()
    left_out = cells["label"].nunique() - len(labels)
    out = int((~cells["label"].isin(labels) & (cells["p_adjusted"] <= ALPHA)).sum())
    said = [f"(a) An actor's share of a label minus the mean of the other actors', percentage points; framed and "
            f"numbered: p at most {ALPHA:g}, adjusted over all {size:,.0f} cells by the most extreme in each "
            f"permutation ({_permuted(cells)}): {counted(n, 'cell')}.",
            f"{counted(left_out, 'label')} drawn less often {'is' if left_out == 1 else 'are'} not shown, of whose "
            f"cells {out if out else 'none'} {'stand' if out > 1 else 'stands'} out." if left_out > 0 else ""]
    if len(regions):
        held = regions[regions["metric"] == "pearson"]
        name = source_name(str(data.main), data.classifier_maps)
        said.append(
            f"(b) Correlation, over actors, of people's share of a label with the share of the mask of {name} in the "
            "label's region, which comes from the other actors' boxes, against the region's area and the other actors' "
            f"masks; n = {int(regions['n'].max())} actors; bars: {interval(held)}; filled: p at most {ALPHA:g}, "
            "adjusted over labels by Holm's method.")
    return said


def _permuted(cells: pd.DataFrame) -> str:
    held = cells[cells["null"].notna()]
    return f"{held['null'].iloc[0]}, {held['n_resamples'].max():,.0f} times" if len(held) else "no test"


FIGURES = {4: (labels_missing, labels_figure), 11: (label_cells_missing, label_cells_figure)}
