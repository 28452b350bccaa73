"""Imaging: distortion, point spread, texture, clouds and speckle beside named library calls on the same work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from scipy import ndimage
from skimage.transform import PiecewiseAffineTransform, warp

from benchmarks.ratio import Row, row
from swath.core.array import Array
from swath.core.bands import S2_BANDS
from swath.imaging import CLOUDS, Extent, Kernel, Speckle, TangentialScale, aggregate, distort, field, majority
from swath.imaging.clouds import draw_clouds, overcast
from swath.imaging.distortion import positions
from swath.imaging.pointspread import sigma_of
from swath.imaging.shadows import Sun
from swath.imaging.speckle import speckle_factor
from swath.imaging.texture import covariance

__all__ = ["rows"]

SIDE = 1024
MTF = 0.26


def _affine_pieces(image: Array, cells: int) -> Array:
    """003's way: skimage's transform on the mesh, fitted and applied band by band, then cropped."""
    h, length = image.shape[-2:]
    nodes = np.linspace(0, length, cells + 1)
    rows, cols = np.meshgrid(np.linspace(0, h, cells + 1), nodes)
    moved = length / (1 + np.exp(-4 / length * (cols - length / 2)))
    pieces = PiecewiseAffineTransform.from_estimate(  # type: ignore[no-untyped-call]
        np.stack([moved.ravel(), rows.ravel()], axis=1) - 0.5, np.stack([cols.ravel(), rows.ravel()], axis=1) - 0.5
    )
    return np.stack([warp(band, pieces, order=1) for band in image])  # type: ignore[no-untyped-call]


def _remapped(image: Array) -> Array:
    """The bare resampling of the same positions by opencv."""
    where = positions(TangentialScale(interpolation="linear"), image.shape[-1]).astype(np.float32) - 0.5
    across = np.broadcast_to(where, (image.shape[-2], len(where))).copy()
    down = np.broadcast_to(np.arange(image.shape[-2], dtype=np.float32)[:, None], across.shape).copy()
    return np.stack([cv2.remap(band, across, down, cv2.INTER_LINEAR) for band in image])


def _filtered(image: Array, factor: int) -> Array:
    """Point spread at every fine pixel, then the area mean, both by opencv."""
    sigma = sigma_of(MTF) * factor
    size = image.shape[-1] // factor, image.shape[-2] // factor
    return np.stack(
        [cv2.resize(cv2.GaussianBlur(band, (0, 0), sigma), size, interpolation=cv2.INTER_AREA) for band in image]
    )


def _filtered_by_scipy(image: Array, factor: int) -> Array:
    """The same by scipy's filter and numpy's mean."""
    h, w = image.shape[-2] // factor, image.shape[-1] // factor
    blurred = ndimage.gaussian_filter(image, (0, sigma_of(MTF) * factor, sigma_of(MTF) * factor))
    return np.asarray(blurred.reshape(-1, h, factor, w, factor).mean(axis=(2, 4)))


def _kronecker(side: int, length: float) -> tuple[Array, np.random.Generator]:
    """003's factor: Cholesky of the kernel along one axis, with the jitter that it needs to exist at all."""
    lags = np.arange(side)[:, None] - np.arange(side)[None, :]
    factor = np.linalg.cholesky(covariance(Kernel("rbf", length), lags) + 1e-6 * np.eye(side))
    return factor, np.random.default_rng(0)


def rows(folder: Path) -> Iterator[Row]:
    """Measure; everything is float32 on one thread of our side."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    scene = rng.random((3, 256, 337), dtype=np.float32)
    options = TangentialScale(interpolation="linear", cells=6)
    pieces = "distortion 337 -> 256, 3 bands / skimage PiecewiseAffine"
    yield row(pieces, lambda: distort(scene, options), lambda: _affine_pieces(scene, 6), at_least=20, rounds=5)
    large = rng.random((3, SIDE, SIDE), dtype=np.float32)
    straight = TangentialScale(interpolation="linear")
    yield row(
        f"distortion {SIDE} px, 3 bands / bare cv2.remap", lambda: distort(large, straight), lambda: _remapped(large)
    )
    yield row(
        f"point spread + area mean by 2, {SIDE} px / scipy filter + mean",
        lambda: aggregate(large, (SIDE // 2, SIDE // 2), mtf=MTF),
        lambda: _filtered_by_scipy(large, 2),
        at_least=1.0,
    )
    for factor, bound in ((2, None), (6, 1.0)):
        yield row(
            f"point spread + area mean by {factor}, {SIDE} px / opencv both",
            lambda factor=factor: aggregate(large, (SIDE // factor, SIDE // factor), mtf=MTF),  # type: ignore[misc]
            lambda factor=factor: _filtered(large[:, : SIDE // factor * factor, : SIDE // factor * factor], factor),  # type: ignore[misc]
            at_least=bound,
        )
    labels = rng.integers(1, 129, (50, 50)).repeat(41, axis=0).repeat(41, axis=1)
    yield row(
        "labels by majority, 2,050 px -> 50 / one bincount",
        lambda: majority(labels, (50, 50)),
        lambda: _counted(labels),
    )
    for side in (256, SIDE):
        root, generator = _kronecker(side, 2.5)
        yield row(
            f"texture rbf 2.5, {side} px / Kronecker product of 003",
            lambda side=side: field(Kernel("rbf", 2.5), Extent(0, 0, side, side), stream=1),  # type: ignore[misc]
            lambda root=root, generator=generator: root @ generator.standard_normal(root.shape) @ root.T,  # type: ignore[misc]
            at_least=1.0,
        )
    extent = Extent(0, 0, SIDE, SIDE)
    yield row(
        f"speckle correlated, {SIDE} px / numpy gamma, white",
        lambda: speckle_factor(Speckle(), extent, stream=1),
        lambda: rng.gamma(4.4, 1 / 4.4, (SIDE, SIDE)),
    )
    ground = rng.random((13, SIDE, SIDE), dtype=np.float32)
    yield row(
        f"clouds with shadows, 13 bands, {SIDE} px / one numpy blend",
        lambda: overcast(ground, draw_clouds(CLOUDS["cumulus"], extent, bands=S2_BANDS, stream=1, sun=Sun(40, 150))),
        lambda: _blended(ground),
        items=13 * SIDE * SIDE,
        rounds=5,
    )


def _counted(labels: Array) -> Array:
    """The least that votes of 41 x 41 pixels cost."""
    cell = (np.arange(labels.shape[0]) // 41)[:, None] * 50 + (np.arange(labels.shape[1]) // 41)[None, :]
    votes = np.bincount((cell * 129 + labels).ravel(), minlength=50 * 50 * 129)
    return np.asarray(votes.reshape(50, 50, 129).argmax(axis=2))


def _blended(ground: Array) -> Array:
    """Three passes: what any blend of two images costs."""
    alpha = ground[0]
    return np.asarray((1 - alpha) * ground + alpha * np.float32(0.6))
