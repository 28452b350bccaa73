"""Weights: tensors from a file into a network, with a report of what was loaded; never in part without saying so.

Reads `.safetensors`, and torch's own files as tensors only: a pickle that needs more is refused, unread. Knows where
published weights lie and under which name they are expected here, but fetches nothing. What a first convolution makes
of other bands is told in `models.stems`.
"""

from __future__ import annotations

import os
import pickle
import re
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from swath.core.bands import S1_BANDS, S2_BANDS
from swath.core.errors import Mismatch, Refused, Unreadable
from swath.models.stems import ChannelSource

__all__ = [
    "PUBLISHED",
    "Coverage",
    "Published",
    "find_weights",
    "load_weights",
    "published",
    "read_weights",
    "weights_folder",
]

#: Folder of weights by name, if it is not ~/.cache/swath/weights.
_FOLDER_VARIABLE: Final = "SWATH_WEIGHTS"
_SUFFIXES: Final = (".safetensors", ".pth", ".pt")
#: Keys under which training programs nest a state dict, the likeliest first.
_NESTS: Final = ("state_dict", "model_state_dict", "model", "encoder", "teacher", "student", "network")
#: What training programs put before the names of parameters.
_PREFIXES: Final = ("module.", "model.", "encoder.", "backbone.", "network.", "encoder_q.", "teacher.", "student.")
#: Names of the layers that turn features into ImageNet's classes, in networks of the kinds that we build.
_HEADS: Final = (
    "fc.",
    "classifier.",
    "head.",
    "head_dist.",
    "pre_logits.",
    "fc_norm.",
    "conv_head.",
    "norm_head.",
    "bn2.",
)
_RGB: Final = ("B04", "B03", "B02")
#: Transform -> the networks and tags of timm that expect it (its pretrained_cfg); of others it is not known here.
_TIMM_EXPECTS: Final = {
    "imagenet": re.compile(
        r"((se)?resnet(18|34|50|101|152)|vgg\d+(_bn)?|densenet\d+|convnextv2_\w+|swin_\w+)\.(?!ra4_)"
    ),
    "half": re.compile(r"vit_\w+\.augreg|resnet(18d|34|50d)\.ra4_"),
}


@dataclass(frozen=True, slots=True)
class Published:
    """Weights that others publish, and what is known of them."""

    #: Repository on Hugging Face's hub.
    repository: str
    #: File in it.
    file: str
    #: Bands that the first convolution takes, in its order.
    bands: tuple[str, ...]
    #: Key in `preprocessing.TRANSFORMS`: what the network expects numbers to be; "" = not known here.
    transform: str

    @property
    def url(self) -> str:
        """Where the file can be fetched."""
        return f"https://huggingface.co/{self.repository}/resolve/main/{self.file}"


#: name -> where they are. timm's own files follow a rule instead: see `published`. Source: torchgeo/models/resnet.py.
PUBLISHED: Final[dict[str, Published]] = {
    "resnet18-s2-moco": Published(
        "torchgeo/resnet18_sentinel2_all_moco", "resnet18_sentinel2_all_moco-59bfdff9.pth", S2_BANDS, "divided-10000"
    ),
    "resnet18-s2rgb-moco": Published(
        "torchgeo/resnet18_sentinel2_rgb_moco", "resnet18_sentinel2_rgb_moco-e3a335e3.pth", _RGB, "divided-10000"
    ),
    "resnet50-s2-moco": Published(
        "torchgeo/resnet50_sentinel2_all_moco", "resnet50_sentinel2_all_moco-df8b932e.pth", S2_BANDS, "divided-10000"
    ),
    "resnet50-s2-dino": Published(
        "torchgeo/resnet50_sentinel2_all_dino", "resnet50_sentinel2_all_dino-d6c330e9.pth", S2_BANDS, "divided-10000"
    ),
    "resnet50-s2rgb-moco": Published(
        "torchgeo/resnet50_sentinel2_rgb_moco", "resnet50_sentinel2_rgb_moco-2b57ba8b.pth", _RGB, "divided-10000"
    ),
    "resnet50-s1-moco": Published(
        "torchgeo/resnet50_sentinel1_all_moco", "resnet50_sentinel1_all_moco-906e4356.pth", S1_BANDS[:2], "ssl4eo-s1"
    ),
}


def published(name: str) -> Published | None:
    """Say what is known of weights by name; `timm:vgg16.tv_in1k` is timm's file of that network and tag.

    Examples
    --------
    >>> published("timm:resnet18.a1_in1k").url
    'https://huggingface.co/timm/resnet18.a1_in1k/resolve/main/model.safetensors'
    >>> published("mine") is None
    True
    """
    if name.startswith("timm:"):
        network = name.removeprefix("timm:")
        expects = (name for name, rule in _TIMM_EXPECTS.items() if rule.match(network))
        return Published(f"timm/{network}", "model.safetensors", _RGB, next(expects, ""))
    return PUBLISHED.get(name)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What came of loading weights, for people and for a bundle's origin."""

    #: Where they came from.
    source: str
    #: Names of the network's tensors that were loaded.
    loaded: tuple[str, ...]
    #: Names of those that the file lacks or holds in another shape.
    missing: tuple[str, ...]
    #: Names in the file that the network has no use for, its head apart.
    unexpected: tuple[str, ...]
    #: Names in the file that belong to a head.
    head: tuple[str, ...]
    #: Names that were brought to another shape: position embeddings of another window.
    reshaped: tuple[str, ...]
    #: Parameters loaded, and parameters in all.
    parameters: tuple[int, int]
    #: What each channel of the first convolution got, or each band of the weights behind an adapter; () = as published.
    stem: tuple[ChannelSource, ...] = ()
    #: True if the input spec normalises as the weights expect; None where nobody knows what they expect.
    is_fed_as_expected: bool | None = None

    @property
    def share(self) -> float:
        """Share of the network's parameters that were loaded."""
        return self.parameters[0] / max(1, self.parameters[1])

    def __str__(self) -> str:
        count = len(self.loaded) + len(self.missing)
        said = f"{self.source}: {len(self.loaded)} of {count} tensors loaded, {self.share:.1%} of the parameters"
        said += f"; missing: {_listed(self.missing)}" if self.missing else ""
        said += f"; not used: {_listed(self.unexpected)}" if self.unexpected else ""
        said += f"; brought to another shape: {_listed(self.reshaped)}" if self.reshaped else ""
        said += f"; head left out ({len(self.head)} tensors)" if self.head else ""
        said += f"; stem: {', '.join(str(each) for each in self.stem)}" if self.stem else ""
        if self.is_fed_as_expected is False:
            said += "; the input spec does not normalise as they expect (see models.preprocessing.fed)"
        return said + "."

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON, loaded names counted only."""
        return {
            "source": self.source,
            "loaded": len(self.loaded),
            "missing": list(self.missing),
            "unexpected": list(self.unexpected),
            "head": list(self.head),
            "reshaped": list(self.reshaped),
            "share": self.share,
            "stem": [str(each) for each in self.stem],
            "is_fed_as_expected": self.is_fed_as_expected,
        }


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def weights_folder() -> Path:
    """Folder where weights are looked for by name: $SWATH_WEIGHTS, else ~/.cache/swath/weights."""
    given = os.environ.get(_FOLDER_VARIABLE)
    return Path(given) if given else Path.home() / ".cache" / "swath" / "weights"


def find_weights(source: str | Path) -> Path:
    """Find the file that a path or a name stands for; nothing is fetched.

    Parameters
    ----------
    source : str or Path
        A file, or a name: a key in `PUBLISHED`, `timm:NETWORK.TAG`, or what a file in `weights_folder` is called.

    Raises
    ------
    Unreadable
        There is no such file; for published weights the sentence says which one to fetch and where to put it.
    """
    path = Path(source)
    if path.suffix in _SUFFIXES or path.is_file():
        if not path.is_file():
            raise Unreadable(where=str(source), what="is not there", fix="Look at the path of the weights.")
        return path
    name, folder = str(source), weights_folder()
    stem = name.replace(":", "-").replace("/", "-")
    for suffix in _SUFFIXES:
        if (folder / f"{stem}{suffix}").is_file():
            return folder / f"{stem}{suffix}"
    known = published(name)
    if known is None:
        fix = f"Give a file, one of {', '.join(PUBLISHED)}, timm:NETWORK.TAG, or put {stem}.safetensors into {folder}."
        raise Unreadable(
            where=f"weights {name}", what="are not on this machine, and nobody is known to publish them", fix=fix
        )
    put = folder / f"{stem}{Path(known.file).suffix}"
    raise Unreadable(
        where=f"weights {name}",
        what="are not on this machine",
        fix=f"Fetch {known.file} of {known.repository} ({known.url}) and put it at {put} (or set {_FOLDER_VARIABLE}).",
    )


def read_weights(path: Path | str) -> dict[str, Tensor]:
    """Read the tensors of a file, by name, onto the CPU.

    Raises
    ------
    Unreadable
        The file is not there, not whole, or of another kind.
    Refused
        It is a pickle that needs more than tensors; the sentence says what it holds. Or it holds no tensors by name.
    """
    path = Path(path)
    if not path.is_file():
        raise Unreadable(where=str(path), what="is not there", fix="Look at the path of the weights.")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except SafetensorError as error:
            raise Unreadable(where=str(path), what=f"is no whole safetensors file ({error})") from error
    if path.suffix not in _SUFFIXES:
        raise Unreadable(where=str(path), what="is no file of weights", want=" ".join(_SUFFIXES), have=path.suffix)
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise Refused(
            where=str(path),
            what=f"holds more than tensors ({_more_than_tensors(path, error)}), and reading it would run what it says",
            fix="Open it where you trust it, and save its state_dict with safetensors.torch.save_file.",
        ) from error
    except (RuntimeError, EOFError, LookupError, OSError, TypeError, ValueError, struct.error) as error:
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        raise Unreadable(where=str(path), what=f"is no whole file of torch ({said})") from error
    return _tensors(held, str(path))


def _more_than_tensors(path: Path, error: Exception) -> str:
    """Name what a pickle wants to be run."""
    if zipfile.is_zipfile(path):
        found = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        if found:
            return ", ".join(sorted(found)[:3]) + (" ..." if len(found) > 3 else "")
    for pattern in (r"GLOBAL (\S+)", r"WeightsUnpickler error: ([^\n]+)"):
        named = re.search(pattern, str(error))
        if named:
            return named[1]
    return "a pickle of another kind"


def _tensors(held: Any, where: str) -> dict[str, Tensor]:
    """The state dict in what was loaded, however nested."""
    for _ in range(3):
        if isinstance(held, Mapping):
            found = {str(key): value for key, value in held.items() if isinstance(value, Tensor)}
            nest = next((key for key in _NESTS if isinstance(held.get(key), Mapping)), None)
            if nest is None or len(found) > len(_NESTS):
                if found:
                    return found
                break
            held = held[nest]
    have = f"a {type(held).__name__}" + (
        f" of {', '.join(map(str, list(held)[:5]))}" if isinstance(held, Mapping) else ""
    )
    raise Refused(where=where, what="holds no tensors by name", want="a state dict", have=have)


def _stripped(held: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names without what training programs put before them: the prefix under which most names are known here."""
    prefixes, best, most = [""], "", -1
    for _ in range(3):
        prefixes += [
            before + each
            for before in prefixes
            for each in _PREFIXES
            if before + each not in prefixes and any(key.startswith(before + each) for key in held)
        ]
    for prefix in prefixes:
        known = sum(key.removeprefix(prefix) in wanted for key in held if key.startswith(prefix))
        if known > most:
            best, most = prefix, known
    return {key.removeprefix(best) if key.startswith(best) else key: value for key, value in held.items()}


def _resampled(name: str, held: Tensor, wanted: Tensor) -> Tensor | None:
    """A transformer's position embedding for another grid, bicubic; None where that is not what differs."""
    if not name.endswith("pos_embed") or held.dim() != 3 or wanted.dim() != 3 or held.shape[2] != wanted.shape[2]:
        return None
    for prefix in (1, 0):
        old, new = (int((each.shape[1] - prefix) ** 0.5) for each in (held, wanted))
        if old * old + prefix == held.shape[1] and new * new + prefix == wanted.shape[1]:
            grid = held[:, prefix:].float().reshape(1, old, old, -1).permute(0, 3, 1, 2)
            grid = nn.functional.interpolate(grid, (new, new), mode="bicubic", antialias=True, align_corners=False)
            return torch.cat([held[:, :prefix].float(), grid.permute(0, 2, 3, 1).reshape(1, new * new, -1)], 1)
    return None


def load_weights(
    module: nn.Module,
    source: str | Path | Mapping[str, Tensor],
    *,
    allow_missing: bool = False,
    where: str = "",
) -> Coverage:
    """Load weights into a network by name.

    Names may carry what training programs put before them, and may lie under `state_dict`, `model` or `encoder`. A head
    in the file is left out.

    Parameters
    ----------
    module : torch.nn.Module
        With the bands that the weights were made for; other bands are a matter of `models.stems`, afterwards.
    source : str, Path or mapping
        What `find_weights` finds, or tensors by name.
    allow_missing : bool
        Load what there is, even where the network has tensors that the file has not; they keep their fresh weights.
    where : str
        Named in errors beside the source.

    Returns
    -------
    Coverage

    Raises
    ------
    Unreadable, Refused
        As `find_weights` and `read_weights`.
    Mismatch
        The network has tensors that the file lacks or holds in another shape, and `allow_missing` is not given.
    """
    if isinstance(source, Mapping):
        said, held = where or "state dict", dict(source)
    else:
        said, held = where or str(source), read_weights(find_weights(source))
    wanted = module.state_dict()
    held = _stripped(held, wanted)
    taken: dict[str, Tensor] = {}
    reshaped: list[str] = []
    shapes: list[str] = []
    for name, tensor in wanted.items():
        if name not in held:
            continue
        if held[name].shape == tensor.shape:
            taken[name] = held[name]
            continue
        grid = _resampled(name, held[name], tensor)
        if grid is None:
            shapes.append(f"{name} {tuple(held[name].shape)} for {tuple(tensor.shape)}")
        else:
            taken[name] = grid
            reshaped.append(name)
    # Files older than torch 0.4.1 do not count batches; nothing depends on the count.
    missing = tuple(n for n in wanted if n not in taken and not n.endswith("num_batches_tracked"))
    extra = [name for name in held if name not in wanted]
    head = tuple(name for name in extra if name.startswith(_HEADS))
    parameters = {name: each.numel() for name, each in module.named_parameters()}
    coverage = Coverage(
        said,
        tuple(taken),
        missing,
        tuple(name for name in extra if name not in head),
        head,
        tuple(reshaped),
        (sum(count for name, count in parameters.items() if name in taken), sum(parameters.values())),
    )
    if missing and not allow_missing:
        other = f"; of another shape: {_listed(shapes)}" if shapes else ""
        raise Mismatch(
            where=said,
            what="weights",
            want=f"all {len(wanted)} tensors of the network",
            have=f"{len(taken)} of them, {coverage.share:.1%} of its parameters; missing {_listed(missing)}{other}",
            fix="Choose the network that they were made for, or allow missing tensors (allow_missing).",
        )
    module.load_state_dict(taken, strict=False)
    return coverage
