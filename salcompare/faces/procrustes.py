"""Procrustes analysis of landmarks: similarities between shapes, their mean, and how a face is turned.

Axes are x to the right, y down and z away from the viewer, a right-handed frame.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.faces.schemes import EYES, place_centres

MOUTH = ("left_mouth", "right_mouth")
_ROUNDS, _CLOSE = 100, 1e-10
Array = NDArray[np.float64]


class Similarity(NamedTuple):
    """Similarities ``y = scale * rotation @ x + shift`` of shapes (n, point, axis), and how well they fit.

    `residual` (n) is the sum of squared distances left over that of the shapes about their centres, from 0 to 1.
    """

    rotation: Array  # (n, axis, axis)
    scale: Array  # (n)
    shift: Array  # (n, axis)
    residual: Array  # (n)


def fit_similarity(shape: Array, onto: Array) -> Similarity:
    """Fit a shape (point, axis) to each of several (n, point, axis) by least squares, without mirroring.

    NaN for those that hold NaN, or whose points are all in one place.

    References
    ----------
    Umeyama (1991), doi:10.1109/34.88573
    """
    middle, middles = shape.mean(axis=0), onto.mean(axis=1)
    centred, others = shape - middle, onto - middles[:, None]
    energy, energies = (centred**2).sum(), (others**2).sum(axis=(1, 2))
    usable = np.isfinite(energies) & (energies > 0)
    covariance = np.where(usable[:, None, None], np.einsum("npi,pj->nij", others, centred), 0.0)
    left, spread, right = np.linalg.svd(covariance)
    spread[:, -1] *= np.sign(np.linalg.det(left) * np.linalg.det(right))  # a rotation, not a mirror
    left[:, :, -1] *= np.sign(np.linalg.det(left) * np.linalg.det(right))[:, None]
    rotation = np.where(usable[:, None, None], left @ right, np.nan)
    scale = np.where(usable, spread.sum(axis=1) / energy, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        residual = np.clip(np.round(1 - scale**2 * energy / energies, 12), 0, 1)  # less is rounding
    return Similarity(rotation, scale, middles - scale[:, None] * (rotation @ middle), residual)


def mean_shape(landmarks: xr.DataArray) -> xr.DataArray:
    """Generalised Procrustes mean of faces, upright and in inter-ocular distances.

    Parameters
    ----------
    landmarks : DataArray (image, point, axis)
        Of a scheme with eyes, in three dimensions with corners of the mouth too. Photographs without a face are passed
        over.

    Returns
    -------
    DataArray (point, axis)
        The middle between the eyes is the origin, their distance 1 and their line the x axis; in space the middle
        between the corners of the mouth is as deep as they are. NaN where no photograph has a face.

    References
    ----------
    Gower (1975), doi:10.1007/BF02291478
    """
    return _upright(landmarks.isel(image=0, drop=True).copy(data=procrustes_mean(landmarks.to_numpy())))


def misfits(landmarks: xr.DataArray) -> xr.DataArray:
    """Share of each face's spread about its centre that a similarity of the mean shape leaves.

    Parameters
    ----------
    landmarks : DataArray (image, point, axis)
        Of any scheme.

    Returns
    -------
    DataArray (image)
        From 0 to 1; 0 for all where there are two points in the plane. NaN where there is no face.
    """
    shapes = landmarks.to_numpy()
    return xr.DataArray(fit_similarity(procrustes_mean(shapes), shapes).residual, {"image": landmarks.image.to_numpy()},
                        ("image",), "misfit")


def procrustes_mean(shapes: Array) -> Array:
    """Generalised Procrustes mean (point, axis) of shapes (n, point, axis), turned as the first; NaN without any."""
    shapes = shapes[np.isfinite(shapes).all(axis=(1, 2))]
    shapes = shapes - shapes.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):  # of points that are all in one place
        shapes = shapes / np.sqrt((shapes**2).sum(axis=(1, 2), keepdims=True))
    shapes = shapes[np.isfinite(shapes).all(axis=(1, 2))]
    mean: Array = shapes[0] if len(shapes) else np.full(shapes.shape[1:], np.nan)
    for _ in range(_ROUNDS if len(shapes) else 0):
        turned = np.swapaxes(fit_similarity(mean, shapes).rotation, 1, 2)  # back onto the mean
        better = np.einsum("nij,npj->pi", turned, shapes)
        better /= np.sqrt((better**2).sum())
        change, mean = np.abs(better - mean).max(), better
        if change < _CLOSE:
            break
    return mean


def _upright(shape: xr.DataArray) -> xr.DataArray:
    face = shape.expand_dims("image")
    left, right = place_centres(face, EYES)[0].to_numpy()
    across, middle = right - left, (left + right) / 2
    with np.errstate(invalid="ignore"):  # a face whose eyes are in one place has no frame
        x = across / np.linalg.norm(across)
        if len(x) == 2:
            axes = np.array([x, [-x[1], x[0]]])
        else:
            down = place_centres(face, MOUTH)[0].mean("point").to_numpy() - middle
            down = down - (down @ x) * x
            y = down / np.linalg.norm(down)
            axes = np.stack([x, y, np.cross(x, y)])
    return shape.copy(data=(shape.to_numpy() - middle) @ axes.T / np.linalg.norm(across))


def turn_of(rotation: Array) -> Array:
    """Yaw, pitch and roll (n, 3) in degrees of rotations (n, 3, 3) of an upright face.

    Yaw is positive where the nose points to the viewer's right, pitch where it points up, roll where the face is turned
    clockwise as the viewer sees it. The face is first pitched, then yawed, then rolled, about the viewer's axes.
    """
    yaw = np.arcsin(np.clip(rotation[:, 2, 0], -1, 1))
    pitch = -np.arctan2(rotation[:, 2, 1], rotation[:, 2, 2])
    roll = np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])
    return np.asarray(np.degrees(np.stack([yaw, pitch, roll], axis=1)))
