"""Style: what makes a class map explain itself in other programs: QGIS layers, GDAL's side file, a world file.

`.qml` gives QGIS each code's colour and name; `.aux.xml` gives GDAL the names, a table of classes and their counts;
`.tfw` is the transform for programs that read nothing else. Text in, text out.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

from odc.geo.geobox import GeoBox

from swath.core.legends import Legend, LegendClass

__all__ = ["aux_xml", "qml", "world_file"]

#: Columns of the table of classes: name, GDAL's type (0 integer, 2 text) and usage.
_COLUMNS = (("Value", 0, 5), ("Class", 2, 2), ("R", 0, 6), ("G", 0, 7), ("B", 0, 8), ("Count", 0, 1))


def qml(legend: Legend, codes: tuple[int, ...]) -> str:
    """QGIS's style of a paletted band.

    Parameters
    ----------
    legend : Legend
        Names and colours.
    codes : tuple of int
        Which of its classes the map can show, in order.

    Examples
    --------
    >>> from swath.core.legends import legend
    >>> "Forest" in qml(legend("eurosat"), (1,)), "River" in qml(legend("eurosat"), (1,))
    (True, False)
    """
    held = {each.code: each for each in legend.classes}
    entries = "".join(
        f'\n        <paletteEntry value="{code}" color="#{held[code].colour}" label={quoteattr(held[code].name)} '
        'alpha="255"/>'
        for code in codes
    )
    return f"""<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology">
  <pipe>
    <rasterrenderer type="paletted" opacity="1" alphaBand="-1" band="1" nodataColor="">
      <rasterTransparency/>
      <colorPalette>{entries}
      </colorPalette>
    </rasterrenderer>
    <brightnesscontrast brightness="0" contrast="0"/>
    <huesaturation saturation="0" grayscaleMode="0" colorizeOn="0"/>
    <rasterresampler maxOversampling="2"/>
  </pipe>
  <blendMode>0</blendMode>
</qgis>
"""


def aux_xml(legend: Legend, codes: tuple[int, ...], counts: Mapping[int, int]) -> str:
    """GDAL's side file of a class map: a name for every code from 0 on, and a table of the classes.

    Parameters
    ----------
    legend : Legend
        Names and colours.
    codes : tuple of int
        Which of its classes the map can show, in order.
    counts : mapping
        Code -> pixels.
    """
    held = {each.code: each for each in legend.classes}
    names = "".join(
        f"\n      <Category>{_text(held[code].name) if code in held and code in codes else ''}</Category>"
        for code in range(max(codes, default=-1) + 1)
    )
    fields = "".join(
        f'\n      <FieldDefn index="{i}">\n        <Name>{name}</Name>\n        <Type>{kind}</Type>\n'
        f"        <Usage>{usage}</Usage>\n      </FieldDefn>"
        for i, (name, kind, usage) in enumerate(_COLUMNS)
    )
    rows = "".join(
        f'\n      <Row index="{i}">'
        + "".join(f"\n        <F>{_text(str(each))}</F>" for each in _row(held[code], counts))
        + "\n      </Row>"
        for i, code in enumerate(codes)
    )
    return f"""<PAMDataset>
  <PAMRasterBand band="1">
    <CategoryNames>{names}
    </CategoryNames>
    <GDALRasterAttributeTable tableType="thematic">{fields}{rows}
    </GDALRasterAttributeTable>
{_statistics(counts)}  </PAMRasterBand>
</PAMDataset>
"""


def _row(each: LegendClass, counts: Mapping[int, int]) -> tuple[object, ...]:
    return (each.code, each.name, *each.rgb, counts.get(each.code, 0))


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _statistics(counts: Mapping[int, int]) -> str:
    """Range of the codes that occur, and how much of the map is valid."""
    seen = [code for code, count in counts.items() if count]
    if not seen:
        return ""
    whole = sum(counts.values())
    mean = sum(code * count for code, count in counts.items()) / whole
    spread = (sum((code - mean) ** 2 * count for code, count in counts.items()) / whole) ** 0.5
    held = {"MAXIMUM": max(seen), "MEAN": f"{mean:.6f}", "MINIMUM": min(seen), "STDDEV": f"{spread:.6f}"}
    lines = "".join(f'      <MDI key="STATISTICS_{name}">{value}</MDI>\n' for name, value in held.items())
    return f"    <Metadata>\n{lines}    </Metadata>\n"


def world_file(geobox: GeoBox) -> str:
    """Six lines: the transform, its origin at the centre of the upper-left pixel.

    Examples
    --------
    >>> from affine import Affine
    >>> world_file(GeoBox((2, 2), Affine(10, 0, 680040, 0, -10, 5152200), "EPSG:32632")).split()
    ['10.0', '0.0', '0.0', '-10.0', '680045.0', '5152195.0']
    """
    t = geobox.transform
    x, y = t.c + (t.a + t.b) / 2, t.f + (t.d + t.e) / 2
    return "".join(f"{float(each)!r}\n" for each in (t.a, t.d, t.b, t.e, x, y))
