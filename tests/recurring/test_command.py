"""`bin/manage process_payments`: each task, what it says, a dry run, and that two never overlap."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from clustr.kit.crashpoints import Crash, failing, watching
from clustr.recurring import commands
from tests.cast import Cast
from tests.money import fund, wallet_balance
from tests.races import own_connections, race
from tests.recurring.acts import order_of

pytestmark = [pytest.mark.usefixtures("books"), pytest.mark.early(sweeps=True)]
TASKS = [
    "recurring_payments",
    "recurring_reminders",
    "utility_automations",
    "overdue_bills",
    "bill_reminders",
    "cleanup",
]


def ran(*arguments: str) -> str:
    out = StringIO()
    call_command("process_payments", *arguments, stdout=out)
    return out.getvalue()


def test_it_works(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order_of(cast, "1000.00", start_date=cast.now)
    said = ran("--task", "all")
    assert [line.split(":")[0] for line in said.splitlines() if not line.startswith(" ")] == TASKS
    assert " paid, " in said
    assert wallet_balance(cast.bola) == "4000.00"


def test_what_fails_stops_nothing_after_it(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order_of(cast, "1000.00", start_date=cast.now)
    out = StringIO()
    with watching(failing("recurring.tell.before")), pytest.raises(Crash):
        call_command("process_payments", "--task", "all", stdout=out)
    said = [line for line in out.getvalue().splitlines() if not line.startswith(" ")]
    assert [line.split(":")[0] for line in said] == TASKS
    assert [line for line in said if "failed after" in line] == said[:1]
    assert wallet_balance(cast.bola) == "4000.00"


@pytest.mark.parametrize("task", TASKS)
def test_each_task_by_itself(cast: Cast, task: str) -> None:
    fund(cast, cast.bola, "5000.00")
    order_of(cast, "1000.00", start_date=cast.now)
    assert [line.split(":")[0] for line in ran("--task", task).splitlines() if not line.startswith(" ")] == [task]
    assert wallet_balance(cast.bola) == ("4000.00" if task == "recurring_payments" else "5000.00")


def test_a_dry_run_does_nothing(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order_of(cast, "1000.00", start_date=cast.now)
    said = ran("--dry-run")
    assert said.count("nothing done") == len(TASKS)
    assert "recurring_payments: 0 " not in said
    assert wallet_balance(cast.bola) == "5000.00"


def test_two_runs_never_overlap(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order_of(cast, "1000.00", start_date=cast.now)

    def elsewhere() -> str:
        with own_connections():
            return ran("--task", "recurring_payments")

    with commands.one_at_a_time("recurring_payments") as alone:
        assert alone
        (said,) = race([elsewhere]).only().results
        assert "another run is at it" in said
        assert wallet_balance(cast.bola) == "5000.00"
    ran("--task", "recurring_payments")
    assert wallet_balance(cast.bola) == "4000.00"
