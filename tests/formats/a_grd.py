"""Builders of Sentinel-1 products in the layout of SAFE: tables of a few vectors, images of some hundred pixels."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.io import MemoryFile

from swath.core.array import Array

#: Pixels of the image, (lines, samples), and corner of the first one.
SHAPE, LON, LAT = (120, 160), 11.0, 46.0
#: Ellipsoidal angle of incidence [degrees] at the first and last pixel.
NEAR, FAR = 30.0, 46.0


def _xml(root: str, header: str, body: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><{root}><adsHeader>{header}</adsHeader>{body}</{root}>'


def _line(numbers: Array) -> str:
    return " ".join(f"{n:.6e}" if n % 1 else f"{n:.0f}" for n in numbers)


def header(polarisation: str, *, kind: str = "GRD", orbit: int = 39156, mission: str = "S1A") -> str:
    """Header of an annotation."""
    return (
        f"<missionId>{mission}</missionId><productType>{kind}</productType><polarisation>{polarisation}</polarisation>"
        f"<mode>IW</mode><startTime>2021-08-09T17:39:53.153776</startTime>"
        f"<absoluteOrbitNumber>{orbit}</absoluteOrbitNumber>"
    )


def incidence(pixels: Array, width: int = SHAPE[1]) -> Array:
    """Angle [radians] at pixels."""
    return np.deg2rad(NEAR + (FAR - NEAR) * pixels / (width - 1))


def calibration_xml(
    polarisation: str,
    *,
    lines: Sequence[int] = (0, 60, 130),
    beta: float = 474.0,
    drift: float = 1e-3,
    width: int = SHAPE[1],
) -> str:
    """Tables that keep A_beta^2 / A_sigma^2 = sin and A_gamma^2 / A_sigma^2 = cos of the incidence.

    A grows by the share `drift` a line; ESA's, as far as they were seen, do not change.
    """
    pixels = np.array([*range(0, width, 40), width - 1], float)
    theta, vectors = incidence(pixels, width), ""
    for line in lines:
        flat = np.full(pixels.size, beta * (1 + line * drift))
        sigma = flat / np.sqrt(np.sin(theta))
        tables = {"sigmaNought": sigma, "betaNought": flat, "gamma": sigma * np.sqrt(np.cos(theta))}
        held = "".join(f"<{name}>{_line(values)}</{name}>" for name, values in tables.items())
        vectors += f"<calibrationVector><line>{line}</line><pixel>{_line(pixels)}</pixel>{held}</calibrationVector>"
    body = f"<calibrationVectorList>{vectors}</calibrationVectorList>"
    return _xml("calibration", header(polarisation), body)


def noise_xml(polarisation: str, *, power: float = 900.0, form: str = "new", shape: tuple[int, int] = SHAPE) -> str:
    """Noise of either generation: `old`, `new`, `stripmap` (no block) or `single` (blocks of one number)."""
    ranged = ""
    for line, pixels in ((0, [0, 80, shape[1] - 1]), (100, [0, shape[1] - 1])):  # of differing length
        at, lut = np.array(pixels, float), np.full(len(pixels), power + line)
        name, tag = ("noiseLut", "noiseVector") if form == "old" else ("noiseRangeLut", "noiseRangeVector")
        ranged += f"<{tag}><line>{line}</line><pixel>{_line(at)}</pixel><{name}>{_line(lut)}</{name}></{tag}>"
    if form == "old":
        return _xml("noise", header(polarisation), f"<noiseVectorList>{ranged}</noiseVectorList>")
    blocks = ""
    if form != "stripmap":
        for first, last, factor in ((0, 79, 1.0), (80, shape[1] - 1, 1.5)):
            lines, values = ("0", f"{factor}") if form == "single" else ("0 119", f"{factor} {factor + 0.1}")
            blocks += (
                f"<noiseAzimuthVector><swath>IW</swath><firstAzimuthLine>0</firstAzimuthLine>"
                f"<firstRangeSample>{first}</firstRangeSample><lastAzimuthLine>{shape[0] - 1}</lastAzimuthLine>"
                f"<lastRangeSample>{last}</lastRangeSample><line>{lines}</line>"
                f"<noiseAzimuthLut>{values}</noiseAzimuthLut></noiseAzimuthVector>"
            )
    body = f"<noiseRangeVectorList>{ranged}</noiseRangeVectorList>"
    body += f"<noiseAzimuthVectorList>{blocks}</noiseAzimuthVectorList>"
    return _xml("noise", header(polarisation), body)


def points(shape: tuple[int, int] = SHAPE) -> list[tuple[int, int, float, float, float, float]]:
    """Line, pixel, longitude, latitude, height and incidence of 3 x 3 points; one of them stands on a hill."""
    made = []
    for line in (0, 60, shape[0] - 1):
        for pixel in (0, 80, shape[1] - 1):
            height = 500.0 if (line, pixel) == (shape[0] - 1, shape[1] - 1) else 100.0
            theta = float(np.rad2deg(incidence(np.array([pixel]), shape[1])[0]))
            made.append((line, pixel, LON + pixel * 1.3e-4, LAT - line * 9e-5, height, theta))
    return made


def annotation_xml(
    polarisation: str,
    *,
    removed: str = "false",
    kind: str = "GRD",
    orbit: int = 39156,
    shape: tuple[int, int] = SHAPE,
) -> str:
    """Annotation of an image, of what is read only."""
    grid = "".join(
        f"<geolocationGridPoint><line>{line}</line><pixel>{pixel}</pixel><latitude>{lat}</latitude>"
        f"<longitude>{lon}</longitude><height>{height}</height><incidenceAngle>{theta}</incidenceAngle>"
        "</geolocationGridPoint>"
        for line, pixel, lon, lat, height, theta in points(shape)
    )
    body = (
        "<generalAnnotation><productInformation><pass>Ascending</pass></productInformation></generalAnnotation>"
        f"<imageAnnotation><imageInformation><numberOfSamples>{shape[1]}</numberOfSamples>"
        f"<numberOfLines>{shape[0]}</numberOfLines><rangePixelSpacing>10.0</rangePixelSpacing>"
        "<azimuthPixelSpacing>10.0</azimuthPixelSpacing></imageInformation><processingInformation>"
        f"<thermalNoiseCorrectionPerformed>{removed}</thermalNoiseCorrectionPerformed></processingInformation>"
        f"</imageAnnotation><geolocationGrid><geolocationGridPointList>{grid}</geolocationGridPointList></geolocationGrid>"
    )
    return _xml("product", header(polarisation, kind=kind, orbit=orbit), body)


def amplitude(polarisation: str, shape: tuple[int, int] = SHAPE) -> Array:
    """Amplitude, uint16: 60 to 300, no data in the first 4 columns; VH lower than VV."""
    rng = np.random.default_rng(len(polarisation) + ord(polarisation[1]))
    made = rng.integers(60, 300, shape) // (1 if polarisation in ("VV", "HH") else 2)
    made[:, :4] = 0
    return np.asarray(made.astype(np.uint16))


def measurement(data: Array, shape: tuple[int, int] = SHAPE) -> bytes:
    """Bytes of a TIFF with control points and no transform."""
    gcps = [GroundControlPoint(line, pixel, lon, lat, z) for line, pixel, lon, lat, z, _ in points(shape)]
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 1, "height": data.shape[0], "width": data.shape[1]}
    with MemoryFile() as memory:
        with memory.open(**profile, gcps=gcps, crs=rasterio.crs.CRS.from_epsg(4326)) as file:
            file.write(data, 1)
        return bytes(memory.read())


def a_grd(
    folder: Path,
    *,
    polarisations: Sequence[str] = ("VV", "VH"),
    ipf: str = "003.31",
    noise: str = "new",
    power: float = 900.0,
    removed: str = "false",
    kind: str = "GRD",
    orbit: tuple[int, int] = (39156, 59),
    images: dict[str, Array] | None = None,
    name: str = "S1A_IW_GRDH_1SDV_20210809T173953_20210809T174018_039156_049F13_6FF8",
    is_zip: bool = False,
    shape: tuple[int, int] = SHAPE,
    drift: float = 1e-3,
) -> Path:
    """Write a product; `noise` is a form of `noise_xml` or `none`, `images` replaces amplitudes by polarisation."""
    files: dict[str, bytes | str] = {
        "manifest.safe": (
            '<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1" xmlns:safe="http://www.esa.int/safe/sentinel-1.0" '
            'xmlns:s1="x"><safe:facility name="ESA"><safe:software name="Sentinel-1 IPF" '
            f'version="{ipf}"/></safe:facility><safe:relativeOrbitNumber type="start">{orbit[1]}'
            "</safe:relativeOrbitNumber></xfdu:XFDU>"
        )
    }
    for i, each in enumerate(polarisations, start=1):
        stem = f"s1a-iw-grd-{each.lower()}-20210809t173953-00{i}"
        files[f"annotation/{stem}.xml"] = annotation_xml(each, removed=removed, kind=kind, orbit=orbit[0], shape=shape)
        calibration = calibration_xml(each, drift=drift, width=shape[1])
        files[f"annotation/calibration/calibration-{stem}.xml"] = calibration
        if noise != "none":
            files[f"annotation/calibration/noise-{stem}.xml"] = noise_xml(each, power=power, form=noise, shape=shape)
        data = images[each] if images and each in images else amplitude(each, shape)
        files[f"measurement/{stem}.tiff"] = measurement(data, shape)
    if is_zip:
        with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as made:
            for at, blob in files.items():
                made.writestr(zipfile.ZipInfo(f"{name}.SAFE/{at}"), blob, zipfile.ZIP_DEFLATED)
        return folder / f"{name}.zip"
    for at, blob in files.items():
        path = folder / f"{name}.SAFE" / at
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blob.encode() if isinstance(blob, str) else blob)
    return folder / f"{name}.SAFE"
