"""Figures of the labels that people give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotnine as p9
from plotnine.composition import Beside, Compose
from plotnine.coords import coord_flip

from salcompare.figures import theme
from salcompare.figures.figure import Figure, caption, interval, most_typical, response_counts, rows, texts
from salcompare.figures.photographs import Picture, geom_picture, grey, printed_picture, true_aspect
from salcompare.findings.finding import Quantity
from salcompare.findings.labels import CELLS, EFFECTIVE, SHARES
from salcompare.maps.alignment import box_corners, is_aligned, transforms_of
from salcompare.printing import ALPHA, counted, number, shortest
from salcompare.study_data import StudyData

HEIGHT = 2.8  # inches, at least
MOST_LABELS = 12
_NO_AXES = p9.theme(axis_text_x=p9.element_blank(), axis_text_y=p9.element_blank(), axis_title_x=p9.element_blank(),
                    axis_title_y=p9.element_blank(), axis_line_x=p9.element_blank(),
                    axis_ticks_x=p9.element_blank(), axis_ticks_length_major=0, panel_grid_major_x=p9.element_blank())
Panel = tuple[p9.ggplot, p9.theme]
"""A plot, and what of its looks it keeps beside others."""


def labels_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    if data.responses is None or data.responses.empty:
        return "there are no boxes"
    return "the estimates have no label shares" if _shares(data).empty else None


def labels_figure(data: StudyData) -> Figure:
    """Draw the sample photograph, the boxes' centres over the mean face, and the label histogram."""
    shares = _shares(data)
    colours = dict(zip(shares["label"], theme.LABELS, strict=False))  # the eye cannot hold more apart
    sample, boxes = _sample_image(data), _boxes(data, colours)
    n = len(boxes) // 4
    letters = "abc" if sample is not None else "-ab"
    said = [f"({letters[1]}) Centres of all boxes over the mean face: {response_counts(data)}.",
            f"({letters[2]}) Share of each label, normalised within actors and averaged over them; bars: "
            f"{interval(shares)}; numbers: responses with the label{_effective(data)}. The colours of the bars are "
            "those of the boxes; labels drawn seldom are grey."]
    panels = [_centres(data, boxes, colours, letters[1]), _histogram(data, shares, colours, letters[2], n)]
    if sample is not None:
        drawn = boxes[boxes["image"] == sample]
        said = [f"(a) The {'one box' if len(drawn) == 4 else f'{len(drawn) // 4:,} boxes'} drawn on {sample}, a "
                "typical photograph, coloured by label.", *said]
        panels = [_sample(data, sample, drawn), *panels]
    if is_aligned(data.images):
        said.append("Boxes are turned as their photographs were; what the aligned grid does not show is not drawn.")
    text = caption(data, said, responses=True, photographs=True)
    return Figure("fig4-labels", "What people box and how often", text, _beside(data, panels, HEIGHT), theme.DOUBLE,
                  HEIGHT)


def _beside(data: StudyData, panels: list[Panel], height: float) -> Beside:
    """Put panels side by side; each one's own theme comes last, so that those without axes stay so."""
    look = theme.figure_theme(theme.DOUBLE, height) + p9.theme(
        plot_subtitle=p9.element_text(color=theme.HUMAN if data.simulated else theme.INK))
    plots: list[p9.ggplot | Compose] = [plot + look + last for plot, last in panels]
    return Beside(plots)


def _effective(data: StudyData) -> str:
    """Say what the responses' unequal weights cost."""
    table = rows(data.estimates, **EFFECTIVE.name)
    return "" if table.empty else (f"; weighed so, {counted(int(table['n'][0]), 'response')} count for as "
                                   f"much as {table['value'][0]:,.0f} of equal weight")


def _shares(data: StudyData) -> pd.DataFrame:
    """Shares of the labels drawn, the largest first, whoever thought of them; those without room are summed up."""
    table = rows(data.estimates, **SHARES.name)
    table = table[table["label"].notna() & (table["value"] > 0)].sort_values("value", ascending=False, kind="stable")
    if len(table) > MOST_LABELS:
        rest = table[MOST_LABELS - 1:]
        other = pd.DataFrame({"label": [f"other ({len(rest)} labels)"], "value": [rest["value"].sum()],
                              "count": [rest["count"].sum()]})
        table = pd.concat([table[:MOST_LABELS - 1], other])
    return table.sort_values("value", ascending=False, kind="stable", ignore_index=True)


def _sample_image(data: StudyData) -> str | None:
    """Choose the most typical photograph of the actors shown, of those with many boxes; None without images."""
    if data.responses is None or "image" not in data.responses:
        return None
    photographs = zip(texts(data.photographs.image), texts(data.photographs.actor), strict=True)
    shown = [image for image, actor in photographs if actor in data.shown_actors]
    boxes = data.responses["image"].value_counts().reindex(shown).dropna()
    return None if boxes.empty else most_typical(data, [boxes.index[boxes >= boxes.median()].tolist()])[0]


def _boxes(data: StudyData, colours: dict[str, str]) -> pd.DataFrame:
    """Give the corners of all boxes on the study's grid, four rows a box, each with its label's colour."""
    assert data.responses is not None  # noqa: S101 - labels_missing says so
    boxes = data.responses.assign(colour=[colours.get(label, theme.OTHER_LABELS) for label in data.responses["label"]])
    size = data.photographs.sizes["y"], data.photographs.sizes["x"]
    if "image" in boxes:
        return box_corners(boxes, transforms_of(data.images, size=size))
    on_grid = pd.DataFrame({"image": [""], "height": size[0], "width": size[1]})
    return box_corners(boxes.assign(image=""), transforms_of(on_grid, size=size))


def _sample(data: StudyData, image: str, corners: pd.DataFrame) -> Panel:
    plot, last = _over_picture(data, data.photographs.sel(image=image).to_numpy())
    boxed = p9.geom_polygon(p9.aes("x", "y", group="box", color="colour"), data=corners, fill="none", size=0.5)
    return (plot + boxed + p9.scale_color_identity()
            + p9.labs(title="a  One photograph and its boxes", subtitle=_subtitle(data, len(corners) // 4)), last)


def _centres(data: StudyData, corners: pd.DataFrame, colours: dict[str, str], letter: str) -> Panel:
    # The frequent labels first, so that the seldom ones are not buried.
    order = {label: i for i, label in enumerate(colours)}
    boxes = corners.groupby("box").agg({"x": "mean", "y": "mean", "label": "first", "colour": "first"})
    boxes = boxes.assign(order=boxes["label"].map(order).fillna(len(order)))
    boxes = boxes.sort_values("order", kind="stable", ignore_index=True)
    mean = np.rint(data.photographs.astype(np.float32).mean("image").to_numpy()).astype(np.uint8)
    plot, last = _over_picture(data, mean)
    dots = p9.geom_point(p9.aes("x", "y", color="colour"), data=boxes, size=0.9 if len(boxes) < 300 else 0.5, stroke=0,
                         alpha=0.7, raster=True)
    return (plot + dots + p9.scale_color_identity()
            + p9.labs(title=f"{letter}  All boxes' centres, mean face", subtitle=_subtitle(data, len(boxes))), last)


def _over_picture(data: StudyData, photograph: Picture) -> Panel:
    height, width = photograph.shape[:2]
    under = geom_picture(p9.aes(picture="picture"), data=pd.DataFrame({"picture": ["face"]}),
                         pictures={"face": printed_picture(grey(photograph))}, size=(height, width))
    # What an aligned photograph does not show of a box is cut, not the box.
    look: dict[str, Any] = {"expand": (0, 0), "breaks": None, "oob": lambda places, _: places}
    plot = (p9.ggplot() + under + p9.scale_x_continuous(limits=(0, width), **look)
            + p9.scale_y_reverse(limits=(height, 0), **look) + p9.labs(x="", y=""))
    return plot, _NO_AXES + p9.theme(aspect_ratio=true_aspect(data))


def _subtitle(data: StudyData, n: int) -> str:
    return f"{n:,} {theme.SIMULATED.lower()}" if data.simulated else counted(n, "response")


def _histogram(data: StudyData, shares: pd.DataFrame, colours: dict[str, str], letter: str, n: int) -> Panel:
    bars = shares.assign(colour=[colours.get(label, theme.OTHER_LABELS) for label in shares["label"]],
                         label=pd.Categorical(shares["label"], categories=shares["label"][::-1].to_list()))
    bars = bars.assign(end=bars[["value", "ci_high"]].max(axis=1), number=[f"{n:,.0f}" for n in bars["count"]])
    return (p9.ggplot(bars, p9.aes("label", "value")) + p9.geom_col(p9.aes(fill="colour"), width=0.72)
            + p9.geom_linerange(p9.aes(ymin="ci_low", ymax="ci_high"), data=bars[bars["ci_low"].notna()],
                                color=theme.INK, size=0.5)
            + p9.geom_text(p9.aes(y="end", label="number"), data=bars[bars["count"].notna()], size=theme.SMALL - 1,
                           ha="left", nudge_y=0.01 * float(bars["end"].max()), color=theme.INK)
            + p9.scale_fill_identity() + p9.scale_x_discrete() + p9.expand_limits(y=0)
            + p9.scale_y_continuous(labels=theme.percent, expand=(0, 0, 0.12, 0))
            + coord_flip() + p9.labs(x="", y="Share of responses, %", title=f"{letter}  How often each label is drawn",
                                     subtitle=_subtitle(data, n))), p9.theme()


MOST_CELL_LABELS = 14
ROW, FRAME = 0.125, 1.35  # inches: of one actor, and of titles, axes and the bar
BELOW, ABOVE = "#0072B2", theme.HUMAN


def label_cells_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return "the estimates have no differences of labels between actors" if _defined(data, CELLS).empty else None


def label_cells_figure(data: StudyData) -> Figure:
    """Draw the matrix of actors and labels."""
    cells = _defined(data, CELLS)
    labels = _columns(data, cells)
    height = max(HEIGHT, ROW * cells["actor"].nunique() + FRAME)
    panels = [_matrix(data, cells[cells["label"].isin(labels)], labels)]
    text = caption(data, _cell_sentences(cells, labels), responses=True, photographs=False)
    return Figure("fig11-label-cells", "Which actors stand out in which labels", text, _beside(data, panels, height),
                  theme.DOUBLE, height)


def _defined(data: StudyData, quantity: Quantity) -> pd.DataFrame:
    """Rows of a quantity that have a value."""
    table = rows(data.estimates, **quantity.name)
    return table[table["value"].notna()].reset_index(drop=True)


def _columns(data: StudyData, cells: pd.DataFrame) -> list[str]:
    """Labels to draw: those drawn most often, whoever thought of them, as many as there is room for."""
    shares = rows(data.estimates, **SHARES.name)
    shares = shares[shares["value"] > 0].sort_values("value", ascending=False, kind="stable")
    held = list(dict.fromkeys(cells["label"]))
    ranked = [label for label in shares["label"] if label in held] or held
    return [str(label) for label in ranked[:MOST_CELL_LABELS]]


def _matrix(data: StudyData, cells: pd.DataFrame, labels: list[str]) -> Panel:
    actors = list(dict.fromkeys(cells["actor"]))
    cells = cells.assign(actor=pd.Categorical(cells["actor"], actors[::-1]),
                         label=pd.Categorical(cells["label"], labels), points=(100 * cells["value"]).round())
    out = cells[cells["p_adjusted"] <= ALPHA]
    out = out.assign(number=[f"{'+' if value > 0 else ''}{number(value)}" for value in out["points"]])
    largest = max(float(cells["points"].abs().max()), 1.0)
    plot = (p9.ggplot(cells, p9.aes("label", "actor")) + p9.geom_tile(p9.aes(fill="points"), width=0.94, height=0.9)
            + p9.geom_tile(data=out, fill="none", color=theme.INK, size=0.6, width=0.94, height=0.9)
            + p9.geom_text(p9.aes(label="number"), data=out, size=theme.SMALL - 1, color=theme.INK)
            + p9.scale_fill_gradient2(low=BELOW, mid="#FFFFFF", high=ABOVE, midpoint=0, limits=(-largest, largest),
                                      breaks=(-largest, 0, largest), name="Points above the others", labels=_signed)
            + p9.guides(fill=p9.guide_colorbar(display="rectangles", nbin=33))  # a PNG keeps so few colours
            + p9.scale_x_discrete() + p9.scale_y_discrete()
            + p9.labs(x="", y="", title="Shares of labels, actor minus other actors",
                      subtitle=theme.SIMULATED if data.simulated else "People's responses"))
    return plot, p9.theme(
        axis_text_x=p9.element_text(rotation=45, ha="right", size=theme.SMALL), legend_position="bottom",
        legend_direction="horizontal", axis_ticks_x=p9.element_blank(), axis_line_x=p9.element_blank(),
        panel_grid_major_x=p9.element_blank(), legend_key_width=60, legend_key_height=6)


def _signed(values: Sequence[float] | Sequence[str]) -> list[str]:
    return [shortest(float(value)) for value in values]


def _cell_sentences(cells: pd.DataFrame, labels: list[str]) -> list[str]:
    n, size = int((cells["p_adjusted"] <= ALPHA).sum()), cells["family_size"].max()
    left_out = cells["label"].nunique() - len(labels)
    out = int((~cells["label"].isin(labels) & (cells["p_adjusted"] <= ALPHA)).sum())
    return [f"An actor's share of a label minus the mean of the other actors', whole percentage points; framed and "
            f"numbered: p at most {ALPHA:g}, adjusted over all {number(size)} cells by the most extreme in each "
            f"permutation ({_permuted(cells)}): {counted(n, 'cell')}.",
            f"{counted(left_out, 'label')} drawn less often {'is' if left_out == 1 else 'are'} not shown, of whose "
            f"cells {out if out else 'none'} {'stand' if out > 1 else 'stands'} out." if left_out > 0 else ""]


def _permuted(cells: pd.DataFrame) -> str:
    held = cells[cells["null"].notna()]
    return f"{held['null'].iloc[0]}, {number(held['n_resamples'].max())} times" if len(held) else "no test"


FIGURES = {4: (labels_missing, labels_figure), 11: (label_cells_missing, label_cells_figure)}
