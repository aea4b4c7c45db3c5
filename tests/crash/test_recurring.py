"""Sweeps over standing orders interrupted at every place: a batch moved all its money or none, and the next sweep ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connections

from clustr.bills.types import BillType
from clustr.kit.crashpoints import Crash, failing, watching
from clustr.recurring import commands
from tests.cast import Cast, make_cast
from tests.crash.standing import difference, standing
from tests.money import acknowledge, fund, issue, prove
from tests.recurring.acts import order_of

IN_A_SWEEP = {"recurring.run", "recurring.tell"}

_SWEEP = """
import sys
import django; django.setup()
from datetime import datetime
from uuid import UUID
from django.db import connections
for alias in connections:
    connections[alias].settings_dict["NAME"] = sys.argv[1]
from clustr.kit.crashpoints import failing, watching
from clustr.recurring import commands
with watching(failing(sys.argv[4] + ":kill")):
    commands.process_recurring_payments_of(cluster_id=UUID(sys.argv[2]), now=datetime.fromisoformat(sys.argv[3]))
    commands.tell_of_runs(cluster_id=UUID(sys.argv[2]), now=datetime.fromisoformat(sys.argv[3]))
"""


def prepared() -> Cast:
    """Orders of everybody: contributions, one of which is not covered, and one that pays a bill."""
    cast = make_cast()
    for resident in cast.residents[:2]:
        fund(cast, resident, "100.00")
    bill = issue(cast, "30.00")
    acknowledge(cast, cast.bola, bill)
    order_of(cast, "50.00", bill_type=BillType.SERVICE_CHARGE)
    for resident in cast.residents:
        order_of(cast, "10.00", person=resident)
    return cast


def sweep(cast: Cast) -> None:
    later = cast.now + timedelta(hours=2)
    commands.process_recurring_payments_of(cluster_id=cast.cluster_id, now=later)
    commands.tell_of_runs(cluster_id=cast.cluster_id, now=later)


def killed(cast: Cast, at: str) -> None:
    later = cast.now + timedelta(hours=2)
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            _SWEEP,
            str(connections["default"].settings_dict["NAME"]),
            str(cast.cluster_id),
            later.isoformat(),
            at,
        ],
        cwd=settings.PROJECT_ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        check=False,
    )
    assert ran.returncode == -signal.SIGKILL, ran.stderr


def raised(cast: Cast, at: str) -> None:
    with pytest.raises(Crash), watching(failing(at)):
        sweep(cast)


PLACES = [f"{act}.{place}" for act in sorted(IN_A_SWEEP) for place in ("before", "before_commit", "after_commit")]


@pytest.mark.parametrize("by", [raised, killed])
@pytest.mark.parametrize("at", PLACES)
def test_all_or_nothing_and_once(at: str, by: object) -> None:
    undisturbed, cast = prepared(), prepared()
    before = standing(undisturbed.cluster_id)
    sweep(undisturbed)
    effect = difference(before, standing(undisturbed.cluster_id))
    before = standing(cast.cluster_id)
    by(cast, at)  # type: ignore[operator]
    if at in ("recurring.run.before", "recurring.run.before_commit"):
        assert difference(before, standing(cast.cluster_id)) == {}
    sweep(cast)
    assert difference(before, standing(cast.cluster_id)) == effect
    prove(cast)
