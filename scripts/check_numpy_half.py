"""The numpy half: every module that must do without torch, imported while torch cannot be.

Runs in a process of its own. A finder at the head of `sys.meta_path` refuses torch and what brings it, so that a
machine that has torch behaves like one that has not; then each module is imported and each name in its `__all__`
fetched, the lazy ones too. A real environment without torch is tried by try_numpy_half.sh.

    python scripts/check_numpy_half.py         one line a sin; exit status 1 if there is one
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

__all__ = ["REFUSED", "TORCH_FOLDERS", "TORCH_MODULES", "RefuseTorch", "main"]

#: What may not be imported: torch, and the packages of its extra or beside it that import it.
REFUSED: Final = frozenset({"captum", "safetensors", "tensorboard", "timm", "torch", "torchvision"})
#: Floors 4 to 7.
TORCH_FOLDERS: Final = frozenset({"batch", "bundle", "explain", "models", "tasks", "training"})
#: Modules above them that join them to the rest, and so need torch.
TORCH_MODULES: Final[frozenset[str]] = frozenset(
    {
        "swath.recipes.loader_speed",
        "swath.recipes.model_stages",
        "swath.recipes.predict",
        "swath.recipes.test",
        "swath.recipes.train",
        "swath.testing.task",
    }
)


class RefuseTorch:
    """A finder that knows torch only to refuse it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Refuse what `REFUSED` names; leave the rest to the finders behind."""
        if fullname.partition(".")[0] in REFUSED:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


def _needs_torch(module: str) -> bool:
    return module in TORCH_MODULES or module.split(".")[1] in TORCH_FOLDERS


def _try(module: str) -> Iterator[tuple[str, int | Exception]]:
    """Import a module, then those inside it; yield how many names each offers, or why it cannot be imported."""
    try:
        imported = importlib.import_module(module)
        offered = getattr(imported, "__all__", [])
        for name in offered:
            getattr(imported, name)
    except (ImportError, AttributeError) as error:
        yield module, error
        return
    yield module, len(offered)
    for inner in pkgutil.iter_modules(getattr(imported, "__path__", []), f"{module}."):
        if not inner.name.endswith(".__main__") and not _needs_torch(inner.name):
            yield from _try(inner.name)


def main() -> int:
    """Import everything under the hook."""
    sys.meta_path.insert(0, RefuseTorch())
    tried = dict(_try("swath"))
    sins = {module: error for module, error in tried.items() if isinstance(error, Exception)}
    names = sum(offered for offered in tried.values() if isinstance(offered, int))
    for module, error in sins.items():
        print(f"{module}: {error}")
    print(f"numpy half: {len(tried) - len(sins)} modules and {names} names without torch, {len(sins)} sins")
    return 1 if sins or len(tried) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
