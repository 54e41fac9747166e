"""The atlas: a partition of the canonical face, its own mirror image, whose regions are in one piece."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import label

from salcompare.errors import InputError
from salcompare.faces import (
    LABEL_REGIONS,
    REGIONS,
    canonical_frame,
    mesh_frame,
    orl_landmarks,
    place_centres,
    region_masks,
)
from salcompare.faces.atlas import _OUTLINES, triangle_regions
from salcompare.faces.frame import doubled_areas
from salcompare.faces.warp import frame_grid, frame_places, grid_table, photograph_corners
from salcompare.schema import LABELS
from salcompare.simulation.faces import find_face

FRAME, ORL = mesh_frame(), orl_landmarks()
MASKS = region_masks(scale=56)


def test_each_triangle_and_pixel_is_in_exactly_one_region():
    regions = triangle_regions(FRAME)
    assert set(regions.tolist()) == set(range(len(REGIONS)))
    assert MASKS.sum("region").to_numpy().ravel()[grid_table(FRAME, 56).places].tolist() == [1] * len(
        grid_table(FRAME, 56).places)
    assert int(MASKS.sum()) == len(grid_table(FRAME, 56).places)
    assert float(MASKS.area.sum()) == pytest.approx(doubled_areas(FRAME.corners, FRAME.triangles).sum() / 2)
    np.testing.assert_allclose(MASKS.sum(("y", "x")) / 56**2, MASKS.area, rtol=0.1)


def test_the_atlas_is_its_own_mirror_image():
    regions = triangle_regions(FRAME)
    mirrored = np.abs(FRAME.corners[:, np.newaxis] - FRAME.corners * [-1, 1]).sum(axis=2).argmin(axis=1)
    of_triangle = {frozenset(one): region for one, region in zip(FRAME.triangles.tolist(), regions.tolist(),
                                                                 strict=True)}
    for one, region in of_triangle.items():
        assert of_triangle[frozenset(mirrored[list(one)].tolist())] == region
    np.testing.assert_array_equal(MASKS, MASKS[..., ::-1])


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_is_in_one_piece_on_each_side(region):
    regions = triangle_regions(FRAME)
    left = {at for at in np.flatnonzero(regions == REGIONS.index(region)).tolist()
            if FRAME.corners[FRAME.triangles[at], 0].mean() < 0}
    reached, border = set(), {min(left)}
    while border:
        reached |= border
        corners = [set(FRAME.triangles[at].tolist()) for at in border]
        border = {at for at in left - reached if any(len(set(FRAME.triangles[at].tolist()) & one) == 2
                                                     for one in corners)}
    assert reached == left
    assert label(MASKS.sel(region=region), np.ones((3, 3)))[1] <= 2


def test_outlines_follow_edges_of_the_mesh():
    """Else a region's edge would be jagged: at most one side of an outline in eight is across triangles."""
    edges = {frozenset((a, b)) for one in FRAME.triangles.tolist() for a, b in zip(one, one[1:] + one[:1], strict=True)}
    sides = [frozenset(pair) for outline in _OUTLINES.values() for pair in pairwise(outline)]
    assert np.mean([side in edges for side in sides]) > 7 / 8


def test_every_label_names_regions_that_its_boxes_lie_on():
    assert set(LABEL_REGIONS) == set(LABELS)
    for name, regions in LABEL_REGIONS.items():
        assert set(regions) <= set(REGIONS)
        inside = []
        for sha256, face in zip(ORL.sha256.to_numpy()[::40], ORL.to_numpy()[::40], strict=True):
            boxes = find_face(sha256, height=112, width=92).boxes
            x, y, width, height = boxes.get(name) or boxes.get(f"{name} left") or boxes[f"{name} right"]
            some = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 200))
            corners = photograph_corners(FRAME, face[np.newaxis])[0][0]
            places = frame_places(FRAME, corners, np.array([[x], [y]]) + some * [[width], [height]])
            column, row = frame_grid(FRAME, 56).pixels(places[:, np.isfinite(places[0])]).astype(int)
            inside.append(MASKS.sel(region=list(regions)).any("region").to_numpy()[row, column].mean())
        assert np.mean(inside) > (0.3 if name in ("eye brows", "lips") else 0.45), name


def test_the_page_says_which_regions_a_label_names():
    page = (Path(__file__).parents[2] / "docs" / "canonical.md").read_text(encoding="utf-8")
    for name, regions in LABEL_REGIONS.items():
        assert f"| {name} | {', '.join(regions)} |" in page


def test_regions_are_of_the_mesh_only():
    with pytest.raises(InputError, match="of 2 points; expected the 468 of MediaPipe's mesh"):
        region_masks(canonical_frame(place_centres(ORL, ("left_eye", "right_eye"))), scale=20)
