"""Floors: how well answers come out that need no network, on the very samples that a model is judged on.

    majority           the commonest label of train, for everything
    nearest place      the label of the nearest train place (great circle), whatever the pixels show
    band mean and sd   mean and standard deviation of every band over the window, logistic regression
    random filters     random convolutional features after Rolf et al. 2021 (MOSAIKS), logistic regression

A model that does not beat them has learnt nothing that is worth its minutes. Everything is fitted on train alone, on
the bands and numbers that the model itself takes, with nothing tuned: the regularisation is fixed and told. Only for
targets of one class a sample.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Refused, Unknown
from swath.core.extras import need
from swath.core.inputs import require_inputs, to_input
from swath.core.progress import SILENT, Progress
from swath.core.specs import InputSpec, StackInput
from swath.core.sphere import nearest_place
from swath.corpus.corpus import Corpus
from swath.corpus.places import keys_of
from swath.corpus.splits import Split
from swath.evaluate.confusion import NONE, index_of
from swath.recipes.split import chunks, places_of

__all__ = ["FLOORS", "Filters", "Floor", "draw_filters", "make_floors", "mean_and_sd"]

#: Inverse strength of the L2 penalty of both regressions, as scikit-learn counts it (C), on standardised features.
_PENALTY: Final = 1.0
#: Filters a stack and a scale, their side [px], and the scales: at the stack's gsd, and at twice of it.
_COUNT, _SIDE, _SCALES = 128, 3, (1, 2)
#: Response below which a filter stays silent, in standard deviations of the whitened patches.
_SILENCE: Final = 0.5
#: Added to the variances when patches are whitened, in units of the normalised bands' variance.
_SOFTENING: Final = 0.1
#: Train samples from which patches are drawn, at most, and patches of each.
_DONORS, _PATCHES = 500, 40
_STEPS: Final = 1000
#: Log-probability of a class that train does not hold.
_NEVER: Final = float(np.log(1e-9))
#: Numbers held at once by the responses of filters.
_NUMBERS: Final = 1 << 20

_REGRESSION: Final = f"logistic regression (L2, C = {_PENALTY:g}, features standardised on train)"
#: Name -> exactly what it is.
FLOORS: Final[dict[str, str]] = {
    "majority": "the commonest label of train for every sample",
    "nearest place": "the label of the nearest train place on the sphere; pixels are not looked at",
    "band mean and sd": f"mean and standard deviation of every band over the window's valid pixels; {_REGRESSION}",
    "random filters": (
        f"{_COUNT} filters of {_SIDE} x {_SIDE} pixels at the gsd and {_COUNT} at twice the gsd for each stack: random "
        f"patches of train, whitened (ZCA, {_SOFTENING:g}), positive and negative response beyond {_SILENCE:g} "
        f"averaged over the window; {_REGRESSION}"
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Floor:
    """Answers of one floor."""

    #: Key of `FLOORS`.
    name: str
    #: Exactly what it is; where it could not be made, why.
    about: str
    #: Samples that were asked, in the order of the answers.
    ids: tuple[str, ...]
    #: Codes, int64 (n,); -1 = no answer.
    predicted: Array
    #: Log-probabilities, float64 (n, k) in the order of the codes; None where there are none.
    raw: Array | None
    #: Train samples that it was fitted on.
    train: int


def mean_and_sd(x: Array, valid: Array) -> Array:
    """Mean and standard deviation of every band over its valid pixels, all dates together.

    Parameters
    ----------
    x : float array, shape (n, t, b, h, w)
    valid : bool array, shape (n, t, b or 1, h, w)

    Returns
    -------
    float64 array, shape (n, 2 b)
        Means, then deviations; NaN where a band has no valid pixel.

    Examples
    --------
    >>> x = np.array([1.0, 3.0, 100.0, 2.0]).reshape(1, 1, 1, 2, 2)
    >>> mean_and_sd(x, x < 100).round(3).tolist()
    [[2.0, 0.816]]
    """
    good = np.broadcast_to(valid, x.shape)
    axes = (1, 3, 4)
    count = good.sum(axis=axes)
    known = np.where(count > 0, count, np.nan)
    mean = np.where(good, x, 0).sum(axis=axes, dtype=np.float64) / known
    away = np.where(good, x - mean[:, None, :, None, None], 0.0)
    return np.concatenate([mean, np.sqrt((away**2).sum(axis=axes) / known)], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Filters:
    """Random filters of one stack: patches of train, whitened, as weights of a plain convolution."""

    #: How the bands are normalised first.
    input: StackInput
    #: Scale -> weights, float32 (b * side * side, k), and what is taken off their responses, float32 (k,).
    weights: Mapping[int, tuple[Array, Array]]

    def features(self, x: Array) -> Array:
        """Mean response of every filter, positive and negative apart.

        Parameters
        ----------
        x : float array, shape (n, t, b, h, w)
            In the quantity of `input`; what is no measurement holds the band's mean.

        Returns
        -------
        float64 array, shape (n, 2 k scales)
            Mean over dates and places.
        """
        n, t = x.shape[:2]
        pictures = _normalised(x, self.input).reshape(n * t, *x.shape[2:])
        held = [_responses(_coarser(pictures, scale), *of) for scale, of in self.weights.items()]
        return np.asarray(np.concatenate(held, axis=1).reshape(n, t, -1).mean(axis=1))


def _normalised(x: Array, input: StackInput) -> Array:
    mean, std = (np.asarray(held, np.float32)[:, None, None] for held in (input.mean, input.std))
    return np.asarray((x - mean) / std, np.float32)


def _coarser(pictures: Array, scale: int) -> Array:
    """Means of squares of `scale` pixels, (n, b, h // scale, w // scale)."""
    n, b, h, w = pictures.shape
    if scale == 1:
        return pictures
    cut = pictures[:, :, : h // scale * scale, : w // scale * scale]
    return np.asarray(cut.reshape(n, b, h // scale, scale, w // scale, scale).mean(axis=(3, 5)))


def _patches(pictures: Array, side: int) -> Array:
    """Every patch of side x side pixels, (n, h - side + 1, w - side + 1, b * side * side)."""
    seen = np.lib.stride_tricks.sliding_window_view(pictures, (side, side), axis=(2, 3))
    n, b, h, w = seen.shape[:4]
    return np.asarray(seen.transpose(0, 2, 3, 1, 4, 5).reshape(n, h, w, b * side * side))


def _responses(pictures: Array, weights: Array, silence: Array) -> Array:
    """Mean positive and negative response, float32 (n, 2 k)."""
    side, k = _side(pictures), weights.shape[1]
    each = (pictures.shape[2] - side + 1) * (pictures.shape[3] - side + 1)
    step = max(1, _NUMBERS // (each * k))
    held = np.empty((len(pictures), 2 * k), np.float32)
    for first in range(0, len(pictures), step):
        some = _patches(pictures[first : first + step], side)
        out = some.reshape(-1, some.shape[-1]) @ weights
        out -= silence
        out = out.reshape(len(some), each, k)
        held[first : first + step, :k] = np.maximum(out - np.float32(_SILENCE), 0).mean(axis=1)
        held[first : first + step, k:] = np.maximum(-out - np.float32(_SILENCE), 0).mean(axis=1)
    return held


def _side(pictures: Array) -> int:
    return int(min(_SIDE, *pictures.shape[2:]))


def draw_filters(pictures: Array, input: StackInput, *, seed: int, scales: Sequence[int] = _SCALES) -> Filters:
    """Draw filters from pictures.

    Parameters
    ----------
    pictures : float array, shape (n, b, h, w)
        Of train, in the quantity of `input`.
    input : StackInput
        Normalises the bands.
    seed : int
        Which patches become filters.
    scales : sequence of int
        Pixels that are averaged to one first; scales that leave nothing are left out.

    Notes
    -----
    Rolf et al. 2021, A generalizable and accessible approach to machine learning with global satellite imagery,
    Nature Communications 12: 4392; after Coates and Ng 2012. Ours whitens with a fixed softening and makes each
    filter as long as one standard deviation of its response, so that one threshold fits all.
    """
    normal, weights = _normalised(pictures[:, None], input)[:, 0], {}
    for scale in scales:
        coarse = _coarser(normal, scale)
        if not min(coarse.shape):
            continue
        rng = np.random.default_rng([seed, scale, 0xF117])
        side = _side(coarse)
        rows, columns = (rng.integers(0, each - side + 1, (len(coarse), _PATCHES)) for each in coarse.shape[2:])
        seen = _patches(coarse, side)
        drawn = seen[np.arange(len(coarse))[:, None], rows, columns].reshape(-1, seen.shape[-1]).astype(np.float64)
        middle = drawn.mean(axis=0)
        spread, axes = np.linalg.eigh(np.cov(drawn - middle, rowvar=False).reshape(seen.shape[-1], -1))
        whiten = axes @ np.diag((np.maximum(spread, 0) + _SOFTENING) ** -0.5) @ axes.T
        chosen = (drawn[rng.permutation(len(drawn))[:_COUNT]] - middle) @ whiten
        long = np.linalg.norm(chosen, axis=1, keepdims=True)
        filters = whiten @ (chosen / np.where(long > 0, long, 1)).T
        weights[scale] = (filters.astype(np.float32), (middle @ filters).astype(np.float32))
    return Filters(input, weights)


def make_floors(
    corpus: Corpus,
    split: Split,
    input: InputSpec,
    target: str,
    codes: tuple[int, ...],
    *,
    fold: int = 0,
    part: str = "test",
    which: Sequence[str] = tuple(FLOORS),
    seed: int = 0,
    progress: Progress = SILENT,
) -> list[Floor]:
    """Answer for one part of a split as every floor does.

    Parameters
    ----------
    corpus : Corpus
        Holds the samples.
    split : Split
        Its train is what is fitted on.
    input : InputSpec
        Bands and numbers that are looked at: the model's own.
    target : str
        Class target of the corpus.
    codes : tuple of int
        Classes in the order of the raw output.
    fold, part
        Of the split.
    which : sequence of str
        Keys of `FLOORS`.
    seed : int
        Of the random filters.
    progress : Progress
        Of reading.

    Returns
    -------
    list of Floor
        In the order of `which`; each holds every id of the part.

    Raises
    ------
    Unknown
        There is no such floor.
    Refused
        Train holds no label.
    MissingExtra
        scikit-learn is not installed.
    """
    for name in which:
        if name not in FLOORS:
            raise Unknown(name, FLOORS, what="floor")
    require_inputs(corpus.layout.stacks, input, by="floors", where=str(corpus.path))
    label = index_of(corpus.labels(target)[1], codes, what="labels")
    learnt, asked = (corpus.positions(split.ids(each, fold=fold)) for each in ("train", part))
    learnt = learnt[label[learnt] >= 0]
    if not len(learnt):
        what = f"train of split {split.name} holds no label of target {target}"
        raise Refused(where=str(corpus.path), what=what, fix="Take another split, or leave the floors out.")
    ids = tuple(str(id) for id in corpus.ids.take(asked).to_pylist())
    truth = label[learnt]
    features = _features(corpus, input, learnt, asked, which, seed, progress)
    floors = []
    for name in which:
        about, raw = FLOORS[name], None
        if name == "majority":
            chosen = np.full(len(asked), np.bincount(truth).argmax())
        elif name == "nearest place":
            chosen, lacking = _nearest(corpus, learnt, truth, asked)
            about += lacking
        else:
            raw = _regressed(features[name][0], truth, features[name][1], len(codes))
            chosen = raw.argmax(axis=1)
        predicted = np.where(chosen >= 0, np.asarray(codes)[chosen], NONE).astype(np.int64)
        floors.append(Floor(name, about, ids, predicted, raw, len(learnt)))
    return floors


def _nearest(corpus: Corpus, learnt: Array, truth: Array, asked: Array) -> tuple[Array, str]:
    """Class of the nearest train place, -1 where a place is unknown, and what must be said of it."""
    places = places_of(corpus)
    there, here = places.is_placed[learnt], places.is_placed[asked]
    chosen = np.full(len(asked), NONE)
    if there.any() and here.any():
        told, mine = learnt[there], asked[here]
        at, _ = nearest_place(places.lon[mine], places.lat[mine], places.lon[told], places.lat[told])
        chosen[here] = truth[there][at]
        return chosen, "" if here.all() else f"; {int((~here).sum())} samples have no known place and no answer"
    return chosen, "; no places are known, so it has no answers"


def _regressed(learnt: Array, truth: Array, asked: Array, k: int) -> Array:
    """Log-probabilities (n, k) of a logistic regression; what is unknown is taken as train's mean."""
    linear = need("sklearn.linear_model", by="floors")
    known = np.isfinite(learnt)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, learnt, 0).sum(axis=0) / count
    std = np.sqrt(np.where(known, (learnt - mean) ** 2, 0).sum(axis=0) / count)
    std[std <= 1e-12 * np.abs(mean)] = 1.0
    x, y = (np.nan_to_num((each - mean) / std) for each in (learnt, asked))
    raw = np.full((len(asked), k), _NEVER)
    held = np.unique(truth)
    if len(held) == 1:
        raw[:, held[0]] = 0.0
        return raw
    model = linear.LogisticRegression(C=_PENALTY, max_iter=_STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", need("sklearn.exceptions", by="floors").ConvergenceWarning)
        model.fit(x, truth)
    raw[:, held] = np.maximum(model.predict_log_proba(y), _NEVER)
    return raw


def _pictures(corpus: Corpus, name: str, wanted: StackInput, positions: Array) -> Iterator[tuple[Array, Array, Array]]:
    """Positions, numbers (n, t, b, h, w) and validity, as the model takes them."""
    for where, data, valid in chunks(corpus, name, positions):
        yield where, *to_input(data, valid, corpus.spec(name), wanted, where=f"{corpus.path} stack {name}")


def _features(
    corpus: Corpus,
    input: InputSpec,
    learnt: Array,
    asked: Array,
    which: Sequence[str],
    seed: int,
    progress: Progress,
) -> dict[str, tuple[Array, Array]]:
    """Floor -> its features of train and of the part, (n, f) each, from one pass over the pixels."""
    names = [name for name in which if name in ("band mean and sd", "random filters")]
    if not names:
        return {}
    need("sklearn", by="floors")
    everything = np.unique(np.concatenate([learnt, asked]))
    held: dict[str, list[Array]] = {name: [] for name in names}
    done, total = 0, len(everything) * len(input.stacks)
    for stack, wanted in input.stacks.items():
        filters = _drawn(corpus, stack, wanted, learnt, seed) if "random filters" in names else None
        of: dict[str, Any] = {}
        for where, x, valid in _pictures(corpus, stack, wanted, everything):
            at = np.searchsorted(everything, where)
            found = {"band mean and sd": mean_and_sd(x, valid)} if "band mean and sd" in names else {}
            if filters is not None:
                found["random filters"] = filters.features(x)
            for name, each in found.items():
                into = of.setdefault(name, np.full((len(everything), each.shape[1]), np.nan))
                into[at] = each
            done += len(where)
            progress(done, total)
        for name, each in of.items():
            held[name].append(each)
    progress(total, total)
    rows = (np.searchsorted(everything, each) for each in (learnt, asked))
    train, test = rows
    joined = {name: np.concatenate(each, axis=1) for name, each in held.items()}
    return {name: (each[train], each[test]) for name, each in joined.items()}


def _drawn(corpus: Corpus, stack: str, wanted: StackInput, learnt: Array, seed: int) -> Filters:
    """Filters from some train samples, the same ones whatever their order."""
    ids = corpus.ids.take(learnt).to_pylist()
    donors = learnt[np.argsort(keys_of(seed, "donors of filters", ids))[:_DONORS]]
    pictures = [x[:, 0] for _, x, _ in _pictures(corpus, stack, wanted, donors)]
    if not pictures:
        raise Refused(where=f"{corpus.path} stack {stack}", what="no train sample has it", fix="Name other stacks.")
    return draw_filters(np.concatenate(pictures), wanted, seed=seed)
