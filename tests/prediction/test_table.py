"""Tables: every sample answered once under its own id, from exactly the pixels that the model wants."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.special import expit, softmax

from swath.core.errors import Mismatch, Refused, Unknown, Unreadable
from swath.core.legends import Legend, LegendClass, legend
from swath.core.quantity import BOA, TOA, dn
from swath.core.sample import Target, TargetSpec
from swath.core.specs import Calibration, OutputSpec
from swath.corpus import build, open_corpus
from swath.prediction import predict_table, read_table
from tests.corpus.a_source import Numbers
from tests.prediction.a_predictor import CODES, Means, an_input

SOURCE = Numbers(n=11, masked=(1, 4))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus") / "c"
    build(SOURCE, SOURCE.plan(), folder)
    return open_corpus(folder)


def a_corpus(source, folder):
    build(source, source.plan(), folder)
    return open_corpus(folder)


def expected_raw(source, index, band=2):
    """The mean of B02's valid pixels, from the source itself."""
    sample = source.sample(source.plan().rows.to_pylist()[index])
    pixels = sample.stacks["s2"].data[:, band].astype(float)
    valid = sample.stacks["s2"].valid
    mean = pixels.mean() if valid is None else pixels[np.broadcast_to(valid[:, 0], pixels.shape)].mean()
    return (mean - 1100) * np.array([-1, 0, 1])


def test_every_sample_is_answered_from_its_own_pixels(corpus, tmp_path):
    """Bands picked by name in the model's order; invalid pixels left to the mask."""
    done = predict_table(Means(), corpus, tmp_path / "p.parquet", batch=4)

    table = read_table(tmp_path / "p.parquet")
    assert table.ids == tuple(f"number-{i:04d}" for i in range(11))
    np.testing.assert_allclose(table.raw, [expected_raw(SOURCE, i) for i in range(11)], rtol=1e-4, atol=2e-3)
    assert (done.samples, done.unanswered, done.labelled) == (11, 0, 11)


def test_probabilities_are_a_softmax_with_the_temperature(corpus, tmp_path):
    predict_table(Means(), corpus, tmp_path / "p.parquet", calibration=Calibration(40.0))

    table = read_table(tmp_path / "p.parquet")
    np.testing.assert_allclose(table.probability, softmax(table.raw / 40, axis=1), rtol=1e-5)
    np.testing.assert_array_equal(table.predicted, np.array(CODES)[table.raw.argmax(axis=1)])
    np.testing.assert_array_equal(table.confidence, table.probability.max(axis=1))
    assert table.calibration == Calibration(40.0)


def test_the_truth_stands_beside_the_answer(corpus, tmp_path):
    """Classes 0 to 9 and again 0; the model knows 9, 2 and 0."""
    predict_table(Means(), corpus, tmp_path / "p.parquet")

    table = read_table(tmp_path / "p.parquet")
    np.testing.assert_array_equal(table.truth, [*range(10), 0])
    np.testing.assert_array_equal(table.truth_index(), [2, -1, 1, -1, -1, -1, -1, -1, -1, 0, 2])


def test_place_and_time_come_with_it(corpus, tmp_path):
    predict_table(Means(), corpus, tmp_path / "p.parquet")

    table = read_table(tmp_path / "p.parquet")
    assert set(table.times.astype("datetime64[D]").astype(str)) == {"2021-06-01"}
    rows = corpus.rows(["lon", "lat"])
    np.testing.assert_array_equal(table.lonlat, np.stack([rows["lon"].to_numpy(), rows["lat"].to_numpy()], axis=1))
    west = geopandas.read_parquet(tmp_path / "p.parquet").geometry.bounds["minx"]
    np.testing.assert_allclose(west, rows["lon"].to_numpy(), atol=0.01)


def test_anybody_can_read_it(corpus, tmp_path):
    """Names of classes, a probability each, and the hash of the model, in plain columns."""
    predict_table(Means(), corpus, tmp_path / "p.parquet", name="means", bundle_hash="ab12")

    held = pq.read_table(tmp_path / "p.parquet")
    assert held.column_names == [
        *("id", "lon", "lat", "time", "bbox", "geometry", "valid_share", "prediction", "name"),
        *("p_SeaLake", "p_HerbaceousVegetation", "p_AnnualCrop", "raw", "truth", "bundle"),
    ]
    row = held.slice(3, 1).to_pylist()[0]
    assert (row["bundle"], row["name"]) == ("ab12", legend("eurosat").name_of(row["prediction"]))
    assert json.loads(held.schema.metadata[b"geo"])["version"] == "1.1.0"
    table = read_table(tmp_path / "p.parquet")
    assert (table.bundle, table.bundle_hash, table.corpus) == ("means", "ab12", corpus.meta.plan_hash)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_the_batch_changes_nothing(corpus, tmp_path, batch):
    predict_table(Means(), corpus, tmp_path / "one.parquet", batch=11)
    predict_table(Means(), corpus, tmp_path / "other.parquet", batch=batch)

    one, other = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("one", "other"))
    assert one.drop_columns("bundle").equals(other.drop_columns("bundle"))


def test_rows_come_in_the_order_asked_for(corpus, tmp_path):
    predict_table(Means(), corpus, tmp_path / "p.parquet", positions=[7, 2, 9], batch=2)

    table = read_table(tmp_path / "p.parquet")
    assert table.ids == ("number-0007", "number-0002", "number-0009")
    np.testing.assert_allclose(table.raw[1], expected_raw(SOURCE, 2), rtol=1e-4, atol=2e-3)


def test_no_sample_is_an_empty_table(corpus, tmp_path):
    predict_table(Means(), corpus, tmp_path / "p.parquet", positions=[])

    assert len(read_table(tmp_path / "p.parquet")) == 0


def test_valid_share_is_that_of_what_the_model_looked_at(corpus, tmp_path):
    """Sample 1 lacks 2 x 13 of 256 pixels, sample 4 lacks 5 x 13."""
    predict_table(Means(), corpus, tmp_path / "p.parquet")

    share = read_table(tmp_path / "p.parquet").valid_share
    np.testing.assert_allclose(share[[0, 1, 4]], [1, 1 - 26 / 256, 1 - 65 / 256])


def test_too_few_measured_pixels_have_no_answer(corpus, tmp_path):
    """Nodata in, nodata out: null in the file, -1 and NaN in the record."""
    done = predict_table(Means(), corpus, tmp_path / "p.parquet", least_valid=0.8)

    table = read_table(tmp_path / "p.parquet")
    assert done.unanswered == 1
    assert np.flatnonzero(table.predicted == -1).tolist() == [4]
    assert np.isnan(table.raw[4]).all()
    assert np.isnan(table.probability[4]).all()
    assert "11 samples, 10 answered, 1 without measured pixels, 11 with a label" in done.summary()
    row = pq.read_table(tmp_path / "p.parquet").slice(4, 1).to_pylist()[0]
    assert [row[name] for name in ("prediction", "name", "p_SeaLake", "raw")] == [None] * 4


def test_other_offsets_are_brought_to_the_models(corpus, tmp_path):
    """A model of baseline 04.00 sees 1000 more; one of reflectance a ten-thousandth."""
    shifted, physical = (
        Means(an_input(quantity=dn("toa", offset=-1000))),
        Means(an_input(quantity=TOA, mean=(0.1, 0.1))),
    )
    for each in (shifted, physical):
        predict_table(each, corpus, tmp_path / "p.parquet", positions=[0])

    plain = SOURCE.pixels(0)[:, [2, 0]][None].astype(np.float32)
    np.testing.assert_array_equal(shifted.seen[0]["x"], plain + 1000)
    np.testing.assert_array_equal(physical.seen[0]["x"], plain / np.float32(10000))


def test_samples_with_fewer_dates_are_padded_and_masked(tmp_path):
    """The model looks at two dates; every second sample has one."""

    class Uneven(Numbers):
        def sample(self, row):
            return Numbers(dates=1 + row["index"] % 2).sample(row)

    model = Means(an_input(dates=2))
    predict_table(model, a_corpus(Uneven(n=4, dates=2), tmp_path / "c"), tmp_path / "p.parquet")

    seen = model.seen[0]
    assert seen["valid"].all(axis=(2, 3, 4)).tolist() == [[True, False], [True, True]] * 2
    assert np.isnat(seen["times"]).tolist() == [[False, True], [False, False]] * 2
    assert (seen["x"][0, 1] == 1100).all()
    np.testing.assert_allclose(read_table(tmp_path / "p.parquet").valid_share, [0.5, 1, 0.5, 1])


def test_it_works_without_labels(tmp_path):
    class Nameless(Numbers):
        def plan(self, places=None, dates=None, spec=None):
            held = super().plan()
            return replace(held, layout=replace(held.layout, targets={}, stacks={"s2": held.layout.stacks["s2"]}))

        def sample(self, row):
            return replace(super().sample(row), targets={})

    done = predict_table(Means(), a_corpus(Nameless(n=3, has_map=False), tmp_path / "c"), tmp_path / "p.parquet")

    table = read_table(tmp_path / "p.parquet")
    assert (done.labelled, table.truth, table.truth_index()) == (0, None, None)
    assert "truth" not in pq.read_schema(tmp_path / "p.parquet").names


def test_labels_of_another_legend_are_no_truth(corpus, tmp_path):
    """Dynamic World's 2 is grass, EuroSAT's is herbaceous vegetation."""
    other = Means(output=OutputSpec("scene", (2, 0), legend("dynamic-world")))
    predict_table(other, corpus, tmp_path / "p.parquet")

    assert read_table(tmp_path / "p.parquet").truth is None
    with pytest.raises(Mismatch, match=r"target class: legend differs: want dynamic-world: 2 'grass' \(bundle dw\)"):
        predict_table(other, corpus, tmp_path / "p.parquet", target="class", name="dw")


def test_several_labels_are_lists(tmp_path):
    class Several(Numbers):
        def plan(self, places=None, dates=None, spec=None):
            held = super().plan()
            targets = {**held.layout.targets, "classes": TargetSpec("classes", legend="eurosat")}
            return replace(held, layout=replace(held.layout, targets=targets))

        def sample(self, row):
            held, i = super().sample(row), row["index"]
            return replace(held, targets={**held.targets, "classes": Target(codes=None if i == 1 else (i, 9))})

    model = Means(output=OutputSpec("scene", CODES, legend("eurosat"), is_multilabel=True))
    predict_table(model, a_corpus(Several(n=3), tmp_path / "c"), tmp_path / "p.parquet")

    table = read_table(tmp_path / "p.parquet")
    np.testing.assert_allclose(table.probability, expit(table.raw), rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(table.predicted, table.raw >= 0)
    np.testing.assert_array_equal(table.truth, [[1, 0, 1], [np.nan] * 3, [1, 1, 0]])
    with pytest.raises(Refused, match="holds no single class"):
        _ = table.confidence


def test_values_keep_their_units(tmp_path):
    class Valued(Numbers):
        def plan(self, places=None, dates=None, spec=None):
            held = super().plan()
            targets = {**held.layout.targets, "height": TargetSpec("values", units={"mean": "m", "top": "m"})}
            return replace(held, layout=replace(held.layout, targets=targets))

        def sample(self, row):
            held = super().sample(row)
            return replace(held, targets={**held.targets, "height": Target(values={"mean": float(row["index"])})})

    model = Means(output=OutputSpec("values", units={"mean": "m", "top": "m"}))
    predict_table(model, a_corpus(Valued(n=3), tmp_path / "c"), tmp_path / "p.parquet")

    table = read_table(tmp_path / "p.parquet")
    np.testing.assert_array_equal(table.truth, [[0, np.nan], [1, np.nan], [2, np.nan]])
    np.testing.assert_array_equal(pq.read_table(tmp_path / "p.parquet")["value_top"].to_numpy(), table.raw[:, 1])
    assert table.predicted is None


def test_embeddings_are_one_column(corpus, tmp_path):
    predict_table(Means(output=OutputSpec("vector")), corpus, tmp_path / "p.parquet", least_valid=0.8)

    table = read_table(tmp_path / "p.parquet")
    assert table.raw.shape == (11, 3)
    assert np.isnan(table.raw[4]).all()


def test_progress_is_told(corpus, tmp_path):
    told = []
    predict_table(
        Means(), corpus, tmp_path / "p.parquet", batch=5, progress=lambda done, total: told.append((done, total))
    )

    assert told == [(5, 11), (10, 11), (11, 11)]


def test_a_table_that_is_not_finished_is_not_there(corpus, tmp_path):
    """The model fails in its second batch; the old table stays, nothing else does."""

    class Failing(Means):
        def samples(self, stacks, valid, times):
            if self.seen:
                raise ZeroDivisionError
            return super().samples(stacks, valid, times)

    predict_table(Means(), corpus, tmp_path / "p.parquet")
    before = (tmp_path / "p.parquet").read_bytes()
    with pytest.raises(ZeroDivisionError):
        predict_table(Failing(), corpus, tmp_path / "p.parquet", batch=5)

    assert (tmp_path / "p.parquet").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        (an_input(("B08",)), r"stack s2: bands \(B08 missing\) differs: want B08 \(bundle means\), have B04 B03 B02"),
        (an_input(quantity=BOA), r"want boa reflectance \(bundle means\), have dn offset 0"),
        (an_input(level="L2A"), r"level differs: want L2A \(bundle means\), have L1C"),
        (an_input(gsd=20.0), r"gsd differs: want 20 m \(bundle means\), have 10 x 10 m"),
        (an_input(size=64), r"size differs: want 64 x 64 pixels \(bundle means\), have 16 x 16 pixels"),
        (an_input(dates=4), r"dates differs: want 4 \(bundle means\), have 1"),
    ],
)
def test_a_corpus_that_the_model_was_not_made_for_is_refused_before_a_pixel_is_read(
    corpus, tmp_path, monkeypatch, needs, said
):
    monkeypatch.setattr(type(corpus), "pixels", lambda *a, **k: pytest.fail("read a pixel"))

    with pytest.raises(Mismatch, match=said):
        predict_table(Means(needs), corpus, tmp_path / "p.parquet", name="means")
    assert not (tmp_path / "p.parquet").exists()


def test_a_sample_of_another_ground_size_is_named(tmp_path):
    """Degree grids: nominal 10 m, and 7.4 m here."""

    class Odd(Numbers):
        def sample(self, row):
            held = super().sample(row)
            if row["index"] == 2:
                held = replace(held, stacks={"s2": replace(held.stacks["s2"], gsd=(7.4, 10.0))})
            return held

    corpus = a_corpus(Odd(n=4), tmp_path / "c")
    with pytest.raises(
        Mismatch, match=r"sample number-0002 stack s2: gsd differs: want 10 m \(bundle means\), have 7.4 x 10 m"
    ):
        predict_table(Means(), corpus, tmp_path / "p.parquet", name="means")
    assert predict_table(Means(), corpus, tmp_path / "p.parquet", positions=[0, 1, 3]).samples == 3


def test_raw_output_that_is_no_answer_is_refused(corpus, tmp_path):
    class Broken(Means):
        def samples(self, stacks, valid, times):
            raw = super().samples(stacks, valid, times)
            raw[2] = np.nan
            return raw

    with pytest.raises(Refused, match="bundle b, sample number-0002: gives NaN or infinity, which is no answer"):
        predict_table(Broken(), corpus, tmp_path / "p.parquet", name="b")


def test_raw_output_of_another_shape_is_refused(corpus, tmp_path):
    class Wide(Means):
        def samples(self, stacks, valid, times):
            return np.zeros((len(stacks["s2"]), 4))

    with pytest.raises(Mismatch, match=r"bundle b: shape of the raw output differs: want \(11, 3\), have \(11, 4\)"):
        predict_table(Wide(), corpus, tmp_path / "p.parquet", name="b")


def test_a_model_of_maps_gives_no_table(corpus, tmp_path):
    with pytest.raises(Refused, match="bundle b: gives a dense output, no answer a sample"):
        predict_table(Means(output=OutputSpec("dense", CODES, legend("eurosat"))), corpus, tmp_path / "p", name="b")
    with pytest.raises(Refused, match="bundle b: names no classes"):
        predict_table(Means(output=OutputSpec("scene")), corpus, tmp_path / "p", name="b")


def test_an_unknown_target_or_position_is_refused(corpus, tmp_path):
    with pytest.raises(Unknown, match=r"unknown target 'clas'\. Did you mean 'class'"):
        predict_table(Means(), corpus, tmp_path / "p", target="clas")
    with pytest.raises(Mismatch, match="kind of target differs: want class .* have map"):
        predict_table(Means(), corpus, tmp_path / "p", target="truth")
    with pytest.raises(Mismatch, match="positions differs: want whole numbers from 0 to 10, have 3 to 11"):
        predict_table(Means(), corpus, tmp_path / "p", positions=[3, 11])


def test_two_targets_that_would_do_are_refused(tmp_path):
    class Twice(Numbers):
        def plan(self, places=None, dates=None, spec=None):
            held = super().plan()
            targets = {**held.layout.targets, "again": TargetSpec("class", legend="eurosat")}
            return replace(held, layout=replace(held.layout, targets=targets))

    corpus = a_corpus(Twice(n=2), tmp_path / "c")
    with pytest.raises(Refused, match="targets class, again could all be the truth of bundle unnamed"):
        predict_table(Means(), corpus, tmp_path / "p.parquet")
    assert predict_table(Means(), corpus, tmp_path / "p.parquet", target="class").labelled == 2


def test_what_is_no_table_is_refused(corpus, tmp_path):
    with pytest.raises(Unreadable, match=r"gone\.parquet: is not there\. Write one: swath predict\."):
        read_table(tmp_path / "gone.parquet")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(Unreadable, match=r"torn\.parquet: is damaged"):
        read_table(tmp_path / "torn.parquet")
    with pytest.raises(Unreadable, match="is no table of predictions"):
        read_table(next((corpus.path / "samples").glob("*.parquet")))


def test_a_newer_table_is_refused(corpus, tmp_path):
    predict_table(Means(), corpus, tmp_path / "p.parquet")
    held = pq.read_table(tmp_path / "p.parquet")
    ours = json.loads(held.schema.metadata[b"swath"]) | {"schema": 2}
    pq.write_table(held.replace_schema_metadata({b"swath": json.dumps(ours)}), tmp_path / "p.parquet")

    with pytest.raises(Refused, match=r"was written by a newer swath \(schema 2, this one reads 1\)"):
        read_table(tmp_path / "p.parquet")


def test_a_sample_without_the_stack_has_no_answer(tmp_path):
    """Its pixels are masked whole, its date unknown, its answer null; the others are as they were."""

    class Gappy(Numbers):
        def plan(self, places=None, dates=None, spec=None):
            held = super().plan()
            stacks = {**held.layout.stacks, "other": held.layout.stacks["s2"]}
            return replace(held, layout=replace(held.layout, stacks=stacks))

        def sample(self, row):
            held = super().sample(row)
            return replace(held, stacks={"other" if row["index"] == 1 else "s2": held.stacks["s2"]})

    done = predict_table(Means(), a_corpus(Gappy(n=3), tmp_path / "c"), tmp_path / "p.parquet")

    table = read_table(tmp_path / "p.parquet")
    assert (done.unanswered, table.predicted[1], np.isnat(table.times[1]), table.valid_share[1]) == (1, -1, True, 0)
    np.testing.assert_allclose(table.raw[2], expected_raw(SOURCE, 2), rtol=1e-4, atol=2e-3)


def test_a_legend_of_ones_own_travels_with_the_table(corpus, tmp_path):
    own = Legend("mine", (LegendClass(1, "wet", "0000ff"), LegendClass(2, "dry", "ffff00")))
    predict_table(Means(output=OutputSpec("scene", (1, 2), own)), corpus, tmp_path / "p.parquet")

    assert read_table(tmp_path / "p.parquet").output.legend == own


def test_memory_follows_the_batch_and_not_the_corpus(tmp_path):
    """Four times the samples in the same batches: the peak of numpy and Python stays."""
    peaks = []
    for n in (32, 128):
        corpus = a_corpus(Numbers(n=n, size=64, has_map=False), tmp_path / str(n))
        model = Means(an_input(size=64))
        model.seen = _Forgetful()
        tracemalloc.start()
        predict_table(model, corpus, tmp_path / "p.parquet", batch=8)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.25 * peaks[0]


class _Forgetful(list):
    def append(self, item):
        pass
