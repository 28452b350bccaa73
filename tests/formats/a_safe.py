"""Builders of Sentinel-2 products: a tile of some hundred pixels in the layout of SAFE, made from a seed."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

from swath.core.array import Array
from swath.core.bands import S2_BANDS, S2_L2A_BANDS

#: Upper-left corner of the tile, near Bolzano, on the 60 m lattice.
LEFT, TOP, EPSG = 680040, 5152200, 32632
NATIVE = {10: ("B02", "B03", "B04", "B08"), 20: ("B05", "B06", "B07", "B8A", "B11", "B12"), 60: ("B01", "B09", "B10")}
STEP = {band: gsd for gsd, bands in NATIVE.items() for band in bands}


def a_jp2(data: Array, gsd: float, *, corner: tuple[float, float] = (LEFT, TOP), epsg: int = EPSG) -> bytes:
    """Bytes of a lossless JPEG 2000 of shape (b, h, w)."""
    bands, height, width = data.shape
    profile = {"driver": "JP2OpenJPEG", "dtype": data.dtype.name, "count": bands, "height": height, "width": width}
    where = {"crs": f"EPSG:{epsg}", "transform": Affine(gsd, 0, corner[0], 0, -gsd, corner[1])}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.jp2")
        with rasterio.open(path, "w", **profile, **where, QUALITY="100", REVERSIBLE="YES", YCBCR420="NO") as file:
            file.write(data)
        return path.read_bytes()


def a_band(band: str, side: int, *, level: str = "L1C", added: int = 0, seed: int = 0) -> Array:
    """Digital numbers of one band, (side, side) uint16: no two alike, the cirrus band dark; 0 in the first row."""
    rng = np.random.default_rng([seed, S2_BANDS.index(band)])
    dark = {"B10": 12}.get(band, 200 + 100 * S2_BANDS.index(band))
    numbers = dark + rng.integers(0, 40 if band == "B10" else 1500, (side, side)) + added
    numbers[0] = 0
    return np.asarray(numbers.astype(np.uint16))


def a_gml(kind: str, rings: Sequence[Sequence[tuple[float, float]]], *, epsg: int = EPSG) -> str:
    """A mask of polygons, each ring with heights as the real ones have."""
    features = ""
    for i, ring in enumerate(rings):
        corners = " ".join(f"{x} {y} 250.5" for x, y in ring)
        features += (
            f'<eop:MaskFeature gml:id="{kind}.{i}"><eop:maskType codeSpace="urn:gs2:S2PDGS:maskType">{kind}'
            f'</eop:maskType><eop:extentOf><gml:Polygon gml:id="{kind}.{i}_P"><gml:exterior><gml:LinearRing>'
            f'<gml:posList srsDimension="3">{corners}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>'
            "</eop:extentOf></eop:MaskFeature>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><eop:Mask xmlns:eop="http://www.opengis.net/eop/2.0" '
        'xmlns:gml="http://www.opengis.net/gml/3.2"><gml:boundedBy><gml:Envelope '
        f'srsName="urn:ogc:def:crs:EPSG:8.7:{epsg}"/></gml:boundedBy><eop:maskMembers>{features}</eop:maskMembers>'
        "</eop:Mask>"
    )


def a_product_xml(level: str, baseline: str, offsets: Mapping[int, float] | None, *, id: str, start: str) -> str:
    """Metadata of the product, of what is read only."""
    name = "RADIO_ADD_OFFSET" if level == "L1C" else "BOA_ADD_OFFSET"
    quantity = "QUANTIFICATION_VALUE" if level == "L1C" else "BOA_QUANTIFICATION_VALUE"
    listed = "".join(f'<{name} band_id="{i}">{o:g}</{name}>' for i, o in (offsets or {}).items())
    sun = "".join(
        f'<SOLAR_IRRADIANCE bandId="{i}" unit="W/m2/um">{1900 - 100 * i}</SOLAR_IRRADIANCE>' for i in range(13)
    )
    spectral = "".join(
        f'<Spectral_Information bandId="{i}"><Wavelength><CENTRAL unit="nm">{440 + i}</CENTRAL></Wavelength>'
        "</Spectral_Information>"
        for i in range(13)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><n1:Level-{level[1:]}_User_Product xmlns:n1="https://psd-14/{level}">'
        f"<n1:General_Info><Product_Info><PRODUCT_START_TIME>{start}</PRODUCT_START_TIME>"
        f"<PRODUCT_URI>{id}.SAFE</PRODUCT_URI><PROCESSING_LEVEL>Level-{level[1:]}</PROCESSING_LEVEL>"
        f"<PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE><Datatake><SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME>"
        "<SENSING_ORBIT_NUMBER>22</SENSING_ORBIT_NUMBER><SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>"
        "</Datatake></Product_Info><Product_Image_Characteristics>"
        "<Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX>"
        "</Special_Values>"
        f'<{quantity} unit="none">10000</{quantity}>{listed}'
        f"<Reflectance_Conversion><U>0.99</U>{sun}</Reflectance_Conversion>"
        f"{spectral}</Product_Image_Characteristics></n1:General_Info><n1:Quality_Indicators_Info>"
        "<Cloud_Coverage_Assessment>12.5</Cloud_Coverage_Assessment></n1:Quality_Indicators_Info>"
        f"</n1:Level-{level[1:]}_User_Product>"
    )


def _grid_of(numbers: Array) -> str:
    rows = "".join(f"<VALUES>{' '.join(f'{n:g}' for n in row)}</VALUES>" for row in numbers)
    return f'<COL_STEP unit="m">5000</COL_STEP><ROW_STEP unit="m">5000</ROW_STEP><Values_List>{rows}</Values_List>'


def _angles_of(zenith: Array, azimuth: Array) -> str:
    return f"<Zenith>{_grid_of(zenith)}</Zenith><Azimuth>{_grid_of(azimuth)}</Azimuth>"


def a_tile_xml(side: int, level: str) -> str:
    """Metadata of the tile: grids, and angles on 2 x 2 points, of which the satellite's lower right one is unknown."""
    grids = ""
    for gsd in (10, 20, 60):
        n = side * 10 // gsd
        grids += f'<Size resolution="{gsd}"><NROWS>{n}</NROWS><NCOLS>{n}</NCOLS></Size>'
        place = f"<ULX>{LEFT}</ULX><ULY>{TOP}</ULY><XDIM>{gsd}</XDIM><YDIM>-{gsd}</YDIM>"
        grids += f'<Geoposition resolution="{gsd}">{place}</Geoposition>'
    sun = _angles_of(np.array([[30, 30], [40, 40]]), np.array([[359, 1], [359, 1]]))
    view = ""
    for i in range(13):
        for detector, hole in ((1, (1, 1)), (2, (0, 0))):
            zenith, azimuth = np.full((2, 2), 5.0 + i / 10), np.full((2, 2), 100.0)
            zenith[1, 1] = zenith[hole] = np.nan
            named = f'bandId="{i}" detectorId="{detector}"'
            held = _angles_of(zenith, azimuth)
            view += f"<Viewing_Incidence_Angles_Grids {named}>{held}</Viewing_Incidence_Angles_Grids>"
    mean = "".join(
        f'<Mean_Viewing_Incidence_Angle bandId="{i}"><ZENITH_ANGLE>{5 + i / 10}</ZENITH_ANGLE>'
        "<AZIMUTH_ANGLE>100</AZIMUTH_ANGLE></Mean_Viewing_Incidence_Angle>"
        for i in range(13)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><n1:Level-{level[1:]}_Tile_ID xmlns:n1="https://psd-14/tile">'
        f"<n1:General_Info><TILE_ID>S2A_OPER_MSI_{level}_TL_TEST_20220612T120000_A000001_T32TPS_N04.00</TILE_ID>"
        "<SENSING_TIME>2022-06-12T10:10:40.5Z</SENSING_TIME></n1:General_Info><n1:Geometric_Info><Tile_Geocoding>"
        f"<HORIZONTAL_CS_CODE>EPSG:{EPSG}</HORIZONTAL_CS_CODE>{grids}</Tile_Geocoding><Tile_Angles>"
        f"<Sun_Angles_Grid>{sun}</Sun_Angles_Grid><Mean_Sun_Angle><ZENITH_ANGLE>35</ZENITH_ANGLE>"
        f"<AZIMUTH_ANGLE>0</AZIMUTH_ANGLE></Mean_Sun_Angle>{view}{mean}</Tile_Angles></n1:Geometric_Info>"
        f"</n1:Level-{level[1:]}_Tile_ID>"
    )


def a_safe(
    folder: Path,
    *,
    level: str = "L1C",
    baseline: str = "04.00",
    offset: float | Mapping[int, float] | None = -1000,
    added: int = 1000,
    side: int = 120,
    start: str = "2022-06-12T10:10:31.024Z",
    masks: Mapping[str, bytes | str] | None = None,
    without: Sequence[str] = (),
    is_zip: bool = False,
    seed: int = 0,
) -> Path:
    """Write a product of one tile.

    Parameters
    ----------
    folder : Path
        Where it is written.
    level, baseline, start : str
        As in its metadata.
    offset : number, mapping, or None
        What the XML lists for every band, or for each `band_id`; None = no list.
    added : int
        What was really added to the pixels.
    side : int
        Pixels a side at 10 m, a multiple of 6.
    masks : mapping, optional
        Name of a file in QI_DATA -> its bytes.
    without : sequence of str
        Bands whose image is left out.
    is_zip : bool
        A zip of it instead of a folder.

    Returns
    -------
    Path
        The `.SAFE` folder, or the zip.
    """
    stamp = start[:19].replace("-", "").replace(":", "")
    id = f"S2A_MSI{level}_{stamp}_N{baseline.replace('.', '')}_R022_T32TPS_{stamp}"
    offsets = None if offset is None else offset if isinstance(offset, Mapping) else dict.fromkeys(range(13), offset)
    granule = f"GRANULE/{level}_T32TPS_A000001_{stamp}"
    files: dict[str, bytes | str] = {
        f"MTD_MSI{level}.xml": a_product_xml(level, baseline, offsets, id=id, start=start),
        f"{granule}/MTD_TL.xml": a_tile_xml(side, level),
        "manifest.safe": "<?xml version='1.0'?><xfdu/>",
    }
    for band in S2_BANDS if level == "L1C" else S2_L2A_BANDS:
        if band in without:
            continue
        for gsd in (10, 20, 60):
            if gsd < STEP[band] or (level == "L1C" and gsd != STEP[band]) or (band == "B08" and gsd > 10):
                continue
            name = f"T32TPS_{stamp}_{band}.jp2" if level == "L1C" else f"R{gsd}m/T32TPS_{stamp}_{band}_{gsd}m.jp2"
            pixels = a_band(band, side * 10 // gsd, level=level, added=added, seed=seed)
            pixels[0] = 0
            files[f"{granule}/IMG_DATA/{name}"] = a_jp2(pixels[None], gsd)
    if level == "L2A" and "SCL" not in without:
        for gsd in (20, 60):
            n = side * 10 // gsd
            codes = (np.arange(n * n).reshape(1, n, n) % 12).astype(np.uint8)
            files[f"{granule}/IMG_DATA/R{gsd}m/T32TPS_{stamp}_SCL_{gsd}m.jp2"] = a_jp2(codes, gsd)
    files |= {f"{granule}/QI_DATA/{name}": blob for name, blob in (masks or {}).items()}
    if is_zip:
        with zipfile.ZipFile(folder / f"{id}.zip", "w", zipfile.ZIP_DEFLATED) as made:
            for name, blob in files.items():
                made.writestr(zipfile.ZipInfo(f"{id}.SAFE/{name}"), blob, zipfile.ZIP_DEFLATED)
        return folder / f"{id}.zip"
    for name, blob in files.items():
        path = folder / f"{id}.SAFE" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blob.encode() if isinstance(blob, str) else blob)
    return folder / f"{id}.SAFE"
