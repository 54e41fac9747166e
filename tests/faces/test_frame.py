"""The canonical frame: its symmetry, its triangles and ring, and what photographs show of it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.tri import LinearTriInterpolator, Triangulation
from skimage.transform import PiecewiseAffineTransform, warp

from salcompare.errors import InputError
from salcompare.faces import SCHEMES, canonical_frame, face_attributes, make_landmarks, mesh_frame, orl_landmarks
from salcompare.faces.frame import FEWEST, Frame, doubled_areas
from salcompare.faces.schemes import Scheme, place_centres
from salcompare.faces.warp import (
    frame_grid,
    frame_places,
    grid_table,
    locate,
    photograph_corners,
    pixel_centres,
    sample,
    seen_places,
)

FRAME, ORL = mesh_frame(), orl_landmarks()
FACES = ORL.to_numpy()
SCALE = 32
FAR = 10_000  # pixels from a photograph's edges


def named_faces(points: int, *, axes: int = 3, eyes: bool = True) -> xr.DataArray:
    """Landmarks of ORL faces by a scheme of the user's: some of the mesh's points, and places that have names."""
    places = ("left_eye", "right_eye", "left_mouth", "right_mouth")
    few = FRAME.pairs[np.linspace(0, 467, 400).astype(int)]
    chosen = np.unique(np.concatenate([few[:points], FRAME.pairs[few[:points]]]))
    values = np.concatenate([FACES[:, chosen], place_centres(ORL, places).to_numpy()], axis=1)[:60, :, :axes]
    names = [f"p{at}" for at in chosen] + (list(places) if eyes else [f"q{at}" for at in range(4)])
    scheme = Scheme("named", tuple(names), {name: (name,) for name in names})
    return make_landmarks(values, ORL.image.to_numpy()[:60].tolist(), scheme, source="test")


def mirrored(frame: Frame) -> np.ndarray:
    """Which corner is the mirror image of each."""
    return np.abs(frame.corners[:, np.newaxis] - frame.corners * [-1, 1]).sum(axis=2).argmin(axis=1)


def places_of(face: np.ndarray, size: tuple[int, int] = (FAR, FAR), frame: Frame = FRAME,
              scale: float = SCALE) -> np.ndarray:
    corners, iods = photograph_corners(frame, face[np.newaxis])
    return seen_places(frame, corners[0], float(iods[0]), size, scale=scale)


IBUG = (162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389, 71, 63, 105, 66, 107, 336,
        296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305, 33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373,
        380, 61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87)
"""The mesh's points nearest to the 68 of iBUG."""
PLANE = canonical_frame(make_landmarks(FACES[:, IBUG, :2], ORL.image.to_numpy().tolist(), SCHEMES["68"], source="test"))


@pytest.mark.parametrize("frame", [FRAME, PLANE, canonical_frame(named_faces(40))], ids=["468", "68", "named"])
def test_a_frame_is_its_own_mirror_image(frame):
    mirror = np.where(np.arange(frame.shape.shape[1]) == 0, -1, 1)
    assert frame.pairs[frame.pairs].tolist() == list(range(len(frame.points)))
    np.testing.assert_array_equal(frame.shape[frame.pairs] * mirror, frame.shape)
    np.testing.assert_allclose(frame.corners[mirrored(frame)] * [-1, 1], frame.corners, atol=1e-12)
    assert frame.n_mesh
    for triangles in (frame.triangles[:frame.n_mesh], frame.triangles[frame.n_mesh:]):
        turned = Counter(tuple(sorted(one)) for one in triangles.tolist())
        assert turned == Counter(tuple(sorted(one)) for one in mirrored(frame)[triangles].tolist())
        assert max(turned.values()) == 1


@pytest.mark.parametrize("frame", [FRAME, PLANE], ids=["468", "68"])
def test_triangles_neither_fold_nor_overlap_nor_leave_gaps(frame):
    areas = doubled_areas(frame.corners, frame.triangles)
    assert areas.min() > 0
    x, y = frame.ring.T
    outline = abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum())
    np.testing.assert_allclose(areas.sum(), outline, rtol=1e-12)
    sides = Counter(frozenset((a, b)) for one in frame.triangles.tolist() for a, b in zip(one, one[1:] + one[:1],
                                                                                          strict=True))
    outer = {side for side, times in sides.items() if times == 1}
    assert set(sides.values()) == {1, 2}
    assert len(outer) == len(frame.border)
    assert min(min(side) for side in outer) >= len(frame.points)
    mesh = frame.triangles[:frame.n_mesh]
    at_edge = np.isin(mesh, frame.border).sum(axis=1) >= 2
    corners = frame.corners[mesh[at_edge]]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    assert (areas[:frame.n_mesh][at_edge] > 0.05 * longest**2).all()


def test_the_mesh_is_nearly_symmetrical_level_and_of_unit_distance_between_the_eyes():
    places = SCHEMES["468"].places
    left, right = (FRAME.shape[[FRAME.points.index(point) for point in places[eye]]].mean(axis=0)
                   for eye in ("left_eye", "right_eye"))
    np.testing.assert_allclose(left, [-0.5, 0, 0], atol=1e-6)
    np.testing.assert_allclose(right, [0.5, 0, 0], atol=1e-6)
    eyes = place_centres(ORL, ("left_eye", "right_eye")).to_numpy()
    assert FRAME.asymmetry * np.linalg.norm(eyes[:, 1] - eyes[:, 0], axis=1).mean() < 0.2  # pixels of 112
    assert len(FRAME.points) == 468
    assert (FRAME.pairs == np.arange(468)).sum() == 28
    for name, other in (("left_brow", "right_brow"), ("left_mouth", "right_mouth")):
        assert {str(FRAME.pairs[int(point)]) for point in places[name]} == set(places[other])


def test_points_are_known_by_their_names_in_any_order():
    order = np.random.default_rng(3).permutation(ORL.sizes["point"])
    assert canonical_frame(ORL.isel(point=order, image=slice(40))) is FRAME


def test_irises_are_not_in_the_frame():
    irises = np.concatenate([FACES[:3], FACES[:3, :10]], axis=1)
    assert canonical_frame(make_landmarks(irises, ["a", "b", "c"], SCHEMES["478"], source="test")) is FRAME


def test_few_points_make_a_similarity_only():
    for landmarks in (place_centres(ORL, ("left_eye", "right_eye")), named_faces(4)):
        frame = canonical_frame(landmarks)
        assert len(frame.points) < FEWEST
        assert not frame.n_mesh
        assert frame.shape.shape[1] == 2
    eyes = canonical_frame(place_centres(ORL, ("left_eye", "right_eye")))
    np.testing.assert_allclose(eyes.shape, [[-0.5, 0], [0.5, 0]])
    face = np.array([[10.0, 20.0], [30.0, 20.0]])
    places = places_of(face, (40, 40), eyes, 20).reshape(2, *frame_grid(eyes, 20).size)
    row, column = (int(at) for at in frame_grid(eyes, 20).middle[::-1])
    np.testing.assert_allclose(places[:, row, column], [20.5, 20.5])
    assert np.isnan(places[:, :, 0]).all()  # off the photograph


def test_what_makes_no_frame_is_one_clear_error():
    with pytest.raises(InputError, match="points of a scheme without both eyes"):
        canonical_frame(named_faces(30, eyes=False).isel(point=slice(64)))
    with pytest.raises(InputError, match="no photograph has a face"):
        canonical_frame(named_faces(30) * np.nan)


@given(st.integers(0, 399), st.floats(-0.4, 0.4), st.floats(0.7, 1.5))
def test_an_affine_face_is_warped_exactly(at, shear, scale):
    matrix = np.array([[scale, shear], [0.1, 1.2]])
    face = FRAME.shape[:, :2] @ matrix.T * 30 + (80 + at, 90)
    table = grid_table(FRAME, SCALE)
    on_mesh = table.triangles < FRAME.n_mesh
    grid = frame_grid(FRAME, SCALE)
    pixels = pixel_centres(grid.size)[:, table.places[on_mesh]]
    centres = (pixels - np.array(grid.middle)[:, np.newaxis]) / SCALE
    wanted = matrix @ centres * 30 + np.array([[80 + at], [90]])
    np.testing.assert_allclose(places_of(face)[:, on_mesh], wanted, atol=1e-9)
    back = frame_places(FRAME, photograph_corners(FRAME, face[np.newaxis])[0][0], wanted[:, ::37])
    np.testing.assert_allclose(back, centres[:, ::37], atol=1e-9)


def test_places_are_those_of_matplotlib_and_scikit_image():
    face = FACES[27, :, :2] * 2
    corners = photograph_corners(FRAME, face[np.newaxis])[0][0]
    grid, table = frame_grid(FRAME, SCALE), grid_table(FRAME, SCALE)
    frame = grid.pixels(FRAME.corners.T)
    moved = places_of(face)
    centres = pixel_centres(grid.size)[:, table.places]
    seen = np.isfinite(moved[0])
    for axis in (0, 1):
        theirs = LinearTriInterpolator(Triangulation(*frame, FRAME.triangles), corners[:, axis])(*centres)
        np.testing.assert_allclose(moved[axis, seen], theirs[seen], atol=1e-9)
    # scikit-image triangulates all corners anew: compared is what both have on a triangle of the same corners.
    transform = PiecewiseAffineTransform.from_estimate(frame.T - 0.5, corners - 0.5)
    simplices = transform._tesselation.simplices[transform._tesselation.find_simplex(centres.T - 0.5)]
    same = (np.sort(simplices) == np.sort(FRAME.triangles[table.triangles])).all(axis=1)
    picture = np.random.default_rng(0).random((224, 184))
    theirs = warp(picture, transform, output_shape=grid.size, order=1, mode="edge").ravel()[table.places]
    both = same & seen
    assert both.mean() > 0.6
    np.testing.assert_allclose(sample(picture, moved[:, both]), theirs[both], rtol=0, atol=1e-12)


def test_of_the_demo_little_of_the_face_is_not_seen_and_more_beyond_the_head():
    table = grid_table(FRAME, SCALE)
    on_mesh = table.triangles < FRAME.n_mesh
    unseen = np.array([np.isnan(places_of(face, (112, 92))[0, on_mesh]).mean() for face in FACES])
    assert 0.005 < unseen.mean() < 0.015
    assert unseen.max() < 0.1
    yaw = np.abs(face_attributes(ORL).yaw.to_numpy())
    assert np.corrcoef(yaw, unseen)[0, 1] > 0.7
    assert unseen[yaw < 5].mean() < 0.005


def turned_faces() -> list[np.ndarray]:
    """The two most turned heads of the demo, and the frame itself turned by 50 degrees, in large pictures."""
    yaw = np.radians(50)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    orl = FACES[np.argsort(face_attributes(ORL).yaw.to_numpy())[[0, -1]]]
    return [face + np.array([FAR / 2, FAR / 2, 0]) for face in (*orl, 40 * FRAME.shape @ turn.T)]


@pytest.mark.parametrize(("face", "least"), list(zip(turned_faces(), (0.001, 0.001, 0.02), strict=True)),
                         ids=["to one side", "to the other", "by 50 degrees"])
def test_what_is_hidden_is_what_a_depth_buffer_hides(face, least):
    """The buffer here is of all triangles, in pixels of 1/100 of an inter-ocular distance, whose edges may differ."""
    table = grid_table(FRAME, SCALE)
    corners, iod = (one[0] for one in photograph_corners(FRAME, face[np.newaxis]))
    places = table.weights @ corners
    fine = np.column_stack([(corners[:, :2] - corners[:, :2].min(axis=0)) * 100 / iod, corners[:, 2]])
    size = tuple(np.ceil(fine[:, 1::-1].max(axis=0)).astype(int) + 1)
    front = locate(pixel_centres(size), fine, FRAME.triangles[:FRAME.n_mesh])
    depth = np.full(size, np.inf)
    depth.ravel()[front.places] = front.weights @ fine[:, 2]
    column, row = ((places[:, :2] - corners[:, :2].min(axis=0)) * 100 / iod).astype(int).T
    turned = (doubled_areas(corners, FRAME.triangles) <= 0)[table.triangles]
    behind = ~turned & (places[:, 2] > depth[row, column] + 0.15 * iod)
    on_mesh = table.triangles < FRAME.n_mesh
    ours = np.isnan(places_of(face)[0])
    assert behind[on_mesh].mean() > least
    assert (ours != (behind | turned))[on_mesh].mean() < 0.004
    both = locate(pixel_centres(size), fine, FRAME.triangles, n_front=FRAME.n_mesh)
    assert (both.triangles[np.isin(both.places, front.places)] < FRAME.n_mesh).all()  # the ring hides nothing


def test_a_frame_that_is_made_anew_is_the_same():
    one, again = (canonical_frame(named_faces(60, axes=2)) for _ in range(2))
    np.testing.assert_array_equal(again.triangles, one.triangles)
    np.testing.assert_array_equal(again.shape, one.shape)


def test_the_ring_of_68_points_holds_the_forehead_between_the_brows():
    """The mesh's edge dips there to the bridge of the nose."""
    grid = frame_grid(PLANE, SCALE)
    on = np.zeros(grid.height * grid.width, bool)
    on[grid_table(PLANE, SCALE).places] = True
    column = on.reshape(grid.size)[:, grid.width // 2]
    assert column[2:-2].all()
    assert PLANE.source == "the mean of 400 faces of the study"
