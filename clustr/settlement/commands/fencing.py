"""Going through a provider's list row by row, where one row that fails stops neither the rows after it nor the next night."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import structlog

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.crashpoints import Crash
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Case
from clustr.payments.queries import Place
from clustr.payments.states import CaseKind
from clustr.settlement.commands.asking import UNHEARD

log = structlog.get_logger(__name__)

_GIVEN_UP_AFTER = 5
"""So many rows one after the other about which a provider says nothing are no defect of rows."""


class Fence:
    """What was met on the way through one provider's list. `breaks`: cases that are new. `complete`: what was not said proves
    nothing, so it is asked again the next time; a row that could not be heard twice is a case and holds up nothing more."""

    def __init__(self, provider: str, now: datetime) -> None:
        self.breaks = 0
        self.complete = True
        self._provider = provider
        self._now = now
        self._heard = False
        self._unheard: list[tuple[Place | None, str, Exception]] = []

    def through(self, part: Callable[[], None], *, about: str) -> None:
        """Go through a part of the list. An error of ours ends this part of this provider's, and nothing else."""
        try:
            part()
            self._open_unheard()
        except UNHEARD:
            self.complete = False
            if self._heard:
                self._open_unheard()
        except Crash:
            raise
        except Exception as error:
            log.exception("settlement.reconcile_failed", provider=self._provider)
            self.complete = False
            self._open(None, about, error)
        self._unheard.clear()

    @contextmanager
    def row(self, place: Place | None, about: str) -> Iterator[None]:
        """A row that fails by an error of ours, or about which the provider says nothing while it speaks of others, is a
        case; while that is open, the row holds up nothing."""
        try:
            yield
        except UNHEARD as error:
            if self._is_known(place, about):
                return
            self._unheard.append((place, about, error))
            if len(self._unheard) >= _GIVEN_UP_AFTER:
                raise
        except Crash:
            raise
        except Exception as error:
            log.exception("settlement.reconcile_failed", provider=self._provider, provider_id=about)
            self._open(place, about, error)
        else:
            self._heard = True
            self._open_unheard()

    def unreadable(self, ids: Iterable[str], *, about: str) -> None:
        """Rows that say something nobody understands are the platform's."""
        for id in ids:
            with tenant(PLATFORM_CLUSTER_ID):
                self.breaks += payments.open_case(
                    kind=CaseKind.NEVER_ANSWERED,
                    subject=f"{self._provider}:{about}:{id}",
                    facts={"provider": self._provider, "provider_id": id, "list": about, "error": "unreadable"},
                    once=True,
                    now=self._now,
                )

    def _open_unheard(self) -> None:
        for place, about, error in self._unheard:
            if self._open(place, about, error):
                self.complete = False
        self._unheard.clear()

    def _is_known(self, place: Place | None, about: str) -> bool:
        with tenant(_estate(place)):
            return Case.objects.filter(
                cluster_id=_estate(place), kind=CaseKind.NEVER_ANSWERED, subject=self._subject(about), closed_at=None
            ).exists()

    def _subject(self, about: str) -> str:
        return f"{self._provider}:{about}"

    def _open(self, place: Place | None, about: str, error: Exception) -> bool:
        """A case for what a comparison could not do; answers whether it is new."""
        with tenant(_estate(place)):
            opened = payments.open_case(
                kind=CaseKind.NEVER_ANSWERED,
                subject=self._subject(about),
                transaction_id=place.transaction_id if place else None,
                facts={"provider": self._provider, "provider_id": about, "error": type(error).__name__},
                now=self._now,
            )
        self.breaks += opened
        return opened


def _estate(place: Place | None) -> UUID:
    return place.cluster_id if place else PLATFORM_CLUSTER_ID
