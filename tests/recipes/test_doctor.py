"""The doctor: what it finds, what it says is broken, and that no secret is ever shown."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from swath.core.extras import EXTRAS
from swath.recipes import doctor
from swath.recipes.doctor import DRIVERS, NUMBERS, SECRETS, Diagnosis, Finding, examine

ROOT = Path(__file__).parents[2]
PLANTED = "k3y-7f3a9c-planted"


@pytest.fixture(scope="module")
def found():
    return examine()


def by_name(diagnosis, section):
    return {each.name: each for each in diagnosis.findings if each.section == section}


def test_an_environment_that_works_is_healthy(found):
    assert found.is_healthy
    assert found.text().splitlines()[-1] == "all that swath needs is here"


def test_versions_are_those_of_the_libraries(found):
    import numpy
    import rasterio
    import torch

    assert by_name(found, "versions")["numpy"].said == numpy.__version__
    assert by_name(found, "GDAL")["version"].said == rasterio.__gdal_version__
    assert by_name(found, "devices")["torch"].said == torch.__version__
    assert by_name(found, "versions")["Python"].said.startswith(".".join(map(str, sys.version_info[:3])))


def test_every_extra_is_looked_at(found):
    assert set(by_name(found, "extras")) == {f"[{extra}]" for extra in EXTRAS.values()}


@pytest.mark.parametrize("name", [*SECRETS, *NUMBERS, "https_proxy"])
def test_a_planted_secret_never_appears(monkeypatch, name):
    """Issue: "never prints a secret": not even where a number is expected."""
    monkeypatch.setenv(name, PLANTED)

    found = Diagnosis(tuple(doctor._variables(os.environ)))

    assert name in found.text()
    assert PLANTED not in found.text()
    assert PLANTED not in str(found.to_json())


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_no_variable_shows_its_value_whatever_it_is_called(arguments):
    """All variables there are, and one that nobody thought of, through the program itself."""
    secrets = dict.fromkeys((*SECRETS, "MY_TOKEN", "AWS_WEB_IDENTITY_TOKEN"), PLANTED)
    for kept in ("PYTHONPATH", "TMPDIR", "GDAL_DATA", "PROJ_DATA", "PROJ_LIB"):
        secrets.pop(kept)  # these would break the program rather than be shown
    environment = {**os.environ, **secrets}

    done = subprocess.run(
        [sys.executable, "-m", "swath", "doctor", "--quick", *arguments],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert "AWS_SECRET_ACCESS_KEY" in done.stdout
    assert PLANTED not in done.stdout + done.stderr
    assert "MY_TOKEN" not in done.stdout


@pytest.mark.parametrize(
    ("value", "said"),
    [("4", "4 (GPUs"), ("0,1", "0,1 (GPUs"), ("GPU-8932", "set, to no plain number (GPUs"), ("", "set,")],
)
def test_numbers_are_shown_where_they_are_numbers(value, said):
    (finding,) = doctor._variables({"CUDA_VISIBLE_DEVICES": value})

    assert finding.said.startswith(said)


def test_a_package_that_cannot_be_imported_is_broken_and_named(monkeypatch):
    real = importlib.import_module

    def broken(name, package=None):
        if name == "simplejpeg":
            raise ImportError("libjpeg.so: cannot open shared object file")
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", broken)
    found = Diagnosis(tuple(doctor._versions()))

    assert not found.is_healthy
    assert found.text().splitlines()[-1] == "broken, and needed: simplejpeg"
    assert by_name(found, "versions")["simplejpeg"].line() == (
        "! simplejpeg             cannot be imported (ImportError: libjpeg.so: cannot open shared object file). "
        "Install it again: pip install --force-reinstall simplejpeg."
    )


def test_an_extra_that_is_not_installed_names_its_command(monkeypatch):
    monkeypatch.setattr(doctor, "_is_there", lambda module: module != "faiss")

    found = by_name(Diagnosis(tuple(doctor._extras())), "extras")["[search]"]

    assert (found.state, found.said) == ("note", "not installed (no faiss)")
    assert found.fix == "Install it with: pip install 'swath[search]'."


@pytest.mark.parametrize(("name", "is_needed"), [(name, is_needed) for name, (_, is_needed) in DRIVERS.items()])
def test_a_driver_that_is_not_there_is_broken_only_if_it_is_needed(monkeypatch, name, is_needed):
    import rasterio

    monkeypatch.setattr(rasterio.Env, "drivers", lambda self: {each: "" for each in DRIVERS if each != name})

    found = Diagnosis(tuple(doctor._drivers()))

    assert found.is_healthy is not is_needed
    assert by_name(found, "GDAL")[name].said == f"not there, for {DRIVERS[name][0]}"


def test_a_temporary_folder_that_cannot_be_written_is_broken(tmp_path):
    finding = doctor._disk("disk for temporary", tmp_path / "gone")

    assert (finding.state, finding.said) == ("broken", "cannot be written (No such file or directory)")
    assert finding.fix == "Set TMPDIR to a folder with space."


def test_cores_are_those_that_this_process_may_use():
    count, said = doctor._cores()

    assert count >= 1
    assert "cores" in said


@pytest.mark.parametrize(("quota", "count"), [("100000 100000", 1), ("max 100000", None), ("", None)])
def test_a_quota_of_a_container_limits_cores(monkeypatch, quota, count):
    monkeypatch.setattr(doctor, "_read", lambda path: quota if path.endswith("cpu.max") else "")

    cores, said = doctor._cores()

    assert ("no more than 1 at a time" in said) is (count == 1)
    assert count is None or cores == count


def test_memory_is_the_systems_or_the_containers_whichever_is_less(monkeypatch):
    held = {
        "/proc/meminfo": "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 800 kB",
        "/sys/fs/cgroup/memory.max": "500000",
        "/sys/fs/cgroup/memory.current": "200000",
    }
    monkeypatch.setattr(doctor, "_read", lambda path: held[path])

    assert doctor._memory() == (300_000.0, 500_000.0)


def test_findings_go_to_json():
    held = Diagnosis((Finding("a", "b", "c", "broken", "d."),)).to_json()

    assert held == {
        "healthy": False,
        "findings": [{"section": "a", "name": "b", "said": "c", "state": "broken", "fix": "d."}],
    }


def test_it_works_without_torch(tmp_path):
    """style: numpy half. The same hook as in scripts/check_numpy_half.py."""
    code = (
        "import sys; from check_numpy_half import RefuseTorch; sys.meta_path.insert(0, RefuseTorch());"
        "sys.argv = ['swath', 'doctor']; from swath.cli import main; main()"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "scripts", capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "torch                  not installed. Install it with: pip install 'swath[torch]'." in done.stdout
    assert "speed" not in done.stdout
