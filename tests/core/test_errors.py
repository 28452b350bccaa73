"""Errors have one form, survive pickling, and name the nearest right word."""

from __future__ import annotations

import errno
import os
import pickle
import sys
from pathlib import Path

import pytest

from swath.core.bands import resolve, resolve_all
from swath.core.errors import Failure, Mismatch, MissingExtra, Refused, SwathError, Unknown, Unreadable
from swath.core.extras import need
from swath.core.files import append, publish, write_new, write_whole
from swath.core.scene import Window


def test_a_mismatch_names_where_what_want_have_and_what_to_do():
    """style.md, sketch 3."""
    said = Mismatch(
        where="T32TPS 2022-08-12", what="gsd", want="10 m (bundle eurosat-13)", have="60 m", fix="Resample to 10 m."
    )

    assert str(said) == "T32TPS 2022-08-12: gsd differs: want 10 m (bundle eurosat-13), have 60 m. Resample to 10 m."
    assert (said.what, said.want, said.have) == ("gsd", "10 m (bundle eurosat-13)", "60 m")


def test_an_unknown_name_names_the_nearest():
    """C12: `cloud_densty` names `cloud_density`."""
    said = Unknown("cloud_densty", ["cloud_density", "cloud_sparsity"], what="option", where="a.yaml")

    assert str(said) == (
        "a.yaml: unknown option 'cloud_densty'. Did you mean 'cloud_density'? Known: cloud_density, cloud_sparsity."
    )


@pytest.mark.parametrize("kind", [Mismatch, Refused, Unreadable])
def test_errors_cross_processes_whole(kind):
    said = kind(where="a", what="b", want="c", have="d", fix="E.")

    again = pickle.loads(pickle.dumps(said))

    assert (type(again), str(again), again.where, again.have) == (kind, str(said), "a", "d")


def test_unknown_crosses_processes_whole():
    said = Unknown("a", ["b"], what="band")

    assert str(pickle.loads(pickle.dumps(said))) == str(said)


def test_every_error_is_the_users_to_mend_with_status_2():
    assert {kind.exit_status for kind in (SwathError, *SwathError.__subclasses__())} == {2}


def test_a_missing_extra_names_the_command():
    assert str(MissingExtra("torch", "torch", where="swath train")) == (
        "swath train: needs the package 'torch', which comes with the extra [torch]. "
        "Install it with: pip install 'swath[torch]'."
    )


def test_a_package_that_is_not_there_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)

    with pytest.raises(MissingExtra, match=r"pip install 'swath\[search\]'"):
        need("faiss", by="swath index")


def test_a_failure_keeps_the_sentence():
    said = Failure.of("x", Unreadable(where="x.jpg", what="is cut short"))

    assert said == Failure("x", "unreadable", "x.jpg: is cut short.")


def test_rededge_without_a_wavelength_is_refused():
    """science 1.9: B5 to B7 are all STAC `rededge`."""
    with pytest.raises(Refused, match="band name 'rededge' means any of B05, B06, B07"):
        resolve("rededge")


def test_an_unknown_band_names_the_nearest():
    with pytest.raises(Unknown, match="unknown band 'B88'. Did you mean"):
        resolve("B88")


def test_a_band_twice_is_refused():
    with pytest.raises(Refused, match="band B04 is named more than once"):
        resolve_all(["red", "B4"])


def test_files_appear_whole(tmp_path):
    write_whole(tmp_path / "a", b"old")
    write_whole(tmp_path / "a", b"new")
    append(tmp_path / "a", b"er")

    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"newer"


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "the disk is full. Everything finished before is kept."),
        (errno.EROFS, r"cannot be written here \(read-only\)"),
        (errno.EIO, "cannot be written"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(tmp_path, monkeypatch, number, sentence):
    def refuse(handle, blob):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", refuse)

    with pytest.raises(Refused, match=sentence):
        write_new(tmp_path / "a", b"x")
    assert not (tmp_path / "a").exists()


def test_publishing_into_a_read_only_place_is_a_sentence(tmp_path):
    (tmp_path / "a").write_bytes(b"x")

    with pytest.raises(Refused, match="/sys/swath/a: cannot be written here"):
        publish(tmp_path / "a", Path("/sys/swath/a"))


def test_an_empty_window_is_refused():
    with pytest.raises(Refused, match="an empty window"):
        Window(0, 0, 0, 5)
