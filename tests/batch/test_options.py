"""Options: off by default, checked when made, read from a file."""

from __future__ import annotations

import pytest

from swath.batch import Augmentation
from swath.core.errors import Refused, Unknown
from swath.core.options import read_options, to_plain


def test_everything_is_off_by_default():
    options = Augmentation()

    assert (options.moves, options.warps) == (False, False)
    assert not any(options.to_json()[name] for name in options.to_json() if name not in ("scale", "mixing"))


def test_options_are_read_from_plain_data_and_written_back():
    """The same record that a file and --set fill."""
    held = {"flip": 0.5, "rotation": 45, "scale": [0.9, 1.1], "noise": {"B04": 0.01}, "ramp": 3}

    options = read_options(Augmentation, held, where="config.yaml")

    assert options == Augmentation(flip=0.5, rotation=45, scale=(0.9, 1.1), noise={"B04": 0.01}, ramp=3)
    assert read_options(Augmentation, to_plain(options), where="config.yaml") == options
    assert options.to_json() == to_plain(options)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"flip": 1.5}, "augmentation flip: is a chance from 0 to 1, have 1.5."),
        ({"rotation": -1}, "augmentation rotation: is degrees from 0 to 180, have -1."),
        ({"brightness": 1.0}, "augmentation brightness: is a share from 0 to 0.99, have 1."),
        ({"offset": 8}, "augmentation offset: is a reflectance from 0 to 1, have 8."),
        ({"noise": {"B04": -0.1, "B03": -0.2}}, "augmentation noise: is a standard deviation, 0 or more, have -0.2."),
        ({"ramp": -3}, "augmentation ramp: is epochs, 0 or more, have -3."),
        ({"scale": (1.2, 0.8)}, "augmentation scale: is a least and a greatest factor, have 1.2 to 0.8."),
        ({"scale": (0.0, 1.0)}, "augmentation scale: is a least and a greatest factor, have 0 to 1."),
        (
            {"flip": 0.5, "right_angles": "random"},
            "augmentation: flip and right_angles do the same twice. Leave flip out: the eight orientations hold both",
        ),
    ],
)
def test_strengths_that_mean_nothing_are_refused(given, said):
    with pytest.raises(Refused) as raised:
        Augmentation(**given)

    assert str(raised.value).startswith(said)


def test_an_unknown_way_of_right_angles_is_refused():
    with pytest.raises(
        Unknown, match="augmentation: unknown way of right angles 'alternating'. Did you mean 'alternate'"
    ):
        Augmentation(right_angles="alternating")
