"""The hosted pages: what a payer is shown, what they choose, and where the browser goes then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sandbox import charging, pages
from sandbox.outcomes import OPEN_ENDS, OUTCOMES, TEST_CARDS, WRONG_ENTRIES
from sandbox.records import Charge, Link, Person
from sandbox.wire import Answer, Request, answer_html
from sandbox.world import MERCHANT, World

_CHANNELS = {
    "paystack": {"card": "Card", "bank_transfer": "Transfer", "ussd": "USSD", "mobile_money": "Mobile money"},
    "flutterwave": {"card": "Card", "bank_transfer": "Transfer", "ussd": "USSD", "mobilemoneygh": "Mobile money"},
}


@dataclass(slots=True)
class Visit:
    """One page of one payment: Paystack's charge, Flutterwave's link, or a saved card's charge that needs its holder."""

    provider: str
    token: str
    target: Charge | Link
    person: Person

    @property
    def amount(self) -> int:
        return self.target.amount if isinstance(self.target, Link) else self.target.requested

    @property
    def holder_only(self) -> bool:
        """Whether a saved card's holder is only asked to agree."""
        return isinstance(self.target, Charge) and self.target.origin in ("authorization", "token")


def answer(world: World, request: Request) -> Answer:
    parts = request.path.strip("/").split("/")
    visit = _visit(world, parts[1], parts[2]) if len(parts) == 3 else None
    if visit is None:
        return _page(pages.notice("There is no such checkout", "The address is wrong, or the sandbox was reset."), 404)
    ended = _ended(world, visit)
    if ended is not None:
        return ended
    if request.method == "POST":
        return _choose(world, visit, request)
    return _show(visit, channel=request.query.get("channel", ""))


def _visit(world: World, provider: str, token: str) -> Visit | None:
    target: Charge | Link | None = world.store.first(Charge, "access", token)
    if target is None and provider == "flutterwave":
        target = world.store.first(Link, "token", token)
    if target is None or provider != (target.provider if isinstance(target, Charge) else "flutterwave"):
        return None
    return Visit(provider, token, target, world.store.known(Person, target.person_id))


def _ended(world: World, visit: Visit) -> Answer | None:
    """The page of a checkout that takes nothing more."""
    if isinstance(visit.target, Charge):
        waits = visit.target.status in ("open", "failed") or (visit.holder_only and visit.target.status == "pending")
        if waits:
            return None
        paid = bool(visit.target.paid)
        title = "This was paid" if paid else "This payment is being processed"
        back = _back(visit, visit.target)
        return _page(pages.notice(title, "There is nothing left to do here.", back=back))
    link = visit.target
    if not link.active or (link.expires_at is not None and world.now > link.expires_at):
        return _page(pages.notice("This payment link is currently inactive", "Ask for another one."), 400)
    paid_by = next((one for one in world.store.find(Charge, "flutterwave", link.reference) if one.paid), None)
    if paid_by is not None:
        back = _back(visit, paid_by)
        return _page(pages.notice("This was paid", "There is nothing left to do here.", back=back))
    return None


def _show(
    visit: Visit, *, channel: str = "", problem: str = "", ask: dict[str, str] | None = None, back: str = ""
) -> Answer:
    offered = _offered(visit)
    link = visit.target if isinstance(visit.target, Link) else None
    metadata = visit.target.metadata if isinstance(visit.target, Charge) else None
    described = metadata.get("description") if isinstance(metadata, dict) else None
    return _page(
        pages.checkout(
            provider=visit.provider,
            merchant=MERCHANT,
            description=(link.description or link.title) if link else str(described or ""),
            email=visit.person.email,
            amount=visit.amount,
            currency=visit.target.currency,
            reference=visit.target.reference,
            channels={} if visit.holder_only else offered,
            channel=channel if channel in offered else next(iter(offered)),
            problem=problem,
            ask=ask or {},
            back=back,
        )
    )


def _offered(visit: Visit) -> dict[str, str]:
    named = _CHANNELS[visit.provider]
    if isinstance(visit.target, Charge):
        asked = set(visit.target.channels)
    else:
        words = visit.target.options.replace(" ", "").replace("banktransfer", "bank_transfer").split(",")
        asked = {"mobilemoneygh" if word.startswith("mobilemoney") else word for word in words}
    return {word: label for word, label in named.items() if word in asked} or named


def _choose(world: World, visit: Visit, request: Request) -> Answer:
    form = request.form()
    channel = form.get("channel", "card")
    if channel not in _CHANNELS[visit.provider]:
        channel = "card"
    word, number = form.get("outcome", ""), "".join(filter(str.isdigit, form.get("number", "")))
    if not word:
        if channel != "card" or visit.holder_only:
            word = "success"
        else:
            test_card = TEST_CARDS.get(number)
            if test_card is None:
                said = "This sandbox knows the providers' test cards only; they are listed below."
                return _show(visit, channel=channel, problem=said)
            if test_card.asks and "entry" not in form:
                ask = {
                    "number": number,
                    "expiry": form.get("expiry", ""),
                    "what": test_card.asks,
                    "expects": test_card.expects,
                }
                return _show(visit, channel=channel, ask=ask)
            word = _word_of_entry(form.get("entry", ""), expects=test_card.expects) or test_card.outcome
    if word not in OUTCOMES and word not in OPEN_ENDS:
        return _show(visit, channel=channel, problem="There is no such outcome.")
    seconds = form.get("seconds", "")
    wait = int(seconds) if seconds.isdecimal() else 10
    charge = _attempt(
        world, visit, word=word, channel=channel, number=number, expiry=form.get("expiry", ""), seconds=wait
    )
    return _after(visit, charge, word=word, channel=channel)


def _attempt(world: World, visit: Visit, **how: Any) -> Charge | None:
    if isinstance(visit.target, Link):
        return charging.attempt_link(world, visit.target, **how)
    if visit.holder_only and how["word"] in OUTCOMES:
        charging.conclude(world, visit.target, word=how["word"])
    else:
        charging.attempt(world, visit.target, **how)
    return visit.target


def _after(visit: Visit, charge: Charge | None, *, word: str, channel: str) -> Answer:
    """Back to the merchant, or the page again where the payer may try once more."""
    if word == "abandon":
        if visit.provider == "flutterwave":
            return _go(_with(_return_address(visit), status="cancelled", tx_ref=visit.target.reference))
        metadata = visit.target.metadata if isinstance(visit.target, Charge) else None
        cancel = metadata.get("cancel_action") if isinstance(metadata, dict) else None
        if _web(cancel):
            return _go(str(cancel))
        return _page(pages.notice("Checkout closed", "Nothing was paid.", back=_return_address(visit)))
    assert charge is not None  # noqa: S101
    outcome = OUTCOMES.get(word)
    if outcome is not None and not charge.paid:
        said = outcome.paystack if visit.provider == "paystack" else outcome.flutterwave
        if outcome.is_success:
            said = "The amount was not the right one; the bank sends it back"
        return _show(visit, channel=channel, problem=f"Not paid: {said}.", back=_back(visit, charge))
    back = _back(visit, charge)
    return _go(back) if back else _page(pages.notice("Thank you", "You may close this page."))


def _word_of_entry(entry: str, *, expects: str) -> str:
    """What a PIN or one-time password that was entered means; nothing if it was right."""
    given = entry.replace(" ", "")
    if not expects or given == expects:
        return ""
    return next((word for wrong, word in WRONG_ENTRIES.items() if given.endswith(wrong)), "incorrect_pin")


def _return_address(visit: Visit) -> str:
    address = visit.target.redirect_url if isinstance(visit.target, Link) else visit.target.callback_url
    return address if _web(address) else ""


def _back(visit: Visit, charge: Charge) -> str:
    """The merchant's address with what each provider adds to it."""
    address = _return_address(visit)
    if not address:
        return ""
    if visit.provider == "paystack":
        return _with(address, trxref=charge.reference, reference=charge.reference)
    status = {"success": "successful", "failed": "failed"}.get(charge.status, "pending")
    return _with(address, status=status, tx_ref=charge.reference, transaction_id=str(charge.id))


def _web(address: object) -> bool:
    return isinstance(address, str) and address.startswith(("http://", "https://"))


def _with(address: str, **added: str) -> str:
    parts = urlsplit(address)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *added.items()]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _go(address: str) -> Answer:
    if not address:
        return _page(pages.notice("Thank you", "You may close this page."))
    return Answer(303, {"location": address, "cache-control": "no-store"}, b"")


def _page(text: str, status: int = 200) -> Answer:
    answered = answer_html(text, status=status)
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    return answered._replace(headers={**answered.headers, "content-security-policy": policy})
