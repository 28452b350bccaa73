"""Doctor: what this machine has for swath, what is missing and how to get it; `swath doctor`.

Versions, extras, GDAL's drivers, cores, memory, disk, devices, threads and the variables that matter. Of variables only
plain numbers are ever shown; of everything else no more than whether it is set. Works without torch. Whether reading
keeps up with learning is measured in `loader_speed`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from swath.core.extras import EXTRAS
from swath.core.version import __version__

__all__ = ["DRIVERS", "NUMBERS", "SECRETS", "Diagnosis", "Finding", "examine"]

_State = Literal["ok", "note", "broken"]

#: Packages of the numpy half: import name -> distribution.
_NEEDED: Final[dict[str, str]] = {
    "numpy": "numpy",
    "scipy": "scipy",
    "pyarrow.parquet": "pyarrow",
    "zarr": "zarr",
    "numcodecs": "numcodecs",
    "google_crc32c": "google-crc32c",
    "rasterio": "rasterio",
    "pyogrio": "pyogrio",
    "pyproj": "pyproj",
    "shapely": "shapely",
    "geopandas": "geopandas",
    "odc.geo": "odc-geo",
    "xarray": "xarray",
    "cv2": "opencv-python-headless",
    "simplejpeg": "simplejpeg",
    "PIL": "pillow",
    "isal": "isal",
    "h5py": "h5py",
    "pystac": "pystac",
    "pydantic": "pydantic",
}
#: GDAL's driver -> (what for, whether swath cannot do without it).
DRIVERS: Final[dict[str, tuple[str, bool]]] = {
    "GTiff": ("GeoTIFF, in and out", True),
    "COG": ("maps", True),
    "VRT": ("warps", True),
    "JP2OpenJPEG": ("products of Sentinel-2 as they are distributed", False),
    "SENTINEL2": ("products of Sentinel-2 as they are distributed", False),
    "SAFE": ("products of Sentinel-1 as they are distributed", False),
    "Zarr": ("products in zarr", False),
    "netCDF": ("products in netCDF", False),
}
#: Variables that hold plain numbers -> what they decide. Shown if they do.
NUMBERS: Final[dict[str, str]] = {
    "OMP_NUM_THREADS": "threads of torch and numpy",
    "MKL_NUM_THREADS": "threads of torch and numpy",
    "OPENBLAS_NUM_THREADS": "threads of numpy",
    "CUDA_VISIBLE_DEVICES": "GPUs that torch sees",
    "GDAL_CACHEMAX": "GDAL's cache",
    "GDAL_NUM_THREADS": "threads of GDAL",
    "OPENCV_FOR_THREADS_NUM": "threads of OpenCV",
    "WORLD_SIZE": "processes of torchrun",
    "PYTHONHASHSEED": "order of Python's sets",
}
#: Variables of which nothing is shown but whether they are set -> what they are for.
SECRETS: Final[dict[str, str]] = {
    "SWATH_WEIGHTS": "folder of published weights",
    "SWATH_REAL_DATA": "folder of data for tests",
    "TMPDIR": "temporary files",
    "PYTHONPATH": "packages that are not installed",
    "GDAL_DATA": "GDAL's tables",
    "PROJ_DATA": "PROJ's tables",
    "PROJ_LIB": "PROJ's tables",
    "HTTP_PROXY": "network",
    "HTTPS_PROXY": "network",
    "ALL_PROXY": "network",
    "NO_PROXY": "network",
    "GDAL_HTTP_HEADERS": "requests of GDAL",
    "GDAL_HTTP_USERPWD": "requests of GDAL",
    "AWS_ACCESS_KEY_ID": "object stores",
    "AWS_SECRET_ACCESS_KEY": "object stores",
    "AWS_SESSION_TOKEN": "object stores",
    "AWS_PROFILE": "object stores",
    "AWS_ENDPOINT_URL": "object stores",
    "AZURE_STORAGE_CONNECTION_STRING": "object stores",
    "AZURE_STORAGE_SAS_TOKEN": "object stores",
    "AZURE_STORAGE_KEY": "object stores",
    "GOOGLE_APPLICATION_CREDENTIALS": "object stores, Earth Engine",
    "EARTHENGINE_TOKEN": "Earth Engine",
    "PC_SDK_SUBSCRIPTION_KEY": "catalogues",
    "CDSE_USERNAME": "catalogues",
    "CDSE_PASSWORD": "catalogues",
    "EARTHDATA_USERNAME": "catalogues",
    "EARTHDATA_PASSWORD": "catalogues",
    "EARTHDATA_TOKEN": "catalogues",
    "HF_TOKEN": "published weights",
}
_NUMBER: Final = re.compile(r"[0-9]{1,9}(,[0-9]{1,9}){0,15}")
#: Bytes below which a disk or a memory is called small.
_SMALL_DISK: Final = 2e9
_SMALL_MEMORY: Final = 2e9


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    #: versions, extras, gdal, machine, devices, threads, variables.
    section: str
    name: str
    #: What was found.
    said: str
    #: `note` = good to know; `broken` = swath cannot do without it.
    state: _State = "ok"
    #: What to do.
    fix: str = ""

    def line(self) -> str:
        """For the terminal."""
        mark = {"ok": " ", "note": "-", "broken": "!"}[self.state]
        return f"{mark} {self.name:22} {self.said}{'. ' + self.fix if self.fix else ''}"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was looked at."""

    findings: tuple[Finding, ...]

    @property
    def is_healthy(self) -> bool:
        """True if nothing is broken that swath needs."""
        return not self.broken

    @property
    def broken(self) -> tuple[Finding, ...]:
        """What is broken that swath needs."""
        return tuple(each for each in self.findings if each.state == "broken")

    def text(self) -> str:
        """By section, and a verdict as the last line."""
        lines = []
        for section in dict.fromkeys(each.section for each in self.findings):
            lines += [section, *(f"  {each.line()}" for each in self.findings if each.section == section)]
        names = ", ".join(each.name for each in self.broken)
        verdict = f"broken, and needed: {names}" if names else "all that swath needs is here"
        return "\n".join([*lines, verdict])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        kinds = ("section", "name", "said", "state", "fix")
        findings = [{kind: getattr(each, kind) for kind in kinds} for each in self.findings]
        return {"healthy": self.is_healthy, "findings": findings}


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:,.1f} GB"


def _versions() -> Iterator[Finding]:
    yield Finding("versions", "swath", __version__)
    yield Finding("versions", "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for module, distribution in _NEEDED.items():
        version = _version(distribution) or "unknown version"
        try:
            importlib.import_module(module)
        except (ImportError, OSError, AttributeError) as error:
            said = f"cannot be imported ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''})"
            fix = f"Install it again: pip install --force-reinstall {distribution}."
            yield Finding("versions", distribution, said, "broken", fix)
        else:
            yield Finding("versions", distribution, version)


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _extras() -> Iterator[Finding]:
    for extra in dict.fromkeys(EXTRAS.values()):
        packages = [module for module, of in EXTRAS.items() if of == extra]
        missing = [module for module in packages if not _is_there(module)]
        if not missing:
            yield Finding("extras", f"[{extra}]", "installed")
            continue
        said = f"not installed (no {', '.join(missing)})"
        yield Finding("extras", f"[{extra}]", said, "note", f"Install it with: pip install 'swath[{extra}]'.")


def _drivers() -> Iterator[Finding]:
    try:
        rasterio = importlib.import_module("rasterio")
        session = importlib.import_module("rasterio.session").DummySession()  # or it would look for credentials
        with rasterio.Env(session=session) as env:
            known = env.drivers()
    except (ImportError, OSError) as error:
        yield Finding("GDAL", "rasterio", f"cannot be opened ({type(error).__name__})", "broken")
        return
    yield Finding("GDAL", "version", str(rasterio.__gdal_version__))
    for name, (what, is_needed) in DRIVERS.items():
        if name in known:
            yield Finding("GDAL", name, f"there, for {what}")
        else:
            fix = "Install rasterio from its wheel: pip install --force-reinstall rasterio."
            yield Finding("GDAL", name, f"not there, for {what}", "broken" if is_needed else "note", fix)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _cores() -> tuple[int, str]:
    """Cores that this process may use, and what limits it."""
    count = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else count
    quota = _read("/sys/fs/cgroup/cpu.max").split()
    said = f"{count} cores" if allowed == count else f"{allowed} of {count} cores"
    if len(quota) == 2 and quota[0].isdecimal():
        share = int(quota[0]) / int(quota[1])
        said += f", and no more than {share:.3g} at a time"
        allowed = min(allowed, max(1, int(share)))
    return allowed, said


def _memory() -> tuple[float, float] | None:
    """Bytes available and in all; None where the system does not tell."""
    held = {line.split(":")[0]: line.split()[1] for line in _read("/proc/meminfo").splitlines() if ":" in line}
    if "MemAvailable" in held and "MemTotal" in held:
        available, total = int(held["MemAvailable"]) * 1024.0, int(held["MemTotal"]) * 1024.0
        limit, used = _read("/sys/fs/cgroup/memory.max"), _read("/sys/fs/cgroup/memory.current")
        if limit.isdecimal() and used.isdecimal():
            total = min(total, float(limit))
            available = min(available, float(limit) - float(used))
        return available, total
    try:
        size = os.sysconf("SC_PAGE_SIZE")
        return float(os.sysconf("SC_AVPHYS_PAGES") * size), float(os.sysconf("SC_PHYS_PAGES") * size)
    except (ValueError, OSError, AttributeError):
        return None


def _disk(name: str, folder: Path) -> Finding:
    try:
        free = shutil.disk_usage(folder).free
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"swath")
    except OSError as error:
        fix = "Work in a folder that you may write to." if name == "disk here" else "Set TMPDIR to a folder with space."
        is_needed: _State = "note" if name == "disk here" else "broken"
        return Finding("machine", name, f"cannot be written ({error.strerror})", is_needed, fix)
    if free < _SMALL_DISK:
        return Finding("machine", name, f"{_gigabytes(free)} free", "note", "Corpora and checkpoints want more.")
    return Finding("machine", name, f"{_gigabytes(free)} free")


def _machine() -> Iterator[Finding]:
    yield Finding("machine", "cores", _cores()[1])
    memory = _memory()
    if memory is None:
        yield Finding("machine", "memory", "unknown", "note")
    else:
        said = f"{_gigabytes(memory[0])} available of {_gigabytes(memory[1])}"
        is_small = memory[0] < _SMALL_MEMORY
        fix = "Close something, or make batches smaller: --set data.batch_size=32." if is_small else ""
        yield Finding("machine", "memory", said, "note" if is_small else "ok", fix)
    yield _disk("disk here", Path())
    yield _disk("disk for temporary", Path(tempfile.gettempdir()))


def _devices() -> Iterator[Finding]:
    if not _is_there("torch"):
        yield Finding("devices", "torch", "not installed", "note", "Install it with: pip install 'swath[torch]'.")
        return
    try:
        torch = importlib.import_module("torch")
    except (ImportError, OSError) as error:
        said = f"cannot be imported ({type(error).__name__}: {str(error).splitlines()[0]})"
        yield Finding("devices", "torch", said, "broken", "Install it again: pip install 'swath[torch]'.")
        return
    yield Finding("devices", "torch", str(torch.__version__))
    if not torch.cuda.is_available():
        yield Finding("devices", "cuda", "none that torch sees")
    for i in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        about = torch.cuda.get_device_properties(i)
        half = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no bf16"
        yield Finding("devices", f"cuda:{i}", f"{about.name}, {_gigabytes(about.total_memory)}, {half}")
    has_mps = torch.backends.mps.is_available()
    yield Finding("devices", "mps", "there" if has_mps else "none")
    yield Finding("threads", "torch", f"{torch.get_num_threads()} threads")
    allowed = _cores()[0]
    if torch.get_num_threads() > allowed:
        fix = f"Set OMP_NUM_THREADS={allowed}."
        yield Finding("threads", "more than cores", f"{torch.get_num_threads()} for {allowed}", "note", fix)


def _threads() -> Iterator[Finding]:
    try:
        yield Finding("threads", "OpenCV", f"{importlib.import_module('cv2').getNumThreads()} threads")
    except (ImportError, OSError):
        return
    crc = importlib.import_module("google_crc32c")
    if crc.implementation != "c":
        fix = "Install it again from its wheel: pip install --force-reinstall google-crc32c."
        yield Finding("threads", "checksums", "in Python, a hundred times slower", "note", fix)


def _variables(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Names that are set; of the values plain numbers only, and only where a number is what the name is for."""
    for name, what in NUMBERS.items():
        if name in environment:
            value = environment[name]
            said = value if _NUMBER.fullmatch(value) else "set, to no plain number"
            yield Finding("variables", name, f"{said} ({what})")
    for name, what in SECRETS.items():
        given = [each for each in (name, name.lower()) if each in environment]
        if given:
            yield Finding("variables", given[0], f"set ({what})")
    if not any(name in environment for name in (*NUMBERS, *SECRETS)):
        yield Finding("variables", "none", "none that matters is set")


#: What is looked at, in order.
_PARTS: Final[tuple[Callable[[], Iterator[Finding]], ...]] = (
    _versions,
    _extras,
    _drivers,
    _machine,
    _devices,
    _threads,
    lambda: _variables(os.environ),
)


def examine() -> Diagnosis:
    """Look at everything; a few seconds, most of them imports."""
    return Diagnosis(tuple(finding for part in _PARTS for finding in part()))
