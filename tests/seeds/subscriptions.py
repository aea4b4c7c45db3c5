"""Bugs in subscriptions."""

from tests.seeds.seed import seeds_of

PRICING = "clustr/subscriptions/pricing.py"
SCHEDULE = "clustr/subscriptions/schedule.py"
COMMANDS = "clustr/subscriptions/commands"
USAGE = "clustr/subscriptions/migrations/0003_usage.py"
DOCUMENTS = "clustr/subscriptions/migrations/0002_documents.py"

sow = seeds_of(("tests/subscriptions", "tests/house"), file=PRICING)

SEEDS = (
    sow(
        "proration-truncates",
        "A prorated amount is cut off, not rounded.",
        "(2 * magnitude.numerator + magnitude.denominator) // (2 * magnitude.denominator)",
        "magnitude.numerator // magnitude.denominator",
        "test_proration.py",
    ),
    sow(
        "credit-rounds-up",
        "A credit is rounded by another rule than a charge.",
        "    return -whole if exact < 0 else whole\n",
        "    return exact.numerator // exact.denominator if exact < 0 else whole\n",
        "test_proration.py",
    ),
    sow(
        "unused-time-is-whole",
        "An upgrade gives back the whole period, not what is unused of it.",
        "    credit = prorate(price=old_price, period=period, at=at)\n",
        "    credit = old_price\n",
        "test_histories.py",
        "test_change_plan.py",
    ),
    sow(
        "discounted-twice",
        "What was prorated is discounted again.",
        "enumerate(lines) if line.discountable and line.amount.minor > 0]",
        "enumerate(lines) if line.amount.minor > 0]",
        "test_charges.py",
    ),
    sow(
        "tax-by-line",
        "Tax is rounded line by line.",
        "tax_on(net=net, basis_points=rate)",
        "Money(net.minor * rate // _BASIS, net.currency)",
        "test_charges.py",
        "test_histories.py",
    ),
    sow(
        "month-ends-stick",
        "Who began on the 31st is billed on the 28th for ever.",
        "day=min(day, _days_of(year, month + 1))",
        "day=min(day, 28)",
        "test_schedule.py",
        file=SCHEDULE,
    ),
    sow(
        "trial-ends-at-noon",
        "A trial ends in the middle of its last day.",
        "    ends = midnight if midnight == local else midnight + timedelta(days=1)\n",
        "    ends = local\n",
        "test_schedule.py",
        file=SCHEDULE,
    ),
    sow(
        "customers-race",
        "Acts of one customer run beside each other.",
        "            cursor.execute(_LOCK, [id])\n",
        "            pass\n",
        "test_coupons.py::test_once_per_customer_of_two_subscriptions_at_once",
        file=f"{COMMANDS}/recording.py",
    ),
    sow(
        "anybody-changes-a-plan",
        "A stranger changes somebody's plan.",
        "        whose = whose.filter(user_id=actor.user_id)\n",
        "        pass\n",
        "test_change_plan.py::test_a_stranger_finds_nothing",
        file=f"{COMMANDS}/recording.py",
    ),
    sow(
        "overpaid-is-lost",
        "What was paid beyond what is due is booked as paid.",
        "surplus_minor=max(amount.minor - due, 0)",
        "surplus_minor=0",
        "test_payments.py",
        file=f"{COMMANDS}/paying.py",
    ),
    sow(
        "slip-counts-again",
        "One bank transfer is recorded twice.",
        "CREATE UNIQUE INDEX subscriptions_payment_reference",
        "CREATE INDEX subscriptions_payment_reference",
        "test_payments.py::test_a_reference_counts_once",
        file=DOCUMENTS,
    ),
    sow(
        "own-payment",
        "Staff record payments of their own.",
        "        if invoice.user_id == actor.user_id:\n",
        "        if False:\n",
        "test_payments.py::test_staff_records_and_never_their_own",
        file=f"{COMMANDS}/paying.py",
    ),
    sow(
        "credit-is-not-applied",
        "A customer's credit does not pay the next invoice.",
        "    apply_credit(invoice=invoice, now=now)\n",
        "",
        "test_change_plan.py::test_credit_pays_the_next_invoice",
        file=f"{COMMANDS}/invoicing.py",
    ),
    sow(
        "trial-again",
        "Whoever cancels may try again.",
        "price.minor and plan.trial_days and not queries.had_trial(",
        "price.minor and plan.trial_days or not queries.had_trial(",
        "test_subscribe_user.py",
        file=f"{COMMANDS}/subscribing.py",
    ),
    sow(
        "renewed-at-the-new-price",
        "Subscribers pay what a plan costs today, not what they agreed to.",
        '    return [Line(LineKind.PLAN, f"{plan.name}, a {subscription.interval}", subscription.price, period, 1, tax)]\n',
        "    now_costs = queries.offered_plans()[-1].price_monthly\n"
        "    price = Money(now_costs, subscription.currency)\n"
        '    return [Line(LineKind.PLAN, f"{plan.name}, a {subscription.interval}", price, period, 1, tax)]\n',
        "test_subscribe_user.py",
        file=f"{COMMANDS}/periods.py",
        more=(
            (
                "from clustr.kit.actor import Actor\n",
                "from clustr.kit.actor import Actor\nfrom clustr.kit.money import Money\n",
            ),
        ),
    ),
    sow(
        "coupon-beyond-its-limit",
        "A coupon's limit is looked at, and then it is counted.",
        '    left = Q(max_redemptions=None) | Q(redeemed__lt=F("max_redemptions"))\n',
        "    left = Q()\n",
        "test_coupons.py::test_a_limit_holds_when_many_come_at_once",
        file=f"{COMMANDS}/coupons.py",
    ),
    sow(
        "usage-limit-off-by-one",
        "One more than the limit is counted.",
        "after > one.ceiling",
        "after > one.ceiling + 1",
        "test_record_usage.py::test_a_limit_holds_exactly_under_a_hundred_writers",
        file=USAGE,
    ),
    sow(
        "usage-lock-dropped",
        "Many count at once without waiting for each other.",
        "    ORDER BY u.feature_type FOR NO KEY UPDATE OF u;\n",
        "    ORDER BY u.feature_type;\n",
        "test_record_usage.py::test_a_limit_holds_exactly_under_a_hundred_writers",
        file=USAGE,
    ),
    sow(
        "usage-counts-twice",
        "A repeated event is counted again.",
        "      ON CONFLICT (cluster_id, subscription_id, event_id) DO NOTHING\n      RETURNING",
        "      RETURNING",
        "test_record_usage.py::test_an_event_counts_once",
        file=USAGE,
        more=(
            (
                "CONSTRAINT subscriptions_usagerecord_once UNIQUE (cluster_id, subscription_id, event_id)",
                "CONSTRAINT subscriptions_usagerecord_once UNIQUE (cluster_id, id, event_id)",
            ),
        ),
    ),
    sow(
        "invoices-can-be-edited",
        "An invoice is changed after it was issued.",
        "ALTER TABLE subscriptions_invoice ENABLE ALWAYS TRIGGER subscriptions_invoice_kept;",
        "ALTER TABLE subscriptions_invoice DISABLE TRIGGER subscriptions_invoice_kept;",
        "test_walls.py",
        file=DOCUMENTS,
    ),
    sow(
        "payment-of-stripe-booked-again",
        "A payment that was booked is booked again when Stripe tells of it again.",
        "payment.status == PaymentStatus.SUCCEEDED or payment.invoice_id != invoice.id",
        "payment.invoice_id != invoice.id",
        "test_stripe_life.py",
        "test_stripe_unheard.py",
        file=f"{COMMANDS}/stripe_documents.py",
    ),
    sow(
        "asked-of-stripe-under-a-new-key",
        "What was not heard is asked again under another key, and done twice.",
        '        "key": str(call.id),\n',
        '        "key": f"{call.id}:{call.attempts}",\n',
        "test_stripe_unheard.py",
        file=f"{COMMANDS}/stripe_running.py",
    ),
    sow(
        "older-truth-of-stripe-wins",
        "What was asked earlier and comes later takes the place of what is newer.",
        "    if subscription.stripe_seen >= asked:\n        return\n",
        "",
        "test_stripe_unheard.py",
        file=f"{COMMANDS}/stripe_mirroring.py",
    ),
    sow(
        "old-notice-of-stripe-is-taken",
        "A signed notice may be sent again a day later.",
        "not any(matches) or abs(now.timestamp() - int(signed_at[0])) > TOLERANCE_SECONDS",
        "not any(matches)",
        "test_stripe_unheard.py",
        file="clustr/subscriptions/vendors/stripe_notices.py",
    ),
    sow(
        "credit-at-stripe-used-here",
        "Credit that Stripe keeps pays an invoice that is paid by transfer too.",
        "return stripe_credit_holder(user_id=document.user_id) if document.stripe_invoice_id else document.user_id",
        "return document.user_id",
        "test_stripe_life.py",
        file="clustr/subscriptions/queries.py",
    ),
)
