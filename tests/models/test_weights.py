"""Weights: from files into networks, whole or with a sentence."""

from __future__ import annotations

import argparse
import struct

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from swath.core.errors import Mismatch, Refused, Unreadable
from swath.models.encoders import make_encoder
from swath.models.preprocessing import TRANSFORMS
from swath.models.timm import open_timm
from swath.models.weights import PUBLISHED, find_weights, load_weights, published, read_weights


def a_net(seed=0):
    return make_encoder("resnet10-32", 3, seed=seed)


def is_equal(one, other):
    other = other.state_dict()
    return all(torch.equal(value, other[key]) for key, value in one.state_dict().items())


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".pt"])
def test_every_tensor_of_a_file_is_placed(tmp_path, suffix):
    path, source, target = tmp_path / f"net{suffix}", a_net(1), a_net(2)
    if suffix == ".safetensors":
        save_file(source.state_dict(), path)
    else:
        torch.save(source.state_dict(), path)

    coverage = load_weights(target, path)

    assert is_equal(source, target)
    assert (coverage.share, coverage.missing, coverage.unexpected) == (1.0, (), ())
    assert str(coverage) == f"{path}: 72 of 72 tensors loaded, 100.0% of the parameters."


@pytest.mark.parametrize("nest", ["state_dict", "model", "encoder"])
@pytest.mark.parametrize("prefix", ["", "module.", "backbone.", "module.encoder_q.", "model.encoder."])
def test_what_training_programs_put_around_a_state_dict_is_taken_off(tmp_path, nest, prefix):
    source, target = a_net(1), a_net(2)
    named = {f"{prefix}{key}": value for key, value in source.state_dict().items()}
    named[f"{prefix}fc.weight"] = torch.zeros(10, 256)
    torch.save({nest: named, "epoch": 3}, tmp_path / "run.pth")

    coverage = load_weights(target, tmp_path / "run.pth")

    assert is_equal(source, target)
    assert coverage.head == ("fc.weight",)
    assert str(coverage).endswith("head left out (1 tensors).")


def test_files_that_count_no_batches_are_whole():
    """torch before 0.4.1 had no num_batches_tracked."""
    held = {k: v for k, v in a_net(1).state_dict().items() if not k.endswith("num_batches_tracked")}

    assert load_weights(a_net(2), held).missing == ()


def test_less_than_the_whole_network_is_refused():
    held = {k: v for k, v in a_net(1).state_dict().items() if not k.startswith("layer4.")}
    target = a_net(2)

    with pytest.raises(Mismatch) as raised:
        load_weights(target, held, where="half.pth")

    assert str(raised.value) == (
        "half.pth: weights differs: want all 72 tensors of the network, have 54 of them, 25.1% of its parameters; "
        "missing layer4.0.conv1.weight, layer4.0.conv2.weight, layer4.0.bn1.weight and 12 more. "
        "Choose the network that they were made for, or allow missing tensors (allow_missing)."
    )
    assert is_equal(target, a_net(2))


def test_what_is_allowed_to_be_missing_is_reported():
    held = {k: v for k, v in a_net(1).state_dict().items() if not k.startswith("layer4.")}

    coverage = load_weights(a_net(2), {**held, "queue": torch.zeros(2)}, allow_missing=True)

    layer4 = 9 * (128 * 256 + 256 * 256) + 128 * 256 + 2 * 3 * 256
    assert coverage.share == pytest.approx(1 - layer4 / 1_226_400)
    assert coverage.unexpected == ("queue",)
    assert "missing: layer4.0.conv1.weight" in str(coverage)
    assert "not used: queue" in str(coverage)
    assert coverage.to_json()["loaded"] == 54


def test_another_shape_is_named():
    with pytest.raises(Mismatch) as raised:
        load_weights(make_encoder("resnet10-32", 13), a_net().state_dict(), where="rgb.pth")

    assert "of another shape: conv1.weight (32, 3, 3, 3) for (32, 13, 3, 3)" in str(raised.value)


def test_a_position_embedding_is_laid_out_on_the_new_grid():
    """timm's own resampling is the oracle."""
    published_224 = open_timm("vit_small_patch16_224", 3, size=(224, 224))
    small = open_timm("vit_small_patch16_224", 3, size=(64, 64))
    from timm.layers import resample_abs_pos_embed

    coverage = load_weights(small, published_224.state_dict())

    assert coverage.reshaped == ("pos_embed",)
    torch.testing.assert_close(
        small.pos_embed.data, resample_abs_pos_embed(published_224.pos_embed.data, (4, 4)), rtol=1e-5, atol=1e-6
    )


class Trap:
    """What a hostile file would hold."""

    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize("old", [False, True])
def test_a_pickle_that_needs_more_than_tensors_is_refused_unread(tmp_path, old, capsys):
    torch.save({"state_dict": {}, "then": Trap()}, tmp_path / "trap.pth", _use_new_zipfile_serialization=not old)

    with pytest.raises(Refused) as raised:
        read_weights(tmp_path / "trap.pth")

    assert f"{tmp_path / 'trap.pth'}: holds more than tensors (" in str(raised.value)
    assert "print" in str(raised.value)
    assert capsys.readouterr().out == ""


def test_a_training_programs_options_are_named(tmp_path):
    """Checkpoints of many programs hold argparse's Namespace beside their tensors."""
    torch.save({"state_dict": a_net().state_dict(), "args": argparse.Namespace(lr=1)}, tmp_path / "run.pth")

    with pytest.raises(Refused) as raised:
        read_weights(tmp_path / "run.pth")

    assert str(raised.value) == (
        f"{tmp_path / 'run.pth'}: holds more than tensors (argparse.Namespace), and reading it would run what it says. "
        "Open it where you trust it, and save its state_dict with safetensors.torch.save_file."
    )


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_truncated_file_is_no_whole_file(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    if suffix == ".safetensors":
        save_file(a_net().state_dict(), path)
    else:
        torch.save(a_net().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-1000])

    with pytest.raises(Unreadable) as raised:
        read_weights(path)

    assert f"{path}: is no whole" in str(raised.value)


@pytest.mark.parametrize("junk", [b"", b"hello world", b"\x80\x02}q\x00.", b"PK\x03\x04 and no more"])
def test_bytes_that_are_no_file_of_torch_are_unreadable(tmp_path, junk):
    (tmp_path / "junk.pth").write_bytes(junk)

    with pytest.raises(Unreadable) as raised:
        read_weights(tmp_path / "junk.pth")

    assert f"{tmp_path / 'junk.pth'}: is no whole file of torch (" in str(raised.value)


def test_a_whole_network_in_a_pickle_is_refused_by_name(tmp_path):
    """torch.save(model) needs its classes to be run."""
    torch.save(nn.Linear(2, 2), tmp_path / "whole.pt")

    with pytest.raises(Refused) as raised:
        read_weights(tmp_path / "whole.pt")

    assert "holds more than tensors (torch.nn.modules.linear.Linear)" in str(raised.value)


def test_a_header_that_promises_too_much_is_unreadable(tmp_path):
    (tmp_path / "bomb.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")

    with pytest.raises(Unreadable):
        read_weights(tmp_path / "bomb.safetensors")


def test_a_file_without_tensors_says_what_it_holds(tmp_path):
    torch.save({"epoch": 3, "best": 0.9}, tmp_path / "run.pth")

    with pytest.raises(Refused) as raised:
        read_weights(tmp_path / "run.pth")

    assert str(raised.value) == (
        f"{tmp_path / 'run.pth'}: holds no tensors by name: want a state dict, have a dict of epoch, best."
    )


def test_a_file_of_another_kind_is_unreadable(tmp_path):
    (tmp_path / "net.h5").write_bytes(b"")

    with pytest.raises(Unreadable) as raised:
        read_weights(tmp_path / "net.h5")

    assert str(raised.value) == (f"{tmp_path / 'net.h5'}: is no file of weights: want .safetensors .pth .pt, have .h5.")


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Unreadable) as raised:
        find_weights(tmp_path / "net.pth")

    assert str(raised.value) == f"{tmp_path / 'net.pth'}: is not there. Look at the path of the weights."


def test_published_weights_that_are_not_here_say_what_to_fetch_and_where_to_put_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SWATH_WEIGHTS", str(tmp_path))

    with pytest.raises(Unreadable) as raised:
        find_weights("timm:vgg16.tv_in1k")

    assert str(raised.value) == (
        "weights timm:vgg16.tv_in1k: are not on this machine. Fetch model.safetensors of timm/vgg16.tv_in1k "
        "(https://huggingface.co/timm/vgg16.tv_in1k/resolve/main/model.safetensors) "
        f"and put it at {tmp_path / 'timm-vgg16.tv_in1k.safetensors'} (or set SWATH_WEIGHTS)."
    )


def test_what_was_put_there_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("SWATH_WEIGHTS", str(tmp_path))
    (tmp_path / "timm-vgg16.tv_in1k.safetensors").touch()

    assert find_weights("timm:vgg16.tv_in1k") == tmp_path / "timm-vgg16.tv_in1k.safetensors"


def test_a_name_that_nobody_publishes_lists_what_there_is(tmp_path, monkeypatch):
    monkeypatch.setenv("SWATH_WEIGHTS", str(tmp_path))

    with pytest.raises(Unreadable) as raised:
        find_weights("mine")

    assert "weights mine: are not on this machine, and nobody is known to publish them." in str(raised.value)
    assert f"or put mine.safetensors into {tmp_path}" in str(raised.value)


def test_timms_own_list_agrees_on_what_its_weights_expect():
    """pretrained_cfg of every network of timm's that a rule here names: repository, mean and deviation."""
    open_timm("resnet18", 3)
    import timm

    told = 0
    for name in timm.list_pretrained():
        theirs, ours = timm.models.get_pretrained_cfg(name), published(f"timm:{name}")
        if ours.transform:
            told += 1
            assert theirs.hf_hub_id in (ours.repository, "timm/"), name
            assert tuple(theirs.mean) == TRANSFORMS[ours.transform].mean, name
            assert tuple(theirs.std) == TRANSFORMS[ours.transform].std, name
    assert told > 100
    assert published("timm:resnet50_clip.openai").transform == ""


def test_published_weights_name_transforms_that_exist():
    assert all(
        each.transform in TRANSFORMS and set(each.bands) <= set(TRANSFORMS[each.transform].bands)
        for each in PUBLISHED.values()
    )


def test_a_layer_of_another_kind_still_loads_by_name():
    """Names are all that counts: any module will do."""
    net = nn.Sequential(nn.Linear(2, 3))

    assert load_weights(net, {"0.weight": torch.ones(3, 2), "0.bias": torch.zeros(3)}).share == 1
