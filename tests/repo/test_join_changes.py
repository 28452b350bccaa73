"""scripts/join_changes.py: fragments become a section of the changelog and are gone."""

from __future__ import annotations

import pytest

from scripts.join_changes import join, main


@pytest.fixture
def repository(tmp_path):
    """A changelog of one release, and two fragments."""
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / "README.md").write_text("how")
    (tmp_path / "changes" / "reader.speed.md").write_text("Reading is twice as fast.\n")
    (tmp_path / "changes" / "offset.fix.md").write_text("An offset is no longer\nsubtracted twice.\n")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\nWords.\n\n## 0.1.0 (2026-11-21)\n\n- First.\n")
    return tmp_path


def test_a_release_joins_its_fragments_above_the_older_ones(repository):
    """CONTRIBUTING.md; written out by hand."""
    status = main(["0.2.0", "2027-01-31", str(repository)])

    assert status == 0
    assert (repository / "CHANGELOG.md").read_text() == (
        "# Changelog\n\nWords.\n\n"
        "## 0.2.0 (2027-01-31)\n\n"
        "### Mended\n\n- An offset is no longer\n  subtracted twice.\n\n"
        "### Faster\n\n- Reading is twice as fast.\n\n"
        "## 0.1.0 (2026-11-21)\n\n- First.\n"
    )
    assert [path.name for path in (repository / "changes").iterdir()] == ["README.md"]


def test_a_first_release_starts_the_changelog(repository):
    """A repository without CHANGELOG.md."""
    (repository / "CHANGELOG.md").unlink()

    main(["0.1.0", "2026-11-21", str(repository)])

    assert (repository / "CHANGELOG.md").read_text().startswith("# Changelog\n\n## 0.1.0 (2026-11-21)\n\n### Mended\n")


def test_nothing_changes_when_a_fragment_is_of_no_kind(repository, capsys):
    """A half-joined changelog would lose the rest."""
    before = (repository / "CHANGELOG.md").read_text()
    (repository / "changes" / "a.bug.md").write_text("x")

    status = main(["0.2.0", "2027-01-31", str(repository)])

    assert (status, (repository / "CHANGELOG.md").read_text()) == (2, before)
    assert capsys.readouterr().err == "a.bug.md: kind 'bug' is none of removal, feature, fix, speed, data\n"


@pytest.mark.parametrize(
    ("fragments", "sentence"),
    [
        ({}, "changes/: holds no fragment, so there is nothing to release"),
        ({"a.fix.md": " \n"}, "a.fix.md: says nothing"),
    ],
)
def test_what_cannot_be_released_is_refused(fragments, sentence):
    """The sentences of `join`."""
    with pytest.raises(ValueError, match="^" + sentence):
        join(fragments, version="0.2.0", date="2027-01-31")


def test_a_wrong_date_is_answered_with_the_usage(capsys):
    """Dates are ISO, or sections could not be ordered."""
    status = main(["0.2.0", "31.1.2027"])

    assert (status, capsys.readouterr().err) == (2, "usage: join_changes.py VERSION YYYY-MM-DD [FOLDER]\n")
