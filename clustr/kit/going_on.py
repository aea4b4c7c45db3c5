"""Going on with the others where one of many fails by a defect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self
from uuid import UUID

import structlog

log = structlog.get_logger("clustr.going_on")


class GoingOn:
    """A loop over what has nothing to do with each other:

        with GoingOn() as going_on:
            for id in ids:
                with going_on.past(automation_id=id):
                    ...

    What fails by an error is logged with its ids, and the loop goes on. At the end the first of these errors is raised after
    all, so that the job is counted as failed and whoever waits for an answer hears of it.
    """

    def __init__(self) -> None:
        self._errors: list[Exception] = []

    @property
    def failed(self) -> bool:
        """Whether anything has, so far."""
        return bool(self._errors)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None and self._errors:
            raise self._errors[0]

    @contextmanager
    def past(self, **ids: UUID | str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            log.exception("went_on", **{name: str(id) for name, id in ids.items()})
            self._errors.append(error)


def through_estates(cluster_ids: Iterable[UUID], act: Callable[[UUID], int | None]) -> int:
    """Do this in each estate, and add up what it answers: what fails by an error in one stops none after it."""
    done = 0
    with GoingOn() as going_on:
        for cluster_id in cluster_ids:
            with going_on.past(cluster_id=cluster_id):
                done += act(cluster_id) or 0
    return done
