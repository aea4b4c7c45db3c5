"""Measures: what Prometheus is told straight from the database, written as queries, because nothing else is as honest.

Each room names its own in `gauges.py` (`MEASURES`); whoever is scraped asks them all, as the checker role, which reads every
cluster and can write nothing. A query's cost must grow with what is waiting or wrong, not with the history: it reads an
index that holds only that. One that takes too long or cannot run is left out, and `clustr_measure_missing` says so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from prometheus_client import Metric
from prometheus_client.metrics_core import GaugeMetricFamily

from clustr.kit import clock

log = structlog.get_logger(__name__)

LONGEST_MS = 2_000
"""How long one query may take, in milliseconds."""
KEPT_SECONDS = 5.0
"""How long an answer serves: however often somebody scrapes, a process asks no more often than this."""
MISSING = "clustr_measure_missing"


@dataclass(frozen=True, slots=True)
class Measure:
    """`sql` answers a row for each combination of `labels`: their values, then a number for each of `gauges`, which are
    names with what they say. `%(now)s` is this clock's present; jobs and heartbeats live by PostgreSQL's `now()`.

    Labels are few and known beforehand: kinds, states, providers; never an id, a person or an estate.
    """

    name: str
    labels: tuple[str, ...]
    gauges: tuple[tuple[str, str], ...]
    sql: str


def all_measures() -> list[Measure]:
    """Every room's measures, floor by floor."""
    found: list[Measure] = []
    for room in settings.ROOMS:
        module = f"clustr.{room}.gauges"
        if find_spec(module):
            found.extend(import_module(module).MEASURES)
    return found


class Reader:
    """Asks the measures, each by itself, and keeps the answers for a moment."""

    def __init__(self, *, using: str = "checker") -> None:
        self._using = using
        self._asking = threading.Lock()
        self._read: list[Metric] = []
        self._read_at = float("-inf")

    def read(self) -> list[Metric]:
        """The gauges as Prometheus takes them."""
        with self._asking:
            if time.monotonic() - self._read_at >= KEPT_SECONDS:
                self._read = list(_ask_all(self._using))
                self._read_at = time.monotonic()
            return self._read

    def forget(self) -> None:
        """Ask anew next time."""
        self._read_at = float("-inf")


def _ask_all(using: str) -> Iterable[Metric]:
    missing = GaugeMetricFamily(MISSING, "1 where a measure could not be read from the database.", labels=["measure"])
    for measure in all_measures():
        try:
            rows = _rows(measure, using)
        except (DatabaseError, InterfaceError) as error:
            log.warning("measure_missing", measure=measure.name, exc_info=error)
            missing.add_metric([measure.name], 1)
            continue
        missing.add_metric([measure.name], 0)
        for at, (name, says) in enumerate(measure.gauges, start=len(measure.labels)):
            family = GaugeMetricFamily(name, says, labels=measure.labels)
            for row in rows:
                family.add_metric([str(label) for label in row[: len(measure.labels)]], float(row[at]))
            yield family
    yield missing


def _rows(measure: Measure, using: str) -> list[tuple[Any, ...]]:
    """The query's rows, in a read-only transaction of its own that ends in time."""
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute("BEGIN TRANSACTION READ ONLY")
        try:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(LONGEST_MS)])
            cursor.execute(measure.sql, {"now": clock.now()})
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows
        finally:
            if not connection.closed_in_transaction:
                cursor.execute("ROLLBACK")
