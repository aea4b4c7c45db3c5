"""Bugs in the limits of usage, in what goes beyond them, and in coupons."""

from tests.seeds.seed import seeds_of

COUPONS = "clustr/subscriptions/commands/coupons.py"
PACKS = "clustr/subscriptions/commands/usage_packs.py"
AT_STRIPE = "clustr/subscriptions/commands/stripe_packs.py"
POLICIES = "clustr/subscriptions/policies.py"
PRICING = "clustr/subscriptions/pricing.py"
QUERIES = "clustr/subscriptions/queries.py"
USAGE = "clustr/subscriptions/migrations/0003_usage.py"

sow = seeds_of(("tests/subscriptions", "tests/house"), file=PRICING)

SEEDS = (
    sow(
        "usage-passes-its-limit-once",
        "What was used is held against the limit, not what would be used with this.",
        "ELSIF added > 0 AND after > one.ceiling THEN",
        "ELSIF added > 0 AND before >= one.ceiling THEN",
        "test_record_usage.py::test_a_batch_that_would_pass_the_limit_counts_nothing",
        file=USAGE,
    ),
    sow(
        "overage-counted-from-zero",
        "Who goes beyond the limit pays for what was included too.",
        "    return max(used - limit - packs, Decimal(0))\n",
        "    return used if used > limit + packs else Decimal(0)\n",
        "test_record_usage.py::test_beyond_the_limit_is_charged_where_the_plan_says_so",
    ),
    sow(
        "warned-beyond-the-limit-only",
        "The customer is told when the limit was passed, not when it is reached.",
        "if previous < threshold <= current)",
        "if previous <= threshold < current)",
        "test_record_usage.py::test_the_customer_is_told_at_80_and_100_per_cent",
    ),
    sow(
        "pack-never-ends",
        "A pack counts again in each period after the one it was bought for.",
        "            starts_at=subscription.current_period_start,\n",
        "",
        "test_record_usage.py::test_a_pack_is_on_top_of_the_limit",
        file=QUERIES,
    ),
    sow(
        "units-are-owed-before-they-are-paid",
        "What nobody has to pay, because the units do not count before, stands among what a customer owes.",
        ' or (told.pack and told.status != "paid"):',
        ":",
        "test_usage_packs.py",
        file="clustr/subscriptions/commands/stripe_documents.py",
    ),
    sow(
        "pack-counts-again",
        "Units count again each time that Stripe tells of something.",
        'paid.exclude(id__in=counted.values("invoice_id")).order_by("id")',
        'paid.order_by("id")',
        "test_usage_packs.py::test_what_is_told_twice_and_out_of_order_counts_once",
        file=PACKS,
    ),
    sow(
        "declined-pack-stays-open",
        "What a card was declined for is still to be paid, and never counts.",
        "            left = _void(call, told)\n",
        "            left = stripe_service().fetch_invoice(invoice_id=told.id)\n",
        "test_usage_packs.py::test_a_declined_card_leaves_nothing",
        file=AT_STRIPE,
    ),
    sow(
        "pack-asked-under-a-new-key",
        "An invoice for units that was not heard is asked for again under another key.",
        'key=f"{call.id}:invoice",',
        'key=f"{call.id}:invoice:{now}",',
        "test_usage_packs.py",
        file=AT_STRIPE,
    ),
    sow(
        "coupon-used-for-each-subscription",
        "A customer uses a coupon once for each of their subscriptions.",
        "coupon_id=coupon.id, user_id=subscription.user_id)\n",
        "coupon_id=coupon.id, subscription_id=subscription.id)\n",
        "test_coupons.py::test_once_per_customer_of_two_subscriptions_at_once",
        file=COUPONS,
    ),
    sow(
        "coupon-valid-when-it-expires",
        "A coupon may be used in the instant it expires.",
        "now >= coupon.expires_at",
        "now > coupon.expires_at",
        "test_coupons.py::test_one_that_is_not_for_this",
        file=POLICIES,
    ),
    sow(
        "coupon-a-month-too-long",
        "A coupon for some months lowers one invoice more.",
        "at < redemption.ends_at",
        "at <= redemption.ends_at",
        "test_coupons.py::test_repeating_counts_for_its_months",
        file=POLICIES,
    ),
)
