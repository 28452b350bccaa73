"""Galileo: the encoder of nasaharvest/galileo for Sentinel-1 and Sentinel-2, its published weights placed by name.

Each group of bands, date and patch of pixels becomes a token: a patch projection plus what the token is (group,
position in the series, month, place), then transformer blocks over the tokens that are visible, and a norm. The
embedding is the mean of the visible tokens. Written from the published description and checked against the authors'
code: Tseng et al. 2025, "Galileo: Learning Global & Local Features of Many Remote Sensing Modalities", and
`single_file_galileo.py` of nasaharvest/galileo (MIT). The projections of relief, weather, land cover and place are held
so that all 106 tensors of the file have their place; no input of ours feeds them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.presets import normalise, preset
from swath.core.specs import InputSpec
from swath.models.weights import Coverage, load_weights, read_weights

__all__ = ["GROUPS", "Galileo", "Tokens", "embed", "open_galileo"]

#: Space-time group -> (preset that normalises it, its bands), in the published order.
GROUPS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "S1": ("galileo-s1", ("VV", "VH")),
    "S2_RGB": ("galileo-s2", ("B02", "B03", "B04")),
    "S2_Red_Edge": ("galileo-s2", ("B05", "B06", "B07")),
    "S2_NIR_10m": ("galileo-s2", ("B08",)),
    "S2_NIR_20m": ("galileo-s2", ("B8A",)),
    "S2_SWIR": ("galileo-s2", ("B11", "B12")),
    "NDVI": ("galileo-ndvi", ("NDVI",)),
}
#: Groups that we have no input for: kind -> group -> how many numbers it takes.
_OTHERS: Final[dict[str, dict[str, int]]] = {
    "space": {"SRTM": 2, "DW": 9, "WC": 5},
    "time": {"ERA5": 2, "TC": 3, "VIIRS": 1},
    "static": {"LS": 1, "location": 3, "DW_static": 9, "WC_static": 5},
}
#: Ground size [m] that a step of one is in the encoding of places.
_STEP: Final = 10.0


def _waves(positions: Tensor, size: int) -> Tensor:
    """Sines, then cosines, of positions at `size / 2` falling frequencies: 10000 ** -(i / (2 size)), as published."""
    exponent = torch.arange(size // 2, device=positions.device) / size / 2
    angle = positions[..., None] / torch.pow(10000.0, exponent)
    return torch.cat((torch.sin(angle), torch.cos(angle)), -1)


@lru_cache(maxsize=16)
def _resizer(base: int, patch: int) -> Tensor:
    """Matrix (patch^2, base^2) that turns a kernel into one for another patch size.

    The pseudo-inverse of resizing an image (bicubic, antialiased), so that the new kernel answers to the resized image
    as the old one to the image (Beyer 2023, FlexiViT).
    """
    basis = torch.eye(base * base).reshape(-1, 1, base, base)
    resized = nn.functional.interpolate(basis, (patch, patch), mode="bicubic", antialias=True, align_corners=False)
    resizer: Tensor = torch.linalg.pinv(resized.reshape(base * base, patch * patch).double())
    return resizer.float()


class _Patch(nn.Module):
    """Projection of square patches of any size from 1 to twice the base."""

    def __init__(self, bands: int, size: int, base: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(bands, size, base, base)

    def forward(self, x: Tensor, patch: int) -> Tensor:
        weight, base = self.proj.weight, self.proj.kernel_size[0]
        if patch != base:
            resizer = _resizer(base, patch).to(weight.device, weight.dtype)
            weight = (weight.flatten(2) @ resizer.T).reshape(*weight.shape[:2], patch, patch)
        return nn.functional.conv2d(x, weight, self.proj.bias, stride=patch)


class _Attention(nn.Module):
    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = nn.Linear(size, size), nn.Linear(size, size), nn.Linear(size, size)
        self.proj = nn.Linear(size, size)

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        n, tokens, size = x.shape
        shape = (n, tokens, self.heads, size // self.heads)
        q, k, v = (each(x).reshape(shape).transpose(1, 2) for each in (self.q, self.k, self.v))
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=visible[:, None, None])
        return self.proj(y.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class _Mlp(nn.Module):
    def __init__(self, size: int, inner: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(size, inner), nn.Linear(inner, size)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(nn.functional.gelu(self.fc1(x)))  # type: ignore[no-any-return]


class _Block(nn.Module):
    """A transformer block, normalised before each branch."""

    def __init__(self, size: int, heads: int, inner: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.attn = _Attention(size, heads)
        self.mlp = _Mlp(size, inner)

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x), visible)
        return x + self.mlp(self.norm2(x))  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """What the encoder makes of a batch."""

    #: Encoded tokens, shape (n, h / patch, w / patch, t, groups, d).
    values: Tensor
    #: True where a token was visible, shape of `values` without d.
    visible: Tensor
    #: Groups in order.
    groups: tuple[str, ...]

    def pooled(self) -> Tensor:
        """Mean of the visible tokens, shape (n, d); NaN where none was visible."""
        return self._mean((1, 2, 3, 4))

    def grid(self) -> Tensor:
        """Mean of each patch's visible tokens, shape (n, d, h / patch, w / patch); NaN where none was visible."""
        return self._mean((3, 4)).permute(0, 3, 1, 2)

    def _mean(self, over: tuple[int, ...]) -> Tensor:
        weight = self.visible[..., None].to(self.values.dtype)
        return (self.values * weight).sum(over) / weight.sum(over)


class Galileo(nn.Module):
    """The encoder, its parameters named as in the authors' files.

    Parameters
    ----------
    size : int
        Numbers a token.
    depth, heads : int
        Blocks, and attention heads in each.
    mlp_ratio : float
        Inner width of a block's perceptron over `size`.
    max_dates : int
        Longest series.
    base_patch : int
        Pixels a side of the patches that the projections are stored for.

    Examples
    --------
    >>> model = Galileo().eval()
    >>> tokens = model({"S2_NIR_10m": torch.zeros(2, 3, 1, 16, 16)}, torch.tensor([[5, 6, 7], [0, 1, 2]]), patch=4)
    >>> tuple(tokens.values.shape), tuple(tokens.pooled().shape)
    ((2, 4, 4, 3, 1, 128), (2, 128))
    """

    def __init__(
        self,
        size: int = 128,
        depth: int = 4,
        heads: int = 8,
        *,
        mlp_ratio: float = 4.0,
        max_dates: int = 24,
        base_patch: int = 8,
    ) -> None:
        super().__init__()
        quarter = size // 4
        self.size, self.base_patch = size, base_patch
        self.blocks = nn.ModuleList(_Block(size, heads, int(size * mlp_ratio)) for _ in range(depth))
        self.pos_embed = nn.Parameter(_waves(torch.arange(max_dates).float(), quarter), requires_grad=False)
        months = torch.arange(12)[:, None] * (2 * math.pi / 12) * torch.ones(quarter // 2)
        self.month_embed = nn.Embedding(12, quarter, _weight=torch.cat([months.sin(), months.cos()], 1))
        self.month_embed.weight.requires_grad_(False)
        self.s_t_channel_embed = nn.Parameter(torch.zeros(len(GROUPS), quarter))
        self.sp_channel_embed = nn.Parameter(torch.zeros(len(_OTHERS["space"]), quarter))
        self.t_channel_embed = nn.Parameter(torch.zeros(len(_OTHERS["time"]), quarter))
        self.st_channel_embed = nn.Parameter(torch.zeros(len(_OTHERS["static"]), quarter))
        self.space_time_embed = nn.ModuleDict(
            {name: _Patch(len(bands), size, base_patch) for name, (_, bands) in GROUPS.items()}
        )
        self.space_embed = nn.ModuleDict({k: _Patch(count, size, base_patch) for k, count in _OTHERS["space"].items()})
        self.time_embed = nn.ModuleDict({k: nn.Linear(count, size) for k, count in _OTHERS["time"].items()})
        self.static_embed = nn.ModuleDict({k: nn.Linear(count, size) for k, count in _OTHERS["static"].items()})
        self.norm = nn.LayerNorm(size)

    def forward(
        self,
        x: Mapping[str, Tensor],
        months: Tensor,
        *,
        visible: Mapping[str, Tensor] | None = None,
        patch: int = 8,
        gsd: float = 10.0,
    ) -> Tokens:
        """Encode.

        Parameters
        ----------
        x : mapping
            Group of `GROUPS` -> normalised numbers (n, t, bands, h, w); any of them, all of one shape but for bands.
        months : int64 tensor, shape (n, t)
            0 = January.
        visible : mapping, optional
            Group -> bool (n, t, 1, h, w); a patch is visible where all of its pixels are. Without an entry all are.
        patch : int
            Pixels a side of a patch.
        gsd : float
            Metres a pixel.

        Raises
        ------
        Mismatch
            No group, shapes that differ, more dates than the encoder has positions for, or a window that the patch
            does not divide.
        """
        groups = tuple(name for name in GROUPS if name in x)
        if not groups or len(groups) != len(x):
            have = ", ".join(x) or "none"
            raise Mismatch(where="galileo", what="groups", want=", ".join(GROUPS), have=have)
        n, t, _, h, w = x[groups[0]].shape
        if h % patch or w % patch:
            have = f"{h} x {w}"
            raise Mismatch(where="galileo", what="window", want=f"a multiple of {patch} px", have=have)
        if t > len(self.pos_embed):
            raise Mismatch(where="galileo", what="dates", want=f"{len(self.pos_embed)} at most", have=str(t))
        rows, columns = h // patch, w // patch
        values, shown = [], []
        for name in groups:
            if x[name].shape != (n, t, len(GROUPS[name][1]), h, w):
                want = f"{(n, t, len(GROUPS[name][1]), h, w)}"
                raise Mismatch(where=f"galileo, group {name}", what="shape", want=want, have=f"{tuple(x[name].shape)}")
            token = self.space_time_embed[name](x[name].flatten(0, 1), patch)
            values.append(token.unflatten(0, (n, t)).permute(0, 3, 4, 1, 2))
            shown.append(
                self._shown(None if visible is None else visible.get(name), (n, t, rows, columns), patch, token)
            )
        seen = torch.stack(shown, -1)
        tokens = torch.stack(values, -2) + self._what(groups, months, (rows, columns), patch * gsd / _STEP)
        encoded, flat = tokens.flatten(1, 4), seen.flatten(1)
        attended = flat | ~flat.any(1, keepdim=True)  # a sample without a visible token must not divide by zero
        for block in self.blocks:
            encoded = block(encoded, attended)
        return Tokens(self.norm(encoded).reshape(tokens.shape), seen, groups)

    @staticmethod
    def _shown(valid: Tensor | None, shape: tuple[int, int, int, int], patch: int, like: Tensor) -> Tensor:
        """Which patches are visible, (n, rows, columns, t)."""
        n, t, rows, columns = shape
        if valid is None:
            return torch.ones(n, rows, columns, t, dtype=torch.bool, device=like.device)
        blocks = valid[:, :, 0].reshape(n, t, rows, patch, columns, patch)
        whole: Tensor = blocks.all(5).all(3)
        return whole.permute(0, 2, 3, 1)

    def _what(self, groups: Sequence[str], months: Tensor, shape: tuple[int, int], step: float) -> Tensor:
        """What each token is: group, position in the series, month, place; (n, rows, columns, t, groups, d)."""
        n, t = months.shape
        rows, columns = shape
        full = (n, rows, columns, t, len(groups), self.size // 4)
        names = list(GROUPS)
        channel = self.s_t_channel_embed[[names.index(name) for name in groups]]
        device = months.device
        x, y = (torch.arange(count, device=device).float() * step for count in (columns, rows))
        place = torch.cat(
            [
                _waves(x, self.size // 8)[None, :].expand(rows, -1, -1),
                _waves(y, self.size // 8)[:, None].expand(-1, columns, -1),
            ],
            -1,
        )
        parts = (
            channel,
            self.pos_embed[:t, None],
            self.month_embed(months)[:, None, None, :, None],
            place[None, :, :, None, None],
        )
        return torch.cat([part.expand(full) for part in parts], -1)


def open_galileo(folder: Path | str) -> tuple[Galileo, Coverage]:
    """Open published weights.

    Parameters
    ----------
    folder : Path or str
        Holds `encoder.pt` and `config.json`, as nasaharvest/galileo publishes them (`models/nano`).

    Returns
    -------
    Galileo
        In evaluation.
    Coverage
        All tensors, or an error was raised.

    Raises
    ------
    Unreadable
        A file is not there, or does not describe the encoder.
    Refused, Mismatch
        As `weights.read_weights` and `weights.load_weights`.
    """
    folder = Path(folder)
    about = folder / "config.json"
    if not about.is_file():
        fix = "Fetch models/nano/{encoder.pt,config.json} of nasaharvest/galileo into one folder."
        raise Unreadable(where=str(about), what="is not there", fix=fix)
    try:
        given = json.loads(about.read_text())["model"]["encoder"]
        model = Galileo(
            given["embedding_size"],
            given["depth"],
            given["num_heads"],
            mlp_ratio=given["mlp_ratio"],
            max_dates=given["max_sequence_length"],
            base_patch=given["max_patch_size"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(where=str(about), what=f"does not describe Galileo's encoder ({error!r})") from error
    held = {name.replace(".backbone", ""): each for name, each in read_weights(folder / "encoder.pt").items()}
    coverage = load_weights(model, held, where=str(folder / "encoder.pt"))
    return model.eval(), coverage


def _months(times: Array, undated: int | None) -> Array:
    """Months 0..11 of datetimes (n, t)."""
    unknown = np.isnat(times)
    if unknown.any() and undated is None:
        raise Refused(
            where="galileo",
            what=f"{int(unknown.sum())} of {unknown.size} dates are unknown, and it reads the month",
            fix="Say which month stands for them (undated=6 is the authors' default).",
        )
    filled = np.where(unknown, np.datetime64("1970-01-01"), times)
    months = filled.astype("datetime64[M]").astype(np.int64) % 12
    return np.where(unknown, (undated or 1) - 1, months)


def embed(
    model: Galileo,
    x: Mapping[str, Array],
    input: InputSpec,
    times: Array,
    *,
    valid: Mapping[str, Array] | None = None,
    patch: int = 8,
    undated: int | None = None,
    ndvi: bool = False,
    batch: int = 64,
) -> Array:
    """Embed windows: numbers as stored in, one vector a window out.

    Parameters
    ----------
    model : Galileo
    x : mapping
        Stack -> numbers in the spec's quantity, shape (n, t, b, h, w).
    input : InputSpec
        Bands and quantities of the stacks; its means and deviations are not used, Galileo has its own
        (`core.presets`). A group of bands that is not complete is left out.
    times : datetime64 array, shape (n, t)
        Dates of the series, the same for all stacks.
    valid : mapping, optional
        Stack -> bool (n, t, 1 or b, h, w); a patch is seen only where all of its pixels are valid.
    patch : int
        Pixels a side of a patch: small ones see more and cost more.
    undated : int, optional
        Month 1..12 that stands for unknown dates.
    ndvi : bool
        Feed the index too, computed of B08 and B04; the authors' own input leaves it out unless it is given.
    batch : int
        Windows at a time.

    Returns
    -------
    float32 array, shape (n, d)
        NaN where nothing of a window is valid.

    Raises
    ------
    Mismatch
        No group of Galileo's is complete, or a quantity is another than it was trained on.
    Refused
        Dates are unknown and no month is said to stand for them.

    Notes
    -----
    Source: nasaharvest/galileo, `src/data/utils.py: construct_galileo_input`; normalisation (x - (m - 2 s)) / (4 s).
    """
    months = _months(times, undated)
    device = model.norm.weight.device
    vectors = []
    for start in range(0, len(months), batch):
        part = slice(start, start + batch)
        some = {name: data[part] for name, data in x.items()}
        masks = {name: mask[part] for name, mask in (valid or {}).items()}
        numbers, visible = _grouped(some, masks, input, ndvi=ndvi)
        gsd = min(stack.gsd for stack in input.stacks.values())
        with torch.inference_mode():
            tokens = model(
                {name: torch.from_numpy(each).to(device) for name, each in numbers.items()},
                torch.from_numpy(months[part]).to(device),
                visible={name: torch.from_numpy(each).to(device) for name, each in visible.items()},
                patch=patch,
                gsd=gsd,
            )
        vectors.append(tokens.pooled().cpu().numpy())
    return np.concatenate(vectors) if vectors else np.zeros((0, model.size), np.float32)


def _grouped(
    x: Mapping[str, Array], valid: Mapping[str, Array], input: InputSpec, *, ndvi: bool
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Normalised numbers and validity by group; invalid pixels hold 0."""
    numbers, visible = {}, {}
    for group, (name, bands) in GROUPS.items():
        wanted = ("B08", "B04") if group == "NDVI" else bands
        if group == "NDVI" and not ndvi:
            continue
        stack = next((s for s, held in input.stacks.items() if set(wanted) <= set(held.bands)), None)
        if stack is None:
            continue
        held, data = input.stacks[stack], x[stack]
        index = [held.bands.index(band) for band in wanted]
        whole = preset("galileo-s2" if group == "NDVI" else name)
        chosen = [whole.bands.index(band) for band in wanted]
        own = replace(
            whole,
            bands=tuple(wanted),
            mean=tuple(whole.mean[i] for i in chosen),
            std=tuple(whole.std[i] for i in chosen),
        )
        mask = valid.get(stack)
        seen = np.ones((*data.shape[:2], 1, *data.shape[3:]), bool)
        if mask is not None:
            seen = mask if mask.shape[2] == 1 else np.asarray(mask[:, :, index].all(2, keepdims=True))
        made = normalise(data, held.bands, held.quantity, own)
        if group == "NDVI":
            raw = [made[:, :, i : i + 1] * 4 * own.std[i] + own.mean[i] - 2 * own.std[i] for i in (0, 1)]
            total = raw[0] + raw[1]
            seen = seen & (total != 0)
            made = np.divide(raw[0] - raw[1], total, out=np.zeros_like(total), where=total != 0)
        numbers[group] = np.where(seen, made, np.float32(0)).astype(np.float32)
        visible[group] = seen
    if not numbers:
        have = "; ".join(f"{name}: {' '.join(stack.bands)}" for name, stack in input.stacks.items())
        want = ", ".join(" ".join(bands) for _, bands in GROUPS.values())
        raise Mismatch(where="galileo", what="bands", want=f"one whole group of {want}", have=have)
    return numbers, visible
