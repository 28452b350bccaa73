"""Loader: order, resumption, threads, shards, memory, and what each tensor holds."""

from __future__ import annotations

import gc
import threading
from collections import Counter
from itertools import chain

import numpy as np
import pytest
import torch

from swath.batch import Augmentation, Batch, Loader, Sampling, augment, collate
from swath.batch.record import NO_TIME
from swath.core.errors import Mismatch, Refused, Unknown, Unreadable
from swath.core.quantity import TOA
from swath.core.specs import InputSpec, OutputSpec, StackInput
from tests.batch.a_corpus import BANDS, LEGEND, Coded, a_corpus, an_input, outputs


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Thirty samples of one date, none masked."""
    return a_corpus(tmp_path_factory.mktemp("plain") / "c", n=30)


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    """Two stacks, one to three dates, masks, four targets, and two samples that lack most of it."""
    path = tmp_path_factory.mktemp("rich") / "c"
    return a_corpus(path, n=14, dates=(3, 1, 2), masked=(2, 3), bare=(5, 6), has_coarse=True, has_more=True)


def a_loader(corpus, positions=None, **more):
    taken = {"batch_size": 4, "seed": 7, "workers": 0, **more}
    input = taken.pop("input", an_input())
    targets = taken.pop("outputs", outputs("class"))
    where = np.arange(len(corpus)) if positions is None else positions
    return Loader(corpus, where, input, targets, **taken)


def equal(one: Batch, other: Batch) -> bool:
    """True if all tensors are equal to the bit."""
    if one.ids != other.ids:
        return False
    pairs = [(one.lonlat, other.lonlat)]
    for name in ("x", "valid", "present", "times", "wavelengths", "y"):
        mine, theirs = getattr(one, name), getattr(other, name)
        pairs += [(mine[key], theirs[key]) for key in mine]
    return all(np.array_equal(a.numpy(), b.numpy(), equal_nan=a.is_floating_point()) for a, b in pairs)


def all_equal(one, other) -> bool:
    return len(one) == len(other) and all(map(equal, one, other))


EVERYTHING = Augmentation(right_angles="random", shift=2, brightness=0.2, gain=0.1, noise=0.01, band_dropout=0.2)


def test_pixels_come_as_stored_in_the_bands_that_the_model_wants(plain):
    """The source's own numbers; nothing normalised."""
    loader = a_loader(plain, input=an_input(bands=("B08", "B02")))

    batch = next(loader.in_order())

    want = np.stack([Coded().pixels(i)[:, [3, 0]] for i in range(4)]).astype(np.float32)
    np.testing.assert_array_equal(batch.x["s2"].numpy(), want)


def test_the_quantity_is_the_models(plain):
    """science.md 1.1: reflectance = DN / 10000."""
    toa = StackInput(BANDS, TOA, "L1C", 10.0, 1, (0.1,) * 4, (0.1,) * 4)
    loader = a_loader(plain, input=InputSpec({"s2": toa}, (8, 8)))

    batch = next(loader.in_order())

    np.testing.assert_allclose(batch.x["s2"][1, 0].numpy(), Coded().pixels(1)[0] / 10000, rtol=1e-6)


def test_dtypes_and_shapes_are_those_of_the_contract(rich):
    """architecture.md, contract 8."""
    asked = outputs("class", "several", "truth", "wealth")
    loader = a_loader(rich, input=an_input(dates=3, has_coarse=True), outputs=asked)

    batch = next(loader.epoch(0))

    shapes = {name: (tuple(t.shape), t.dtype) for name, t in {**batch.x, **batch.y}.items()}
    assert shapes == {
        "s2": ((4, 3, 4, 8, 8), torch.float32),
        "swir": ((4, 3, 2, 4, 4), torch.float32),
        "class": ((4,), torch.int64),
        "several": ((4, 10), torch.float32),
        "truth": ((4, 8, 8), torch.int64),
        "wealth": ((4, 2), torch.float32),
    }
    assert {tuple(t.shape) for t in batch.present.values()} == {(4, 3, 4), (4, 3, 2)}
    assert (batch.lonlat.dtype, batch.times["s2"].dtype, len(batch)) == (torch.float64, torch.int64, 4)


def test_dates_that_are_not_there_are_absent_invalid_and_the_mean(rich):
    """Sample 1 has one date of three: nothing may look like a measurement beside it."""
    loader = a_loader(rich, [1], input=an_input(dates=3))

    batch = next(loader.in_order())

    assert batch.present["s2"][0, :, 0].tolist() == [True, False, False]
    assert batch.valid["s2"][0, 1:].any().item() is False
    assert batch.x["s2"][0, 1:].unique().tolist() == [500.0]
    assert batch.times["s2"][0].tolist() == [1622505600 * 10**6, NO_TIME, NO_TIME]


def test_a_stack_that_a_sample_lacks_is_absent(rich):
    """Sample 5 has no coarse stack."""
    loader = a_loader(rich, [4, 5], input=an_input(dates=3, has_coarse=True))

    batch = next(loader.in_order())

    assert batch.present["swir"].any(dim=(1, 2)).tolist() == [True, False]
    assert batch.x["swir"][1].unique().tolist() == [500.0]


def test_masks_come_with_the_pixels(rich):
    """Sample 2 has an invalid corner of 2 x 3 pixels, on both dates."""
    loader = a_loader(rich, [2], input=an_input(dates=3))

    batch = next(loader.in_order())

    want = np.ones((8, 8), bool)
    want[:2, :3] = False
    np.testing.assert_array_equal(batch.valid["s2"][0, 1, 0].numpy(), want)
    assert batch.x["s2"][0, 1, 2][~torch.from_numpy(want)].unique().tolist() == [500.0]


def test_places_dates_and_wavelengths_come_along(rich):
    """Unknown places are NaN; wavelengths are Sentinel-2A's (science.md 1.9)."""
    loader = a_loader(rich, [4, 5], input=an_input(dates=3))

    batch = next(loader.in_order())

    np.testing.assert_array_equal(batch.lonlat.numpy(), [[14.0, 45.0], [np.nan, np.nan]])
    np.testing.assert_allclose(batch.wavelengths["s2"].numpy(), [492.7, 559.8, 664.6, 832.8], rtol=1e-6)


def test_an_epoch_shows_every_sample_once_in_batches_that_differ_by_one(plain):
    """30 samples in batches of 4: eight batches of 3 or 4, never one of 2."""
    loader = a_loader(plain)

    seen = list(loader.epoch(0))

    assert sorted(Counter(map(len, seen)).items()) == [(3, 2), (4, 6)]
    assert sorted(id for batch in seen for id in batch.ids) == plain.ids.to_pylist()
    assert len(loader) == len(seen)


def test_epochs_and_seeds_differ_and_repeat(plain):
    """Order is a function of seed and epoch."""
    orders = [a_loader(plain, seed=seed).order(epoch).tolist() for seed in (0, 1) for epoch in (0, 1, 0)]

    assert orders[0] == orders[2] != orders[1]
    assert len({tuple(each) for each in orders}) == 4


@pytest.mark.parametrize(("workers", "ahead"), [(1, 0), (1, 3), (2, 2), (4, 1)])
def test_threads_change_nothing(plain, workers, ahead):
    """Contract 8: whatever the worker count, bit for bit."""
    want = list(a_loader(plain, augmentation=EVERYTHING).epoch(3))

    got = list(a_loader(plain, augmentation=EVERYTHING, workers=workers, ahead=ahead).epoch(3))

    assert all_equal(got, want)


@pytest.mark.parametrize("start", [0, 1, 5, 8])
def test_an_epoch_resumes_at_any_batch(plain, start):
    """A run that was killed goes on with exactly the later batches."""
    whole = list(a_loader(plain, augmentation=EVERYTHING).epoch(2))

    rest = list(a_loader(plain, augmentation=EVERYTHING, workers=2).epoch(2, start=start))

    assert all_equal(rest, whole[start:])


@pytest.mark.parametrize(("start", "stop"), [(0, 3), (2, 8), (4, 4), (6, 99)])
def test_an_epoch_ends_at_any_batch(plain, start, stop):
    """A training that judges more often than once a pass; what lies beyond the last batch is not there."""
    whole = list(a_loader(plain, augmentation=EVERYTHING).epoch(2))

    some = list(a_loader(plain, augmentation=EVERYTHING, workers=2).epoch(2, start, stop))

    assert all_equal(some, whole[start:stop])
    assert len(some) == len(whole[start:stop])


def test_a_start_beyond_the_epoch_is_refused(plain):
    with pytest.raises(Refused, match="epoch 2: has 8 batches, none is number 9. Go on with the next epoch."):
        a_loader(plain).epoch(2, start=9)


def test_augmentation_belongs_to_the_sample_not_to_its_batch(plain):
    """Other batch sizes and other company: the same pixels for the same id."""
    few = a_loader(plain, batch_size=3, augmentation=EVERYTHING)
    many = a_loader(plain, np.arange(5, 25), batch_size=20, augmentation=EVERYTHING)

    held = {id: x for batch in few.epoch(1) for id, x in zip(batch.ids, batch.x["s2"], strict=True)}

    for batch in many.epoch(1):
        for id, x in zip(batch.ids, batch.x["s2"], strict=True):
            assert torch.equal(x, held[id])


def test_a_view_is_the_sample_of_the_batch(rich):
    """One sample on its own goes through the same steps."""
    loader = a_loader(
        rich, input=an_input(dates=3), outputs=outputs("class", "truth", "wealth"), augmentation=EVERYTHING
    )
    batch = next(loader.epoch(4))

    again = collate([loader.view(id, 4) for id in batch.ids], loader.input, wavelengths=loader.wavelengths)

    assert equal(again, batch)


@pytest.mark.parametrize("options", [EVERYTHING, Augmentation(rotation=30, crop=6, noise=0.01)])
def test_a_view_augmented_on_its_own_is_the_loaders(rich, options):
    """The loader moves stored integers before it converts them; one view is moved as float32."""
    size = options.crop or 8
    taken = {"input": an_input(dates=3, size=size), "outputs": outputs("truth")}
    untouched = a_loader(rich, **{**taken, "input": an_input(dates=3)})
    loader = a_loader(rich, **taken, augmentation=options)

    for id in ("s0002", "s0003", "s0004"):
        want, got = loader.view(id, 5), augment(untouched.view(id), options, loader.input, seed=7, epoch=5)

        np.testing.assert_array_equal(got.x["s2"], want.x["s2"])
        np.testing.assert_array_equal(got.valid["s2"], want.valid["s2"])
        np.testing.assert_array_equal(got.maps["truth"], want.maps["truth"])


@pytest.mark.parametrize("world", [1, 2, 3])
def test_processes_share_each_batch(plain, world):
    """The same global batches for any number of processes: their parts, joined, are the batch of one process."""
    whole = list(a_loader(plain, augmentation=EVERYTHING).epoch(0))

    parts = [list(a_loader(plain, augmentation=EVERYTHING, shard=(r, world)).epoch(0)) for r in range(world)]

    for i, batch in enumerate(whole):
        assert sum((part[i].ids for part in parts), ()) == batch.ids
        assert torch.equal(torch.cat([part[i].x["s2"] for part in parts]), batch.x["s2"])


def test_processes_share_the_evaluation(plain):
    """Every sample exactly once over all processes, also where a part is empty."""
    parts = [[id for batch in a_loader(plain, shard=(r, 7)).in_order() for id in batch.ids] for r in range(7)]

    assert sorted(chain(*parts)) == plain.ids.to_pylist()


def test_more_processes_than_samples_of_a_batch_are_refused(plain):
    with pytest.raises(Refused, match="epoch 0: a batch of 3 samples cannot be shared by 4 processes. Make batches"):
        a_loader(plain, shard=(0, 4)).epoch(0)


def test_a_rank_beyond_the_processes_is_refused(plain):
    with pytest.raises(Refused, match=r"loader: shard is \(rank, processes\), have rank 2 of 2 processes. Count ranks"):
        a_loader(plain, shard=(2, 2))


def test_evaluation_is_in_order_and_untouched(plain):
    """No augmentation, the order of the positions given, in any batch size."""
    where = [9, 3, 27]
    loader = a_loader(plain, where, augmentation=EVERYTHING, workers=2)

    batches = list(loader.in_order(2))

    assert [batch.ids for batch in batches] == [("s0009", "s0003"), ("s0027",)]
    np.testing.assert_array_equal(batches[1].x["s2"][0, 0].numpy(), Coded().pixels(27)[0])


def test_evaluation_takes_the_middle_of_a_crop(plain):
    """8 pixels cropped to 4: rows and columns 2 to 5."""
    loader = a_loader(plain, [3], input=an_input(size=4), augmentation=Augmentation(crop=4))

    batch = next(loader.in_order())

    np.testing.assert_array_equal(batch.x["s2"][0, 0].numpy(), Coded().pixels(3)[0, :, 2:6, 2:6])


def test_no_thread_is_left_when_an_epoch_is_over(plain):
    """So that a process may fork between epochs."""
    before = threading.active_count()

    list(a_loader(plain, workers=3).epoch(0))

    assert threading.active_count() == before


@pytest.mark.parametrize("how", ["close", "drop"])
def test_threads_end_with_an_iterator_that_is_not_used_up(plain, how):
    """Closed or garbage-collected after one batch of eight."""
    before = threading.active_count()
    iterator = a_loader(plain, workers=3).epoch(0)
    next(iterator)
    assert threading.active_count() == before + 3

    if how == "close":
        iterator.close()
    del iterator
    gc.collect()

    assert threading.active_count() == before


def test_an_error_of_a_thread_is_raised_in_the_caller(tmp_path):
    """The checksum of a frame fails: its sentence arrives, after the batches before it."""
    corpus = a_corpus(tmp_path / "c", n=9)
    shard = next((tmp_path / "c").glob("pixels/s2.zarr/pixels/c/*/0/0/0"))
    blob = bytearray(shard.read_bytes())
    blob[200] ^= 1
    shard.write_bytes(blob)
    before = threading.active_count()

    with pytest.raises(Unreadable, match="the frame fails its checksum. Run: swath corpus verify, then repair."):
        list(a_loader(corpus, workers=2).epoch(0))

    assert threading.active_count() == before


def test_an_unknown_target_is_refused(plain):
    with pytest.raises(Unknown, match="unknown target 'clas'. Did you mean 'class'?"):
        a_loader(plain, outputs={"clas": OutputSpec("scene", LEGEND.codes, LEGEND)})


def test_samples_of_another_size_are_refused(plain):
    said = "stack s2: size differs: want 4 x 4 pixels \\(bundle b\\), have 8 x 8 pixels"
    with pytest.raises(Mismatch, match=said):
        a_loader(plain, input=an_input(size=4), by="bundle b")


def test_a_crop_that_is_not_what_the_model_takes_is_refused(plain):
    said = r"augmentation: crop differs: want 8 x 8 pixels \(model\), have 6 x 6. Crop to what the model takes."
    with pytest.raises(Mismatch, match=said):
        a_loader(plain, augmentation=Augmentation(crop=6))


def test_balanced_epochs_show_every_class_alike(plain):
    """Of 30 samples those of classes 0 to 2 are taken, but class 2 only once: each class comes ten times of 30."""
    where = [*range(0, 30, 10), *range(1, 30, 10), 2]
    loader = a_loader(plain, where, sampling=Sampling("balanced", draws=30))

    seen = Counter(label for batch in loader.epoch(0) for label in batch.y["class"].tolist())

    assert seen == {0: 10, 1: 10, 2: 10}


def test_a_sample_that_comes_again_is_augmented_anew(plain):
    """The only sample of its class must not be the same picture ten times an epoch."""
    loader = a_loader(plain, [0, 1], sampling=Sampling("balanced", draws=40), augmentation=Augmentation(shift=3))

    shown = {x.numpy().tobytes() for batch in loader.epoch(0) for x in batch.x["s2"]}

    assert len(shown) > 20


def test_a_class_without_samples_is_refused_by_name(plain):
    where = [0, 1, 10]
    said = "balanced sampling: no sample is of class HerbaceousVegetation. Leave it out of the classes, or add samples."
    with pytest.raises(Refused, match=said):
        a_loader(plain, where, sampling=Sampling("balanced", classes=(0, 2)))


def test_no_sample_is_refused(plain):
    with pytest.raises(Refused, match="no sample is asked for. Look at the split."):
        a_loader(plain, [])


def test_positions_beyond_the_corpus_are_refused(plain):
    with pytest.raises(Mismatch, match="positions differs: want 0 to 29, have 3 to 30."):
        a_loader(plain, [3, 30])


def test_a_view_of_a_sample_that_is_not_among_them_is_refused(plain):
    with pytest.raises(Unknown, match="unknown sample 's0009'"):
        a_loader(plain, [1, 2]).view("s0009")


def test_a_code_that_is_no_class_cannot_be_balanced(plain):
    with pytest.raises(Unknown, match="balanced sampling: unknown code of target class '12'"):
        a_loader(plain, sampling=Sampling("balanced", classes=(0, 12)))


def test_balanced_sampling_needs_a_class_target(plain):
    with pytest.raises(Refused, match="balanced sampling: needs one class target: have none. Name it."):
        a_loader(plain, outputs={}, sampling=Sampling("balanced"))
