"""Bugs in standing orders."""

from tests.seeds.seed import seeds_of

SCHEDULE = "clustr/recurring/schedule.py"
POLICIES = "clustr/recurring/policies.py"
RUNNING = "clustr/recurring/commands/running.py"
ORDERING = "clustr/recurring/commands/ordering.py"
SCHEMA = "clustr/recurring/migrations/0001_recurring.py"
COVERED = "clustr/ledger/migrations/0002_covered.py"
PAYING = "clustr/bills/migrations/0004_paying_many.py"

sow = seeds_of(("tests/recurring", "tests/house", "tests/web/members", "tests/web/management"), file=RUNNING)

SEEDS = (
    sow(
        "month-end-drifts",
        "The day of a month is counted from the 28th on.",
        "day=min(anchor.day, monthrange(year, month + 1)[1])",
        "day=min(anchor.day, 28)",
        "test_schedule.py",
        file=SCHEDULE,
    ),
    sow(
        "quarter-of-four",
        "A quarter has four months.",
        "Frequency.QUARTERLY: 3",
        "Frequency.QUARTERLY: 4",
        "test_schedule.py",
        file=SCHEDULE,
    ),
    sow(
        "anchor-in-utc",
        "The first date's wall clock is UTC's, not the estate's.",
        "    return start.astimezone(_zone(timezone)).replace(tzinfo=None, fold=0)\n",
        "    return start.astimezone(UTC).replace(tzinfo=None, fold=0)\n",
        "test_schedule.py",
        file=SCHEDULE,
    ),
    sow(
        "second-of-two",
        "A time that comes twice is taken the second time, and one that is skipped comes earlier.",
        "    return local.replace(tzinfo=_zone(timezone), fold=0).astimezone(UTC)\n",
        "    return local.replace(tzinfo=_zone(timezone), fold=1).astimezone(UTC)\n",
        "test_schedule.py",
        file=SCHEDULE,
    ),
    sow(
        "resumed-into-the-past",
        "A resumed order goes on with the period that passed.",
        "period=period, timezone=timezone) <= now:\n        period += 1\n",
        "period=period, timezone=timezone) < now:\n        break\n",
        "test_orders.py",
        "test_schedule.py",
        file=SCHEDULE,
    ),
    sow(
        "ends-one-late",
        "An order runs once more after its end.",
        "due_at > schedule.end_at:",
        "schedule.due_at(period) > schedule.end_at:",
        "test_orders.py",
        file=POLICIES,
    ),
    sow(
        "over-the-cap",
        "A run pays all that is owed, whatever its maximum.",
        "        part = min(left, bill.remaining_minor)\n",
        "        part = bill.remaining_minor\n",
        "test_process_recurring_payments.py",
        file=POLICIES,
    ),
    sow(
        "never-pauses",
        "An order fails for ever.",
        "    if failed >= most:\n",
        "    if failed > most + 1_000:\n",
        "test_process_recurring_payments.py",
        file=POLICIES,
    ),
    sow(
        "retries-at-once",
        "What failed is tried again in the same sweep.",
        "period, now + wait, failed)",
        "period, now, failed)",
        "test_process_recurring_payments.py",
        file=POLICIES,
    ),
    sow(
        "no-pin-to-set-up",
        "An order is set up without the PIN.",
        "        wallets.require_authorization(actor=actor, authorization=authorization)\n        _refuse_too_many(actor)\n",
        "        _refuse_too_many(actor)\n",
        "test_orders.py",
        file=ORDERING,
    ),
    sow(
        "no-pin-to-resume",
        "An order is resumed without the PIN.",
        "        wallets.require_authorization(actor=actor, authorization=authorization)\n        _refuse_over(order)\n",
        "        _refuse_over(order)\n",
        "test_orders.py",
        file=ORDERING,
    ),
    sow(
        "no-pin-to-raise",
        "More is taken without the PIN.",
        "(order.max_minor or order.amount_minor) > most or longer",
        "longer",
        "test_orders.py",
        file=ORDERING,
    ),
    sow(
        "anothers-order",
        "A member acts on another's order.",
        "    if order.user_id != actor.member_id:\n        raise RecurringPaymentNotFound\n",
        "",
        "test_orders.py",
        file=ORDERING,
    ),
    sow(
        "who-has-left-pays-on",
        "An order runs on after its member has left.",
        "        gone = [due for due in claimed if not due.is_member]\n",
        "        gone: list[Due] = []\n        claimed = [due._replace(is_member=True) for due in claimed]\n",
        "test_orders.py",
    ),
    sow(
        "pause-does-not-wait",
        "Whoever pauses an order does not wait for its run.",
        "        RecurringPayment.objects.select_for_update(no_key=True)\n        .filter(cluster_id=cluster_id, id=recurring_payment_id)\n",
        "        RecurringPayment.objects\n        .filter(cluster_id=cluster_id, id=recurring_payment_id)\n",
        "test_races.py",
        file=ORDERING,
    ),
    sow(
        "paused-runs",
        "A sweep takes paused orders too.",
        "WHERE o.cluster_id = %(cluster)s AND o.state = 'active' AND o.next_run_at <= %(now)s\n",
        "WHERE o.cluster_id = %(cluster)s AND (o.state = 'active' AND o.next_run_at <= %(now)s"
        " OR o.state = 'paused' AND o.stopped_at <= %(now)s)\n",
        "test_orders.py",
    ),
    sow(
        "two-of-one-wallet",
        "Of several orders of one wallet the batch judges each as if it were alone.",
        "        here = list({due.user_id: due for due in reversed(claimed) if due.is_member}.values())  # one of each wallet\n",
        "        here = [due for due in claimed if due.is_member]\n",
        "test_process_recurring_payments.py",
        "test_model.py",
    ),
    sow(
        "period-key-gone",
        "The key that lets a period run once names the run too.",
        "UNIQUE (cluster_id, order_id, period)",
        "UNIQUE (cluster_id, order_id, period, id)",
        "test_walls.py",
        file=SCHEMA,
        more=(("ON CONFLICT (cluster_id, order_id, period) DO", "ON CONFLICT (cluster_id, order_id, period, id) DO"),),
    ),
    sow(
        "ended-runs-change",
        "A run that has ended may be changed.",
        "FOR EACH ROW EXECUTE FUNCTION recurring_keep_runs();\n",
        "FOR EACH ROW WHEN (false) EXECUTE FUNCTION recurring_keep_runs();\n",
        "test_walls.py",
        file=SCHEMA,
    ),
    sow(
        "frozen-pays",
        "A frozen wallet pays what is ordered.",
        "AND a.frozen_at IS NULL AND a.balance >= t.amount RETURNING",
        "AND a.balance >= t.amount RETURNING",
        "test_orders.py",
        file=COVERED,
    ),
    sow(
        "disputed-is-held",
        "A disputed bill is taken for payable.",
        "AND o.paid_minor < o.due_minor AND o.dispute_id IS NULL\n",
        "AND o.paid_minor < o.due_minor\n",
        "test_process_recurring_payments.py",
        file=PAYING,
    ),
    sow(
        "parts-not-held",
        "A sweep looks at bills and holds none.",
        "  PERFORM bills_lock_part(t.bill, t.member)\n",
        "  PERFORM 1\n",
        "test_races.py",
        file=PAYING,
    ),
)
