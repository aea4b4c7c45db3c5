"""Bugs in what members have bought by itself: order, limits, minimum, periods, cards, consent."""

from tests.seeds.seed import seeds_of

COMMANDS = "clustr/recurring/commands"
PLANNER, POLICIES = "clustr/recurring/automation_planner.py", "clustr/recurring/automation_policies.py"
READING, SCHEDULE = "clustr/recurring/automation_reading.py", "clustr/recurring/automation_schedule.py"
BUYING, RUNNING = f"{COMMANDS}/automation_buying.py", f"{COMMANDS}/automation_running.py"
FOLLOWING, ORDERING = f"{COMMANDS}/automation_following.py", f"{COMMANDS}/automation_ordering.py"
NOTING, JUDGING = f"{COMMANDS}/automation_noting.py", f"{COMMANDS}/automation_judging.py"
SCHEMA = "clustr/recurring/migrations/0003_automations.py"
ESTIMATION = "clustr/recurring/estimation.py"
PLAN, RUN, RACES = "test_automation_planner.py", "test_automations.py", "test_automation_races.py"

sow = seeds_of(("tests/recurring", "tests/house", "tests/web/members"), file=PLANNER)

SEEDS = (
    sow(
        "automations-by-id",
        "Which automation goes first is chance, not priority.",
        "        return self.priority, self.due_at, self.run_id\n",
        "        return 0, self.due_at, self.run_id\n",
        PLAN,
    ),
    sow(
        "minimum-balance-spent",
        "What is to remain in the wallet is spent.",
        "room = max(0, purse.available - wish.keeps)",
        "room = max(0, purse.available)",
        PLAN,
        RUN,
    ),
    sow(
        "spending-limit-per-purchase",
        "What was spent before in the month does not count against an automation's limit.",
        "    _count(wish, purse, needs)\n    return decision\n",
        "    return decision\n",
        PLAN,
    ),
    sow(
        "type-limit-ignored",
        "The limit of a type of utility is not asked.",
        "    limit = purse.type_limits.get(wish.type)\n",
        "    limit = None\n",
        PLAN,
        RUN,
    ),
    sow(
        "limit-without-the-fee",
        "A limit counts amounts without their fees.",
        "    needs = decision.amount + wish.fee - wish.funded\n    purse.available -= needs\n    _count(wish, purse, needs)",
        "    needs = decision.amount + wish.fee - wish.funded\n    purse.available -= needs\n    _count(wish, purse, needs - wish.fee)",
        PLAN,
    ),
    sow(
        "card-money-for-everybody",
        "What a card brought for one automation is spent by another.",
        ".available.minor - _kept_for_runs(actor),",
        ".available.minor,",
        RUN,
        file=READING,
    ),
    sow(
        "backup-before-the-wallet",
        "The backup card is charged although the wallet covers it.",
        "        if from_wallet and needs <= room:\n",
        "        if from_wallet and needs <= room and not wish.backup:\n",
        PLAN,
        RUN,
    ),
    sow(
        "charged-before-its-time",
        "A declined card is charged again with every plan.",
        "    if not wish.is_due:\n        return Decision(wish, Verdict.LATER)\n    _count(wish, purse, wish.total)\n",
        "    _count(wish, purse, wish.total)\n",
        PLAN,
    ),
    sow(
        "part-below-the-least",
        "A part is bought that is not sold so small.",
        "        if wish.least <= part < wish.amount:\n",
        "        if 0 < part < wish.amount:\n",
        PLAN,
    ),
    sow(
        "limits-of-last-month",
        "What was spent in another month counts.",
        "        month=month_of(now=now, timezone=actor.timezone),\n",
        "",
        RUN,
        file=READING,
    ),
    sow(
        "released-counts-on",
        "What a utility refused, and gave back, uses up the limit.",
        "            if not one.run.funded_minor:\n                uncount(run=one.run)\n",
        "",
        RUN,
        file=NOTING,
    ),
    sow(
        "never-pauses-an-automation",
        "An automation fails for ever.",
        "    if attempts >= most:\n",
        "    if attempts > most + 1_000:\n",
        RUN,
        file=POLICIES,
    ),
    sow(
        "not-known-is-failed",
        "What a utility was not heard about counts as refused, and is bought again.",
        "        if made.status in _OVER:\n",
        "        if made.status in (*_OVER, TransactionStatus.UNKNOWN):\n",
        RUN,
        file=FOLLOWING,
    ),
    sow(
        "bought-beside-an-open-one",
        "A new period begins while the one before it is not decided.",
        '        .exclude(id__in=busy.values("automation_id"))\n',
        "",
        RUN,
        file=RUNNING,
    ),
    sow(
        "every-missed-period-is-bought",
        "After an outage each missed day is bought for.",
        "        each.next_run_at = each.schedule.next_after(now=now)\n",
        "        each.next_run_at = each.schedule.next_after(now=due_at)\n",
        RUN,
        file=RUNNING,
        more=(
            (
                "due_at = each.schedule.last_until(now=now, since=each.next_run_at)",
                "due_at = each.next_run_at",
            ),
        ),
    ),
    sow(
        "who-has-left-buys-on",
        "An automation goes on after its member has left.",
        "    return None if actor.role == FORMER else actor\n",
        "    return actor\n",
        RUN,
        file=RUNNING,
    ),
    sow(
        "off-buys-what-waits",
        "What waits to be tried is bought although the automation was switched off.",
        "    save_runs(runs=stopped)\n",
        "",
        RUN,
        RACES,
        file=RUNNING,
    ),
    sow(
        "planned-once-only",
        "What is bought is not decided again under the lock.",
        "        utilities.lock_purchases(cluster_id=actor.cluster_id, user_id=actor.member_id)\n        peeked",
        "        peeked",
        RACES,
        file=BUYING,
    ),
    sow(
        "no-pin-to-automate",
        "An automation is set up without the PIN.",
        "        wallets.require_authorization(actor=actor, authorization=authorization)\n        mine = Util",
        "        mine = Util",
        RUN,
        file=ORDERING,
    ),
    sow(
        "no-pin-to-let-more-be-spent",
        "A higher limit, a lower minimum or other days need no PIN.",
        "        if enable or allows_more(before=before, after=after):\n",
        "        if enable:\n",
        RUN,
        file=ORDERING,
    ),
    sow(
        "anothers-automation",
        "A member changes another's automation.",
        ".filter(cluster_id=actor.cluster_id, id=automation_id, user_id=actor.member_id, removed_at__isnull=True)",
        ".filter(cluster_id=actor.cluster_id, id=automation_id, removed_at__isnull=True)",
        RUN,
        file=ORDERING,
    ),
    sow(
        "anothers-card-charged",
        "An automation names a neighbour's card.",
        "id=terms.payment_method_id, user_id=actor.member_id, removed_at=None",
        "id=terms.payment_method_id, removed_at=None",
        RUN,
        file=ORDERING,
    ),
    sow(
        "removed-card-charged",
        "A card that was removed is charged.",
        "user_id=actor.member_id, removed_at=None)",
        "user_id=actor.member_id)",
        RUN,
        file=JUDGING,
    ),
    sow(
        "month-end-of-28",
        "A day that a month lacks is its 28th.",
        "min(day, monthrange(year, before + 1)[1])",
        "min(day, 28)",
        "test_automation_schedule.py",
        file=SCHEDULE,
    ),
    sow(
        "mean-for-median",
        "One large purchase moves what is expected.",
        "    amount = median_low(bought.amount_minor for bought in last)\n",
        "    amount = sum(bought.amount_minor for bought in last) // len(last)\n",
        "test_estimation.py",
        file=ESTIMATION,
    ),
    sow(
        "second-purchase-of-a-run",
        "The database lets a period be bought twice.",
        "AND t.status NOT IN ('failed', 'cancelled')) THEN",
        "AND false) THEN",
        RACES,
        file=SCHEMA,
    ),
)
