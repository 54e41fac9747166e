"""Which points of a face a set of landmarks has, and the same few places out of any set.

Landmarks are a DataArray "landmarks" (image, point, axis), axis x, y and perhaps z, in natural pixels of the
photograph: the first pixel's centre is 0.5. Where no face was found, or several, all is NaN, and the coordinate
`n_faces` of the image says which. *Left* is the viewer's left throughout, the side of small x; MediaPipe, dlib and
WFLW call it the person's right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem

AXES = ("x", "y", "z")
EXAMPLES = 10  # photographs named in a line
EYES = ("left_eye", "right_eye")
FIVE = ("left_eye", "right_eye", "nose_tip", "left_mouth", "right_mouth")
"""The five points of MTCNN, RetinaFace and ArcFace."""
DLIB_FIVE = ("right_eye_outer", "right_eye_inner", "left_eye_outer", "left_eye_inner", "nose_base")
"""The five points of dlib, in its order."""
OTHER = 0.5
"""A second face in a photograph counts where it is at least such a share of the size of the largest."""
CORNERS = {side: (f"{side}_outer", f"{side}_inner") for side in EYES}


@dataclass(frozen=True)
class Scheme:
    """A set of points that landmarks may have.

    Attributes
    ----------
    name : str
    points : tuple of str
        Their names, in order; numbers from 0 where they have none.
    places : mapping
        A place of the face, such as ``left_eye`` -> the points whose mean it is, or that outline it.
    """

    name: str
    points: tuple[str, ...]
    places: Mapping[str, tuple[str, ...]]


def _numbered(name: str, count: int, **places: Sequence[int]) -> Scheme:
    return Scheme(name, tuple(map(str, range(count))),
                  {place: tuple(map(str, numbers)) for place, numbers in places.items()})


def _named(name: str, points: Sequence[str], **more: tuple[str, ...]) -> Scheme:
    return Scheme(name, tuple(points), {point: (point,) for point in points} | more)


_MESH: dict[str, Sequence[int]] = {
    "left_eye": (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    "right_eye": (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
    "left_eye_outer": (33,), "left_eye_inner": (133,), "right_eye_inner": (362,), "right_eye_outer": (263,),
    "left_brow": (70, 63, 105, 66, 107, 55, 65, 52, 53, 46),
    "right_brow": (300, 293, 334, 296, 336, 285, 295, 282, 283, 276),
    "nose_tip": (4,), "nose_base": (2,), "left_mouth": (61,), "right_mouth": (291,),
    "upper_lip": (13,), "lower_lip": (14,),
    "face_oval": (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148,
                  176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)}

SCHEMES = {scheme.name: scheme for scheme in (
    _named("eyes", EYES),
    _named("five", FIVE),
    _named("dlib5", DLIB_FIVE, **CORNERS),
    _numbered("68", 68, left_eye=range(36, 42), right_eye=range(42, 48), left_eye_outer=(36,), left_eye_inner=(39,),
              right_eye_inner=(42,), right_eye_outer=(45,), left_brow=range(17, 22), right_brow=range(22, 27),
              nose_tip=(30,), nose_base=(33,), left_mouth=(48,), right_mouth=(54,), upper_lip=(62,), lower_lip=(66,),
              face_oval=range(17)),
    _numbered("98", 98, left_eye=range(60, 68), right_eye=range(68, 76), left_eye_outer=(60,), left_eye_inner=(64,),
              right_eye_inner=(68,), right_eye_outer=(72,), left_brow=range(33, 42), right_brow=range(42, 51),
              nose_tip=(54,), nose_base=(57,), left_mouth=(76,), right_mouth=(82,), upper_lip=(90,), lower_lip=(94,),
              face_oval=range(33), left_pupil=(96,), right_pupil=(97,)),
    _numbered("468", 468, **_MESH),
    _numbered("478", 478, **_MESH, left_pupil=(468,), right_pupil=(473,)))}
"""Two eye centres; five points, two ways; iBUG's 68 and WFLW's 98; MediaPipe's mesh without and with irises."""
_COUNTED = {2: ("eyes",), 5: ("five", "dlib5"), 68: ("68",), 98: ("98",), 468: ("468",), 478: ("478",)}


def scheme_of(landmarks: xr.DataArray) -> Scheme:
    """Give the scheme that landmarks name in their attribute `scheme`; one of the user's names is made from them."""
    name = str(landmarks.attrs.get("scheme", ""))
    return SCHEMES[name] if name in SCHEMES else _user_scheme(landmarks.point.to_numpy().tolist())


def _user_scheme(points: Sequence[str]) -> Scheme:
    corners = {place: pair for place, pair in CORNERS.items() if set(pair) <= set(points)}
    return Scheme("named", tuple(points), corners | {point: (point,) for point in points})


def recognise_scheme(points: Sequence[str], values: NDArray[np.floating], *, where: str) -> Scheme:
    """Tell a scheme from the names of its points, or from their number where they are numbered from 0 or 1.

    Of five numbered points, their places `values` (image, point, axis) tell dlib's, which begin at the right. The error
    names `where`: points of no known number, or no names that are known, or fewer than two.
    """
    if len(points) < 2:
        raise InputError(Problem(where, f"{len(points)} point a face", "two at least, such as the eyes",
                                 "give more points"))
    if not all(point.isdecimal() for point in points):
        return _recognise_named(points, where)
    names = _COUNTED.get(len(points), ())
    numbers = sorted(map(int, points))
    if not names or numbers not in (list(range(len(points))), list(range(1, len(points) + 1))):
        raise InputError(Problem(where, f"{len(points)} numbered points, {numbers[0]} to {numbers[-1]}",
                                 f"{', '.join(map(str, _COUNTED))} of them, numbered from 0 or 1",
                                 "name the points: " + ", ".join(FIVE)))
    if len(names) == 1:
        return SCHEMES[names[0]]
    at = np.argsort([int(point) for point in points])
    rightwards = np.nanmedian(values[:, at[1], 0] - values[:, at[0], 0])
    return SCHEMES[names[0] if rightwards > 0 else names[1]]


def _recognise_named(points: Sequence[str], where: str) -> Scheme:
    for scheme in SCHEMES.values():
        if set(points) == set(scheme.points):
            return scheme
    known = {place for scheme in SCHEMES.values() for place in scheme.places}
    if not known & set(points):
        raise InputError(Problem(where, f"points {', '.join(map(repr, points[:3]))}, ... of no scheme that is known",
                                 f"names such as {', '.join(FIVE)}, or numbers from 0",
                                 "rename them; left is the viewer's left"))
    return _user_scheme(points)


def place_points(landmarks: xr.DataArray, place: str) -> xr.DataArray:
    """Select the points of a place of the face, such as ``left_eye`` or ``face_oval``: (image, point, axis).

    Raises `InputError` where the scheme has none.
    """
    scheme = scheme_of(landmarks)
    if place not in scheme.places:
        raise InputError(Problem("landmarks", f"scheme {scheme.name!r} has no point for {place}",
                                 "one of " + ", ".join(scheme.places), "give landmarks that have it"))
    return landmarks.sel(point=list(scheme.places[place]))


def has_places(landmarks: xr.DataArray, places: Sequence[str]) -> bool:
    """Say whether landmarks have points for all these places of the face."""
    return set(places) <= set(scheme_of(landmarks).places)


def place_centres(landmarks: xr.DataArray, places: Sequence[str]) -> xr.DataArray:
    """Give one point for each place of the face, the mean of its points.

    Parameters
    ----------
    landmarks : DataArray (image, point, axis)
        Of any scheme.
    places : sequence of str
        Such as `EYES`, `FIVE` or `DLIB_FIVE`.

    Returns
    -------
    DataArray (image, point, axis)
        `point` holds the places' names. NaN where there is no face.

    Raises
    ------
    InputError
        Where the scheme has no point for one of them.
    """
    centres = [place_points(landmarks, place).mean("point", skipna=False) for place in places]
    joined: xr.DataArray = xr.concat(centres, pd.Index(places, name="point"), coords="minimal", compat="override")
    return joined.transpose("image", "point", "axis").assign_attrs(landmarks.attrs, scheme="named")


def eye_centres(landmarks: xr.DataArray) -> xr.DataArray:
    """Centres of the left and right eye, the means of the rings of points around them: (image, 2, axis).

    Where a scheme has the corners only, their middle. The error is `place_centres`'s.
    """
    return place_centres(landmarks, EYES)


def five_points(landmarks: xr.DataArray) -> xr.DataArray:
    """Eye centres, tip of the nose and corners of the mouth, left before right: (image, 5, axis).

    dlib's five points have no mouth: the error is `place_centres`'s; `DLIB_FIVE` are theirs.
    """
    return place_centres(landmarks, FIVE)


def make_landmarks(values: NDArray[np.floating], images: Sequence[str], scheme: Scheme, *, source: str,
                   n_faces: NDArray[np.integer] | None = None, **attrs: str) -> xr.DataArray:
    """Label landmarks: values (image, point, axis) in pixels, points in the scheme's order, NaN where there is no face.

    Parameters
    ----------
    values, images, scheme
        Two or three axes; the images' names.
    source : str
        Where they come from, in words.
    n_faces : array (image), optional
        Faces in the photograph; by default 1 where there are landmarks and else 0.
    **attrs : str
        More to be known of them, such as the version of the model.
    """
    counts = np.isfinite(values).all(axis=(1, 2)).astype(int) if n_faces is None else n_faces
    return xr.DataArray(
        np.asarray(values, np.float64), dims=("image", "point", "axis"), name="landmarks",
        coords={"image": list(images), "point": list(scheme.points), "axis": list(AXES[:values.shape[2]]),
                "n_faces": ("image", counts)},
        attrs={"scheme": scheme.name, "source": source,
               "unit": "pixels of the photograph, the first one's centre at 0.5", **attrs})


def only_face(faces: Sequence[NDArray[np.float64]], shape: tuple[int, ...]) -> tuple[NDArray[np.float64], int]:
    """Give a photograph's one face (point, axis), NaN of that shape where there is none or there are several (`OTHER`).

    Also gives how many there are.
    """
    sizes = [float(np.ptp(face[:, :2], axis=0).max()) for face in faces]
    n_faces = sum(size >= OTHER * max(sizes) for size in sizes)
    return faces[int(np.argmax(sizes))] if n_faces == 1 else np.full(shape, np.nan), n_faces


def described_faces(landmarks: xr.DataArray) -> list[str]:
    """Say of how many photographs there are landmarks, and name those without a face and those with several."""
    counts = landmarks.n_faces
    lines = [f"landmarks of {int((counts == 1).sum()):,} of {counts.size:,} photographs"]
    for what, which in (("no face", counts == 0), ("several faces", counts > 1)):
        names = landmarks.image.to_numpy()[which.to_numpy()].tolist()
        if names:
            some = ", ".join(names[:EXAMPLES]) + (", ..." if len(names) > EXAMPLES else "")
            lines.append(f"{what} in {len(names):,}: {some}")
    return lines
