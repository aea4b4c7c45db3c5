"""Bugs in what payers' banks, and people at a provider's dashboard, take back; and in how that is looked for."""

from tests.seeds.seed import seeds_of

sow = seeds_of(
    ("tests/settlement", "tests/payments", "tests/house"),
    file="clustr/settlement/taken_back.py",
)

COMMANDS = "clustr/settlement/commands"
BOOKS = f"{COMMANDS}/chargeback_books.py"
CHARGING_BACK = f"{COMMANDS}/charging_back.py"
RECONCILING = f"{COMMANDS}/reconciling.py"
FENCING = f"{COMMANDS}/fencing.py"
LATER = "test_taken_back.py"

SEEDS = (
    sow(
        "a-chargeback-is-booked-again",
        "What is gone is compared with what arrived, not with what was booked as taken before.",
        "    more = sum(wanted.values()) - sum(before.values())\n",
        "    more = sum(wanted.values())\n",
        "test_chargebacks.py",
        file=CHARGING_BACK,
    ),
    sow(
        "taken-without-its-locks",
        "What became of a charge is read before what it paid is locked.",
        "    lock_with_subject(transaction_id=settled.asked_id, now=now)\n",
        "",
        "test_chargebacks.py",
        file=BOOKS,
    ),
    sow(
        "our-own-refund-is-a-chargeback",
        "A charge that we gave back ourselves is booked as taken too.",
        "self.settled.amount_minor + self.settled.surcharge_minor - self.given_back",
        "self.settled.amount_minor + self.settled.surcharge_minor",
        "test_chargebacks.py",
        LATER,
        file=BOOKS,
    ),
    sow(
        "ours-by-its-number-alone",
        "A refund of ours whose number is not known yet counts as somebody else's.",
        "            or any(note in refund.note for note in self.notes)\n",
        "",
        LATER,
        file=BOOKS,
    ),
    sow(
        "a-dispute-takes-at-once",
        "Money is taken for a dispute that nobody has decided.",
        "        case _:\n            return DisputeState.OPEN",
        "        case _:\n            return DisputeState.LOST",
        "test_chargebacks.py",
        file="clustr/payments/providers/paystack_disputes.py",
    ),
    sow(
        "dropped-is-open-for-ever",
        "A dispute that was archived without a decision holds up what the charge says of itself.",
        "_DECIDED.get(resolution, DisputeState.DROPPED)",
        "_DECIDED.get(resolution, DisputeState.OPEN)",
        LATER,
        file="clustr/payments/providers/paystack_disputes.py",
    ),
    sow(
        "taken-while-a-dispute-is-open",
        "A charge that is called reversed because of a dispute is booked as taken before that is decided.",
        "settled and not told.undecided and not explained",
        "settled and not explained",
        "test_chargebacks.py",
    ),
    sow(
        "reversed-however-it-is-explained",
        "A charge that is called reversed because a part of it went back is taken whole.",
        " and not explained:",
        ":",
        "test_chargebacks.py",
        LATER,
    ),
    sow(
        "reversed-at-once-after-it-was-won",
        "A charge that a provider still calls reversed when it tells that the dispute was won is taken.",
        "elif told.reversed and settled and",
        "elif told.reversed and",
        LATER,
    ),
    sow(
        "more-than-was-left-is-taken",
        "What was taken as a reversal, or given back, is taken again when its dispute is lost.",
        "_take_more(actor, books, wanted, min(more, books.left), now)",
        "_take_more(actor, books, wanted, more, now)",
        "test_chargebacks.py",
        file=CHARGING_BACK,
    ),
    sow(
        "what-nobody-tells-of-came-back",
        "What a list does not tell of any more is given back.",
        "    taken = dict(booked)\n",
        "    taken = dict[str, int]()\n",
        "test_what_was_taken.py",
    ),
    sow(
        "won-counts-as-taken",
        "What came back of a chargeback counts as taken still, so that a second one takes nothing.",
        "        if not _came_back(taking):\n            books",
        "        if True:\n            books",
        "test_chargebacks.py",
        file=BOOKS,
    ),
    sow(
        "taken-once-by-a-name",
        "A dispute that is lost a second time, or tops up what it took, takes nothing.",
        'number = name if books.times[name] == 1 else f"{name}{_AGAIN}{books.times[name]}"',
        "number = name",
        LATER,
        "test_chargebacks.py",
        file=BOOKS,
    ),
    sow(
        "won-whatever-the-charge-says",
        "A dispute is won, and what the estate had refunded at the provider is given to its payer again.",
        "if isinstance(told.charge, ChargeTruth) and told.charge.outcome is Outcome.SUCCEEDED:",
        "if isinstance(told.charge, ChargeTruth) and not told.undecided:",
        "test_chargebacks.py",
    ),
    sow(
        "given-back-at-the-dashboard-unread",
        "What somebody gave back at the provider is booked only where its charge says that it is reversed.",
        "        if refund.outcome is Outcome.SUCCEEDED:\n",
        "        if False:\n",
        LATER,
    ),
    sow(
        "a-disputes-refund-counts-beside-it",
        "The refund by which a lost dispute was paid is taken beside the dispute.",
        "        if paid[refund.amount.minor] and refund.outcome is Outcome.SUCCEEDED:",
        "        if False:",
        "test_what_was_taken.py",
    ),
    sow(
        "a-refund-at-the-dashboard-is-nobodys",
        "A notice of a refund that is none of ours is done with unread.",
        "            hear_taken_back_of(  # somebody may have given it back at the provider\n",
        "            dict(\n",
        LATER,
        file=f"{COMMANDS}/noticing.py",
    ),
    sow(
        "a-failed-refund-leaves-the-dispute-short",
        "What a refund of ours kept from a lost dispute is not taken when the refund fails.",
        "        payments.schedule_check(transaction_id=charge.asked_id, next_check_at=now)\n",
        "        pass\n",
        LATER,
        file=f"{COMMANDS}/refunding.py",
    ),
    sow(
        "refunded-while-it-is-disputed",
        "A payment is refunded while its payer's bank may take it back.",
        "        if is_disputed(settled=charge):\n",
        "        if False:\n",
        LATER,
        file=f"{COMMANDS}/refunding.py",
    ),
    sow(
        "counts-again-unheard",
        "A charge that was reversed and counts again stays booked as taken.",
        "        if self._stands_taken(settled):",
        "        if False:",
        "test_reconcile.py",
        file=RECONCILING,
    ),
    sow(
        "disputes-by-notice-alone",
        "A dispute or a refund whose notice was lost is never booked.",
        '        self.fence.through(self._hear_what_went_back, about="disputes and refunds")\n',
        "",
        "test_reconcile.py",
        file=RECONCILING,
    ),
    sow(
        "one-row-ends-the-night",
        "A charge that cannot be booked by an error of ours ends the comparison of all others.",
        """        except Exception as error:
            log.exception("settlement.reconcile_failed", provider=self._provider, provider_id=about)
""",
        """        except ZeroDivisionError as error:
            log.exception("settlement.reconcile_failed", provider=self._provider, provider_id=about)
""",
        "test_reconcile.py",
        file=FENCING,
    ),
    sow(
        "one-row-holds-up-every-night",
        "A row about which a provider never says anything ends every comparison.",
        "if len(self._unheard) >= _GIVEN_UP_AFTER:",
        "if self._unheard:",
        LATER,
        file=FENCING,
    ),
    sow(
        "payouts-from-where-payments-ended",
        "Payouts are compared from where the comparison of the payments ended.",
        "compared_until(name, Reconciliation.PAYOUTS)",
        "compared_until(name)",
        LATER,
        file=f"{COMMANDS}/reconciling_payouts.py",
    ),
)
