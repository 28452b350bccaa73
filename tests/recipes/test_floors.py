"""Floors: each is exactly what it says, fitted on train alone, for the ids of the part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import correlate
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from swath.core.errors import Refused, Unknown
from swath.core.quantity import TOA
from swath.core.specs import InputSpec, StackInput
from swath.core.sphere import distance
from swath.corpus import open_corpus
from swath.corpus.splitfile import load_split
from swath.recipes import floors as module
from swath.recipes.floors import FLOORS, draw_filters, make_floors, mean_and_sd
from swath.recipes.split import places_of
from tests.recipes.a_model import EUROSAT, Unlabelled, a_corpus, index_of

RGB = InputSpec({"s2": StackInput(("B02", "B04"), TOA, "L1C", 10.0, 1, (0.13, 0.14), (0.02, 0.03))}, (16, 16))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return a_corpus(tmp_path_factory.mktemp("floors") / "numbers")


@pytest.fixture(scope="module")
def floors(corpus):
    made = make_floors(corpus, load_split(corpus, "blocks"), RGB, "class", EUROSAT.codes)
    return {floor.name: floor for floor in made}


def pixels(corpus, ids):
    """B02 and B04 as reflectance, straight from the store."""
    return corpus.pixels("s2", corpus.positions(ids))[:, :, [2, 0]].astype(float) / 10_000


def test_every_floor_answers_for_every_id_of_the_part(corpus, floors):
    ids = tuple(load_split(corpus, "blocks").ids("test"))

    assert list(floors) == list(FLOORS)
    assert {floor.ids for floor in floors.values()} == {ids}
    assert {floor.train for floor in floors.values()} == {len(load_split(corpus, "blocks").ids("train"))}


def test_majority_is_the_commonest_label_of_train(corpus, floors):
    train = [index_of(id) % 10 for id in load_split(corpus, "blocks").ids("train")]
    [answer] = set(floors["majority"].predicted.tolist())

    assert train.count(answer) == max(map(train.count, train))


def test_nearest_place_is_a_naive_search_over_train(corpus, floors):
    split, places = load_split(corpus, "blocks"), places_of(corpus)
    at = {id: i for i, id in enumerate(places.ids)}
    train = np.array([at[id] for id in split.ids("train")])
    for id, answer in zip(floors["nearest place"].ids, floors["nearest place"].predicted, strict=True):
        i = at[id]
        away = distance(places.lon[i], places.lat[i], places.lon[train], places.lat[train])
        nearest = {index_of(places.ids[k]) % 10 for k in train[away <= away.min() + 1]}
        assert answer in nearest


def test_band_mean_and_sd_are_scikit_learns_on_a_naive_loop(corpus, floors):
    """The same features from plain loops, the same regression from a pipeline."""
    split = load_split(corpus, "blocks")
    features = {
        part: [[f(image[0, b]) for f in (np.mean, np.std) for b in (0, 1)] for image in pixels(corpus, split.ids(part))]
        for part in ("train", "test")
    }
    labels = [index_of(id) % 10 for id in split.ids("train")]
    scaler = StandardScaler().fit(features["train"])
    model = LogisticRegression(C=1.0, max_iter=1000).fit(scaler.transform(features["train"]), labels)

    expected = model.predict_log_proba(scaler.transform(features["test"]))
    held = floors["band mean and sd"].raw
    np.testing.assert_allclose(held[:, model.classes_], expected, atol=2e-3)
    np.testing.assert_array_equal(held.argmax(axis=1), floors["band mean and sd"].predicted)


def test_mean_and_sd_pass_over_invalid_pixels():
    x = np.arange(32.0).reshape(1, 2, 1, 4, 4)
    valid = x % 3 > 0
    kept = x[valid]

    np.testing.assert_allclose(mean_and_sd(x, valid), [[kept.mean(), kept.std()]])
    assert np.isnan(mean_and_sd(x, np.zeros_like(valid))).all()


def test_filters_respond_as_a_plain_correlation_does():
    """scipy's correlation with the filter's weights, less its share of the mean; thresholds at half a deviation."""
    rng = np.random.default_rng(0)
    pictures = rng.normal(0.13, 0.03, (40, 2, 9, 8))
    filters = draw_filters(pictures, RGB.stacks["s2"], seed=3, scales=(1,))
    weights, silence = filters.weights[1]
    normal = (pictures[0] - [[[0.13]], [[0.14]]]) / [[[0.02]], [[0.03]]]
    response = [correlate(normal, w.reshape(2, 3, 3), "valid")[0] for w in weights.T.astype(float)] - silence[
        :, None, None
    ]

    expected = [np.maximum(sign * response - 0.5, 0).mean(axis=(1, 2)) for sign in (1, -1)]
    np.testing.assert_allclose(filters.features(pictures[:1, None])[0], np.concatenate(expected), atol=2e-4)


def test_whitened_responses_have_about_unit_spread():
    """White noise in, filters of one deviation out: one threshold fits all."""
    pictures = np.random.default_rng(1).normal(0.13, 0.02, (300, 2, 12, 12))
    spec = StackInput(("B02", "B04"), TOA, "L1C", 10.0, 1, (0.13, 0.13), (0.02, 0.02))
    weights, _ = draw_filters(pictures, spec, seed=0, scales=(1,)).weights[1]

    assert 0.8 < np.linalg.norm(weights, axis=0).mean() < 1.05


def test_the_same_seed_draws_the_same_filters_and_another_does_not():
    pictures = np.random.default_rng(0).normal(0.13, 0.03, (20, 2, 8, 8))
    one, same, other = (draw_filters(pictures, RGB.stacks["s2"], seed=seed).weights[1][0] for seed in (0, 0, 1))

    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_windows_too_small_for_the_second_scale_still_have_features():
    pictures = np.random.default_rng(0).normal(0.13, 0.03, (20, 2, 3, 1))

    features = draw_filters(pictures, RGB.stacks["s2"], seed=0).features(pictures[:, None])

    assert features.shape == (20, 2 * 128)
    assert np.isfinite(features).all()


def test_without_any_place_the_nearest_one_has_no_answer(corpus, monkeypatch):
    """The table then says why, and the interval is none."""
    real = places_of(corpus)
    nowhere = replace(real, lon=np.full(len(real), np.nan), lat=np.full(len(real), np.nan))
    monkeypatch.setattr(module, "places_of", lambda _: nowhere)

    [floor] = make_floors(corpus, load_split(corpus, "random"), RGB, "class", EUROSAT.codes, which=["nearest place"])

    assert set(floor.predicted.tolist()) == {-1}
    assert "no places are known" in floor.about


def test_an_unknown_floor_names_the_nearest(corpus):
    with pytest.raises(Unknown, match="unknown floor 'majorty'. Did you mean 'majority'"):
        make_floors(corpus, load_split(corpus, "blocks"), RGB, "class", EUROSAT.codes, which=["majorty"])


def test_train_without_labels_is_refused(tmp_path):
    bare = a_corpus(tmp_path / "bare", Unlabelled(n=70, without=tuple(range(70))))

    with pytest.raises(Refused, match="train of split random holds no label of target class"):
        make_floors(open_corpus(bare.path), load_split(bare, "random"), RGB, "class", EUROSAT.codes)
