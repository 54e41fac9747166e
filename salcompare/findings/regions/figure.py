"""Figure 21: the canonical face with its regions, and what people and a network mark in each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotnine as p9
from plotnine.composition import Compose, Stack

from salcompare.faces import REGIONS, region_masks
from salcompare.figures.figure import Figure, caption, colours_of, interval, rows
from salcompare.figures.photographs import geom_picture
from salcompare.figures.theme import (
    BASELINES,
    FONT,
    HUMAN,
    INK,
    SIMULATED,
    SINGLE,
    SMALL,
    figure_theme,
    percent,
    source_name,
)
from salcompare.findings import regions as terms
from salcompare.findings.controls import RANDOMISED
from salcompare.study_data import StudyData

HEIGHT = 5.9  # inches
AREA, NAMED, PEOPLE, NETWORK, RANDOM = "area", "named", "people", "network", "random"
SHAPES = {NAMED: "x", PEOPLE: "o", NETWORK: "^", RANDOM: "D"}
_SCALE = 80  # pixels of the picture an inter-ocular distance
_GREYS = (200, 225, 245)
_DODGE = p9.position_dodge(width=0.6)


def regions_missing(data: StudyData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    return "the estimates have no regions" if _table(data).empty else None


def regions_figure(data: StudyData) -> Figure:
    """Draw the regions with their numbers, and below them the dots."""
    table = _table(data)
    look = figure_theme(SINGLE, HEIGHT)
    atlas, (height, width) = _atlas()
    text = caption(data, [
        "Above: the regions of the canonical face, the viewer's left numbered. Below: the share of each source's mass "
        f"in each region, mean over actors (n = {int(table['n'].max())}); lines: "
        f"{interval(table[table['kind'] != AREA])}.",
        "Crosses: the share of labels that name a region." if (table["kind"] == NAMED).any() else "",
        "Grey bars: the region's share of the area that photographs show; a map that marks all places alike ends there."
    ], responses=True, photographs=False)
    plots: list[p9.ggplot | Compose] = [
        atlas + look + _BARE + p9.theme(aspect_ratio=height / width),
        _dots(data, table) + look + p9.theme(legend_position="bottom")]
    return Figure("fig21-regions", "What people name and box, and networks mark, by regions of the face", text,
                  Stack(plots), SINGLE, HEIGHT)


def _table(data: StudyData) -> pd.DataFrame:
    """Rows to draw with their kinds: of the area, of names, of people, of the main source and of random weights."""
    shares = {"statistic": terms.SHARES, "metric": "share"}
    parts = {AREA: rows(data.estimates, statistic=terms.AREAS), NAMED: rows(data.estimates, statistic=terms.NAMES),
             PEOPLE: rows(data.estimates, **shares, source="human")}
    if data.main:
        of_main = rows(data.estimates, **shares, source=data.main)
        random = of_main["contrast"] == RANDOMISED
        parts |= {NETWORK: of_main[~random], RANDOM: of_main[random]}
    table = pd.concat([part.assign(kind=kind) for kind, part in parts.items()], ignore_index=True)
    table = table[table["value"].notna()]
    names = [f"{name} {at}" for at, name in enumerate(REGIONS, 1)]
    row = table["region"].map(dict(zip(REGIONS, names, strict=True)))
    return table.assign(row=pd.Categorical(row, categories=names[::-1]))


def _dots(data: StudyData, table: pd.DataFrame) -> p9.ggplot:
    points, area = table[table["kind"] != AREA], table[table["kind"] == AREA]
    kinds = [kind for kind in (RANDOM, NETWORK, PEOPLE, NAMED) if (points["kind"] == kind).any()]
    points = points.assign(kind=pd.Categorical(points["kind"], categories=kinds))
    main = data.main or ""
    names = {NAMED: "named", PEOPLE: "boxed" if data.people == "boxes" else "looked at", RANDOM: "random weights",
             NETWORK: source_name(main)}
    colours = {NAMED: INK, PEOPLE: HUMAN, RANDOM: BASELINES, NETWORK: colours_of(data).get(main, INK)}
    return (p9.ggplot(points, p9.aes("row", "value", color="kind", shape="kind", group="kind"))
            + p9.geom_col(p9.aes("row", "value"), data=area, inherit_aes=False, fill="#E2E2E2", width=0.8)
            + p9.geom_linerange(p9.aes(ymin="ci_low", ymax="ci_high"), data=points[points["ci_low"].notna()], size=0.4,
                                position=_DODGE, show_legend=False)
            + p9.geom_point(size=1.2, stroke=0.4, position=_DODGE)
            + p9.scale_x_discrete() + p9.scale_y_continuous(labels=percent, expand=(0.01, 0, 0.03, 0))
            + p9.scale_color_manual([colours[kind] for kind in kinds], labels=[names[kind] for kind in kinds])
            + p9.scale_shape_manual([SHAPES[kind] for kind in kinds], labels=[names[kind] for kind in kinds])
            + p9.guides(color=p9.guide_legend(reverse=True, nrow=2), shape=p9.guide_legend(reverse=True, nrow=2))
            + p9.coord_flip()
            + p9.labs(x="", y="Share, %", color="", shape="", subtitle=SIMULATED if data.simulated else ""))


_BARE = p9.theme(axis_text_x=p9.element_blank(), axis_text_y=p9.element_blank(), axis_title_x=p9.element_blank(),
                 axis_title_y=p9.element_blank(), axis_line_x=p9.element_blank(), axis_ticks_x=p9.element_blank(),
                 axis_ticks_length_major=0, panel_grid_major_x=p9.element_blank())


def _atlas() -> tuple[p9.ggplot, tuple[int, ...]]:
    """Draw the regions as patches of grey, each with its number in its widest place; and give the picture's size."""
    from scipy.ndimage import distance_transform_edt

    masks = region_masks(scale=_SCALE).to_numpy()
    of = np.where(masks.any(axis=0), masks.argmax(axis=0), -1)
    edges = np.zeros(of.shape, bool)
    edges[:-1] |= of[:-1] != of[1:]
    edges[:, :-1] |= of[:, :-1] != of[:, 1:]
    shades = np.array([_GREYS[at % len(_GREYS)] for at in range(len(REGIONS))] + [255])
    picture = np.where(edges, 110, shades[of]).astype(np.uint8)[..., np.newaxis].repeat(3, axis=2)
    height, width = size = of.shape
    middle = width // 2 + _SCALE // 8  # a region across the midline has its number on it
    places = []
    for at, mask in enumerate(masks):
        across = mask[:, width // 2].any()
        inside = distance_transform_edt(np.pad(mask[:, :middle if across else width // 2], 1))[1:-1, 1:-1]
        y, x = np.unravel_index(int(inside.argmax()), inside.shape)
        places.append({"x": width / 2 if across else float(x), "y": float(y), "number": str(at + 1)})
    look: dict[str, Any] = {"expand": (0, 0), "breaks": None}
    under = geom_picture(p9.aes(picture="picture"), data=pd.DataFrame({"picture": ["face"]}),
                         pictures={"face": picture}, size=size)
    return (p9.ggplot() + under + p9.geom_text(p9.aes("x", "y", label="number"), data=pd.DataFrame(places), size=SMALL,
                                               family=FONT, color=INK)
            + p9.scale_x_continuous(limits=(0, width), **look) + p9.scale_y_reverse(limits=(height, 0), **look)
            + p9.labs(x="", y="")), size


FIGURES = {21: (regions_missing, regions_figure)}
