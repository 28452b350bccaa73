"""Errors of one form: where, what, want, have, and what to do.

    SwathError
      Mismatch      two things that must agree do not; both sides are named
      Unknown       a name that no table holds; the nearest known one is named
      Unreadable    bytes that cannot be read whole (truncated, corrupt, hostile)
      Refused       going on would mean guessing or losing something
      MissingExtra  a package of an extra is not installed; names the command that installs it

The fields stay on the exception for programs; the sentence is for people. The command line prints it without a
traceback and ends with `exit_status`. A `Failure` is the same message as a value: a sample that could not be read, on
its way to quarantine.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Failure", "Mismatch", "MissingExtra", "Reason", "Refused", "SwathError", "Unknown", "Unreadable", "nearest"]


class SwathError(Exception):
    """Base of all errors that swath raises on purpose.

    Parameters
    ----------
    where : str
        The file, sample, option or place at fault.
    what : str
        What is wrong, as a noun ("gsd", "band order") or a clause ("holds no bands").
    want, have : str
        Both sides, where there are two.
    fix : str
        What to do next, as a whole sentence.
    """

    exit_status = 2
    verb = ""

    def __init__(self, *, where: str = "", what: str, want: str = "", have: str = "", fix: str = "") -> None:
        self.where, self.what, self.want, self.have, self.fix = where, what, want, have, fix
        super().__init__(where, what, want, have, fix)

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        head += self.verb
        sides = [f"want {self.want}" if self.want else "", f"have {self.have}" if self.have else ""]
        joined = ", ".join(side for side in sides if side)
        sentence = f"{head}: {joined}" if joined else head
        return f"{sentence}. {self.fix}".rstrip() if self.fix else f"{sentence}."

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.where, self.what, self.want, self.have, self.fix))


def _rebuild(kind: type[SwathError], where: str, what: str, want: str, have: str, fix: str) -> SwathError:
    """Unpickle: errors cross process borders whole."""
    error = kind.__new__(kind)
    SwathError.__init__(error, where=where, what=what, want=want, have=have, fix=fix)
    return error


class Mismatch(SwathError):
    """Two things that must agree do not."""

    verb = " differs"


class Unreadable(SwathError):
    """Bytes that cannot be read whole."""


class Refused(SwathError):
    """Going on would mean guessing, or losing something."""


class Unknown(SwathError):
    """A name that no table holds.

    Parameters
    ----------
    name : str
        What was asked for.
    known : iterable of str
        Every name that would have been right.
    what : str
        The kind of thing named ("band", "preset", "option").
    where : str
        Where the name was given.
    """

    def __init__(self, name: str, known: Iterable[str], *, what: str, where: str = "") -> None:
        names = [str(k) for k in known]
        close = nearest(name, names)
        listed = ", ".join(names[:12]) + (f", ... ({len(names)} in all)" if len(names) > 12 else "")
        fix = f"Did you mean {close!r}? " if close else ""
        super().__init__(where=where, what=f"unknown {what} {name!r}", fix=f"{fix}Known: {listed or 'none'}.")


class MissingExtra(SwathError):
    """A package of an extra is not installed."""

    def __init__(self, package: str, extra: str, *, where: str = "") -> None:
        super().__init__(
            where=where,
            what=f"needs the package {package!r}, which comes with the extra [{extra}]",
            fix=f"Install it with: pip install 'swath[{extra}]'.",
        )


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Find the known name most like `name`.

    Examples
    --------
    >>> nearest("cloud_densty", ["cloud_density", "cloud_sparsity"])
    'cloud_density'
    >>> nearest("B8", []) is None
    True
    """
    folded = {str(k).lower(): str(k) for k in known}
    close = difflib.get_close_matches(str(name).lower(), folded, n=1, cutoff=0.4)
    return folded[close[0]] if close else None


#: Why a sample is in quarantine. One word each, so that tables can be grouped by it.
Reason = Literal["unreadable", "mismatch", "missing", "undecided", "invalid", "refused", "damaged"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A sample that could not be read, with the reason; it goes to quarantine and is counted."""

    #: Identifier of the plan's row.
    id: str
    #: One of `Reason`.
    reason: Reason
    #: The whole sentence: where, what, want, have, do.
    message: str

    @classmethod
    def of(cls, id: str, error: SwathError, reason: Reason | None = None) -> Failure:
        """Turn an error into a value.

        Examples
        --------
        >>> Failure.of("a", Mismatch(where="a.tif", what="size", want="64 x 64", have="10 x 64")).reason
        'mismatch'
        """
        given: Reason = "unreadable"
        if isinstance(error, Mismatch):
            given = "mismatch"
        elif isinstance(error, Refused):
            given = "refused"
        return cls(id, reason or given, str(error))
