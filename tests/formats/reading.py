"""Reading: all that a source makes, as tests look at it."""

from __future__ import annotations

from swath.core.errors import Failure
from swath.core.plan import Source
from swath.core.sample import Sample


def all_of(source: Source) -> list[Sample | Failure]:
    """Everything, what failed in the plan first."""
    plan = source.plan()
    return [*plan.failures, *source.read(plan.rows)]


def by_id(source: Source) -> dict[str, Sample | Failure]:
    """Everything, by identifier."""
    return {made.id: made for made in all_of(source)}


def samples_of(source: Source) -> list[Sample]:
    """Everything, where nothing failed."""
    made = all_of(source)
    samples = [each for each in made if isinstance(each, Sample)]
    assert len(samples) == len(made), made
    return samples


def the_failure(source: Source) -> Failure:
    """The only thing that failed."""
    (failure,) = [each for each in all_of(source) if isinstance(each, Failure)]
    return failure
