"""Money taken: attempts to pay and how they end, at a checkout, by a saved card, or into a virtual account."""

from __future__ import annotations

from datetime import timedelta

from sandbox.flutterwave import events as flutterwave_events
from sandbox.outcomes import OUTCOMES, TEST_CARDS, brand_of
from sandbox.paystack import events as paystack_events
from sandbox.records import Account, Card, Charge, Link, Person
from sandbox.world import World

# The documented cards of an ordinary success, for whoever only says how it shall end.
USUAL_CARD = {"paystack": "4084084084084081", "flutterwave": "5531886652142950"}
_SAVED_CARD_DECLINES = ("insufficient_funds", "expired_card", "do_not_honour", "declined", "bank_unreachable")


def fee_of(*, provider: str, amount: int) -> int:
    """Paystack: 1.5 % and, from NGN 2,500, NGN 100. Flutterwave: 1.4 %. Both at most NGN 2,000."""
    if provider == "paystack":
        return min((amount * 15 + 999) // 1000 + (100_00 if amount >= 2_500_00 else 0), 2_000_00)
    return min((amount * 14 + 500) // 1000, 2_000_00)


def conclude(world: World, charge: Charge, *, word: str) -> None:
    """The attempt under way ends like this. What is paid stays paid."""
    if charge.status not in ("open", "pending", "failed"):
        return
    outcome = OUTCOMES[word]
    rejected = outcome.pays not in (0, 100) and charge.channel == "bank_transfer" and charge.provider == "paystack"
    if rejected:
        paystack_events.bank_transfer_rejected(world, charge, sent=charge.requested * outcome.pays // 100)
        return
    charge.outcome = word
    charge.attempts.append({"outcome": word, "channel": charge.channel})
    charge.status = "success" if outcome.is_success else "failed"
    if outcome.is_success:
        charge.paid = charge.requested * outcome.pays // 100
        charge.paid_at = world.now
        charge.fee = fee_of(provider=charge.provider, amount=charge.paid)
        charge.payer_bears = world.fault("charge.payer_bears_fees", provider=charge.provider)
    world.store.touch(charge)
    if charge.provider == "flutterwave":
        flutterwave_events.charge_completed(world, charge)
    elif outcome.is_success:
        paystack_events.charge_succeeded(world, charge)


def attempt(
    world: World, charge: Charge, *, word: str, channel: str, number: str = "", expiry: str = "", seconds: float = 0
) -> None:
    """Pay a charge that is open. `word` is an outcome, or `pending` (never ends by itself), `delay` (succeeds after
    `seconds`), `abandon` (nothing, unless the dial has it succeed later)."""
    if charge.status not in ("open", "pending", "failed"):
        return
    charge.channel = channel
    world.store.touch(charge)
    if channel == "card" and word != "abandon":
        charge.card_id = keep_card(
            world, provider=charge.provider, person_id=charge.person_id, number=number, expiry=expiry
        ).id
    if word == "abandon":
        if world.fault("checkout.abandoned_then_success", provider=charge.provider):
            later = world.seconds("checkout.late_seconds", provider=charge.provider)
            world.later(after=later, act="charge", target_id=charge.id, word="success")
    elif word == "delay":
        world.later_at(at=world.now + timedelta(seconds=seconds), act="charge", target_id=charge.id, word="success")
        if charge.provider == "flutterwave":
            charge.status = "pending"
    elif word == "pending":
        charge.status = "pending"
    else:
        conclude(world, charge, word=word)


def attempt_link(
    world: World, link: Link, *, word: str, channel: str, number: str = "", expiry: str = "", seconds: float = 0
) -> Charge | None:
    """Pay by Flutterwave's hosted page: each attempt is a transaction of its own. None if it was abandoned."""
    if word == "abandon":
        if world.fault("checkout.abandoned_then_success", provider="flutterwave"):
            later = world.seconds("checkout.late_seconds", provider="flutterwave")
            world.later(after=later, act="link", target_id=link.id, word="success")
        return None
    charge = world.store.add(
        Charge(
            id=world.store.serial(),
            provider="flutterwave",
            reference=link.reference,
            requested=link.amount,
            currency=link.currency,
            person_id=link.person_id,
            created_at=world.now,
            origin="checkout",
            metadata=link.meta,
            link_id=link.id,
            narration=link.title or "CARD Transaction ",
        )
    )
    attempt(world, charge, word=word, channel=channel, number=number, expiry=expiry, seconds=seconds)
    return charge


def charge_saved_card(world: World, charge: Charge, card: Card) -> str:
    """Take the money without its holder. Answers `challenge` if the holder is needed, otherwise the charge's status."""
    charge.card_id, charge.channel = card.id, "card"
    world.store.touch(charge)
    provider = charge.provider
    if world.fault("charge.decline", provider=provider):
        which = world.chance.below(f"{provider}.decline", limit=len(_SAVED_CARD_DECLINES))
        conclude(world, charge, word=_SAVED_CARD_DECLINES[which])
    elif world.fault("charge.challenge", provider=provider):
        return "challenge"
    elif world.fault("charge.pending", provider=provider):
        charge.status = "pending"
        wait = world.seconds("charge.pending_seconds", provider=provider)
        world.later(after=wait, act="charge", target_id=charge.id, word="success")
    else:
        known = TEST_CARDS.get(card.number)
        conclude(world, charge, word=known.outcome if known else "success")
    return charge.status


def pay_account(world: World, account: Account, *, amount: int, narration: str = "") -> Charge:
    """Somebody pays into a virtual account. Paystack makes a reference of its own; Flutterwave repeats the account's."""
    number = world.store.serial()
    reference = account.reference or world.code("gateway", serial=number, length=12)
    charge = world.store.add(
        Charge(
            id=number,
            provider=account.provider,
            reference=reference,
            requested=amount,
            currency=account.currency,
            person_id=account.person_id,
            created_at=world.now,
            origin="account",
            channel="dedicated_nuban" if account.provider == "paystack" else "bank_transfer",
            account_id=account.id,
            narration=narration,
        )
    )
    conclude(world, charge, word="success")
    return charge


def keep_card(world: World, *, provider: str, person_id: int, number: str, expiry: str) -> Card:
    """The card as this customer's. The same card of another customer has another code and the same signature."""
    number = number or USUAL_CARD[provider]
    for known in world.store.find(Card, provider, "of", str(person_id)):
        if known.number == number:
            return known
    serial = world.store.serial()
    month, _, year = (expiry or "12/2030").replace(" ", "").partition("/")
    test_card = TEST_CARDS.get(number)
    if provider == "paystack":
        code = f"AUTH_{world.code('AUTH', serial=serial, length=10)}"
    else:
        code = f"flw-t1nf-{world.code('token', serial=serial, length=32)}-m03k"
    return world.store.add(
        Card(
            id=serial,
            provider=provider,
            code=code,
            email=world.store.known(Person, person_id).email,
            number=number,
            brand=brand_of(number),
            exp_month=month.zfill(2),
            exp_year=f"20{year}" if len(year) == 2 else year,
            reusable=test_card.reusable if test_card else True,
            signature=f"SIG_{world.chance.code(number, serial=0, length=20)}",
            person_id=person_id,
            created_at=world.now,
        )
    )
