"""`/_sandbox/`: what tests, simulations and people ask of the sandbox itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sandbox import charging, hooks, paying_out, refunding, vending
from sandbox.chance import Chance
from sandbox.dials import UnknownDial, all_dials
from sandbox.outcomes import OPEN_ENDS, OUTCOMES
from sandbox.records import Account, Charge, Dispute, Hook, Link, Refund, Transfer, Vend
from sandbox.routes import find, route
from sandbox.stripe import clockwork
from sandbox.stripe import pages as stripe_pages
from sandbox.stripe import returning as stripe_returning
from sandbox.stripe.objects import keep, known, tell
from sandbox.wire import Answer, Refused, Request, answer_json
from sandbox.world import World

PREFIX = "/_sandbox"


def answer(world: World, request: Request) -> Answer:
    """Every answer is JSON; what is wrong with a request is said in `error`."""
    found = find(_ROUTES, request, path=request.path.removeprefix(PREFIX) or "/")
    if found is None:
        return answer_json({"error": "no such address"}, status=404)
    try:
        return found.handler(world, request)
    except (TypeError, ValueError) as error:
        return answer_json({"error": str(error)}, status=400)


def _body(request: Request) -> dict[str, Any]:
    read = request.json()
    if read is None:
        raise Refused(400, {"error": "the body must be a JSON object"})
    return read


def _wrong(what: str) -> Refused:
    return Refused(400, {"error": what})


def _status(world: World, request: Request) -> Answer:  # noqa: ARG001
    return answer_json({"seed": world.chance.seed, "now": world.now.isoformat(), "dials": world.dials.turned()})


def _state(world: World, request: Request) -> Answer:  # noqa: ARG001
    return answer_json({"now": world.now.isoformat(), **world.store.dump()})


def _dials(world: World, request: Request) -> Answer:  # noqa: ARG001
    shown = {name: {"at_start": value, "meaning": meaning} for name, (value, meaning) in all_dials().items()}
    return answer_json({"turned": world.dials.turned(), "known": shown})


def _turn(world: World, request: Request) -> Answer:
    values = {name: str(value) for name, value in _body(request).items()}
    try:
        world.dials.turn(values)
    except UnknownDial as error:
        raise _wrong(str(error)) from None
    return answer_json({"turned": world.dials.turned()})


def _heal(world: World, request: Request) -> Answer:  # noqa: ARG001
    world.dials.heal()
    return answer_json({"turned": world.dials.turned()})


def _reset(world: World, request: Request) -> Answer:
    """Everything forgotten, dials healed; `seed` starts another sequence of choices. Ids go on."""
    seed = _body(request).get("seed", world.chance.seed)
    world.store.forget()
    world.dials.heal()
    world.balances.clear()
    world.chance = Chance(seed=int(seed))
    return answer_json({"seed": world.chance.seed})


def _checkout(world: World, provider: str, reference: str) -> tuple[Link | None, Charge | None]:
    """What has this reference, written as ClustR sends it or as it shows it to people."""
    for written in (reference, reference.lower()):
        link = world.store.first(Link, written) if provider == "flutterwave" else None
        charge = world.store.first(Charge, provider, written) if link is None else None
        if link or charge:
            return link, charge
    return None, None


def _complete(world: World, request: Request) -> Answer:
    """`provider`, `reference`, `outcome`; `channel`, `card`, `seconds` if wanted: a checkout without a browser."""
    body = _body(request)
    word, provider = str(body.get("outcome", "success")), body.get("provider")
    reference = str(body.get("reference"))
    if word not in OUTCOMES and word not in OPEN_ENDS:
        raise _wrong(f"outcome must be one of {', '.join((*OUTCOMES, *OPEN_ENDS))}")
    how: dict[str, Any] = {
        "word": word,
        "channel": str(body.get("channel", "card")),
        "number": str(body.get("card", "")),
        "seconds": float(body.get("seconds", 5)),
    }
    link, charge = _checkout(world, str(provider), reference)
    if link is not None:
        paid = charging.attempt_link(world, link, **how)
        return answer_json(_charge(paid) if paid else {"abandoned": reference})
    if charge is None:
        raise Refused(404, {"error": "no such checkout"})
    if charge.status == "pending" and word in OUTCOMES:
        charging.conclude(world, charge, word=word)
    else:
        charging.attempt(world, charge, **how)
    return answer_json(_charge(charge))


def _charge(charge: Charge) -> dict[str, Any]:
    return {"id": charge.id, "reference": charge.reference, "status": charge.status, "paid": charge.paid}


def _pay_account(world: World, request: Request) -> Answer:
    """`provider`, `account_number`, `amount` in kobo: somebody pays into a virtual account."""
    body = _body(request)
    account = world.store.first(Account, str(body.get("provider")), str(body.get("account_number")))
    amount = body.get("amount")
    if account is None:
        raise Refused(404, {"error": "no such account"})
    if not isinstance(amount, int) or amount <= 0:
        raise _wrong("amount must be whole kobo")
    charge = charging.pay_account(world, account, amount=amount, narration=str(body.get("narration", "")))
    return answer_json(_charge(charge))


def _chargeback(world: World, request: Request) -> Answer:
    """`provider`, `reference`, `amount` in kobo if not all; `reversed`: the charge says so before it is decided."""
    body = _body(request)
    provider, reference = str(body.get("provider")), str(body.get("reference"))
    found = [one for written in (reference, reference.lower()) for one in world.store.find(Charge, provider, written)]
    charge = next((charge for charge in found if charge.paid), None)
    if charge is None:
        raise Refused(404, {"error": "no such paid charge"})
    dispute = refunding.file_chargeback(
        world,
        charge,
        amount=int(body.get("amount", charge.paid)),
        reversed_at_once=body.get("reversed") is True,
    )
    return answer_json({"id": dispute.id, "status": dispute.status})


def _dispute(world: World, request: Request) -> Answer:
    """`event`: `remind`, or `resolve` with `resolution` (`merchant-accepted`, `auto-accepted` or `declined`)."""
    dispute = world.store.get(Dispute, _number(request))
    if dispute is None:
        raise Refused(404, {"error": "no such dispute"})
    body = _body(request)
    if body.get("event") == "remind":
        refunding.remind_of_chargeback(world, dispute)
    else:
        refunding.resolve_chargeback(world, dispute, resolution=str(body.get("resolution", "merchant-accepted")))
    return answer_json({"id": dispute.id, "status": dispute.status, "resolution": dispute.resolution})


def _end_transfer(world: World, request: Request) -> Answer:
    """`status`: success, failed or reversed, now."""
    transfer = world.store.get(Transfer, _number(request))
    status = _body(request).get("status")
    if transfer is None or status not in ("success", "failed", "reversed"):
        raise _wrong("a known transfer, and status success, failed or reversed")
    paying_out.end_transfer(world, transfer, status=status)
    return answer_json({"id": transfer.id, "status": transfer.status})


def _end_vend(world: World, request: Request) -> Answer:
    """`status`: sold, failed or reversed, now; `token`: another one than it had."""
    vend = world.store.get(Vend, _number(request))
    body = _body(request)
    status = body.get("status")
    if vend is None or status not in ("sold", "failed", "reversed"):
        raise _wrong("a known purchase, and status sold, failed or reversed")
    vend.token = str(body.get("token", vend.token))
    vending.end_vend(world, vend, status=status)
    return answer_json({"id": vend.id, "status": vend.status})


def _end_refund(world: World, request: Request) -> Answer:
    """`status`: processed, failed or needs-attention, now."""
    refund = world.store.get(Refund, _number(request))
    status = _body(request).get("status")
    if refund is None or status not in ("processed", "failed", "needs-attention"):
        raise _wrong("a known refund, and status processed, failed or needs-attention")
    refunding.end_refund(world, refund, status=status)
    return answer_json({"id": refund.id, "status": refund.status})


def _replay(world: World, request: Request) -> Answer:
    hook = world.store.get(Hook, _number(request))
    if hook is None:
        raise Refused(404, {"error": "no such webhook"})
    return answer_json({"id": hooks.replay(world, hook).id})


def _stripe_page(world: World, request: Request) -> Answer:
    """`card` (a test number), `agree`: a page of Stripe's without a browser."""
    row = known(world, "checkout.session", request.params["id"])
    body = _body(request)
    said = stripe_pages.complete(
        world, row, number=str(body.get("card", "4242424242424242")), agreed=bool(body.get("agree", True))
    )
    return answer_json(
        {"id": row.key, "status": row.doc["status"], "said": said, "subscription": row.doc["subscription"]}
    )


def _stripe_invoice(world: World, request: Request) -> Answer:
    """`card`, `agree`: the page of an invoice without a browser. `act`: `void` or `give_up` instead, as from Stripe's
    dashboard."""
    row = known(world, "invoice", request.params["id"])
    body = _body(request)
    said = ""
    if body.get("act") == "void":
        clockwork.void(world, row)
    elif body.get("act") == "give_up":
        row.doc["status"] = "uncollectible"
        tell(world, "invoice.marked_uncollectible", row.doc)
        keep(world, row)
    else:
        said = stripe_pages.settle(world, row, number=str(body.get("card", "")), agreed=bool(body.get("agree", True)))
    return answer_json({"id": row.key, "status": row.doc["status"], "said": said})


def _stripe_return(world: World, request: Request) -> Answer:
    """As from Stripe's dashboard, or from a payer's bank, about a payment intent, refund, dispute, invoice or credit note.
    `act`: `refund` (`amount`), `fail_refund`, `dispute` (`amount`, `question`: nothing is taken yet), `decide` (`status`),
    `credit` (`amount`, `as`: refund, balance, outside, or `refund_id`: one that was made), `void_credit`."""
    return answer_json(stripe_returning.by_hand(world, request.params["id"], _body(request)))


def _balance(world: World, request: Request) -> Answer:
    """`provider`, `currency`, `amount` in kobo: what the balance was opened with."""
    body = _body(request)
    world.balances[f"{body.get('provider')}.{body.get('currency', 'NGN')}"] = int(body.get("amount", 0))
    return answer_json({"opened_with": world.balances})


def _clock(world: World, request: Request) -> Answer:
    """`seconds`: how far to move this sandbox's clock, alone."""
    move = getattr(world.clock, "move", None)
    if move is None:
        raise _wrong("this clock cannot be moved")
    move(by=timedelta(seconds=float(_body(request).get("seconds", 0))))
    return answer_json({"now": world.clock().isoformat()})


def _number(request: Request) -> int:
    return int(request.params["id"]) if request.params["id"].isdecimal() else 0


_ROUTES = (
    route("GET", "/", "control", _status),
    route("GET", "/state", "control", _state),
    route("GET", "/dials", "control", _dials),
    route("PUT", "/dials", "control", _turn),
    route("POST", "/heal", "control", _heal),
    route("POST", "/reset", "control", _reset),
    route("POST", "/complete", "control", _complete),
    route("POST", "/pay-account", "control", _pay_account),
    route("POST", "/chargeback", "control", _chargeback),
    route("POST", "/dispute/{id}", "control", _dispute),
    route("POST", "/transfer/{id}", "control", _end_transfer),
    route("POST", "/refund/{id}", "control", _end_refund),
    route("POST", "/vend/{id}", "control", _end_vend),
    route("POST", "/hook/{id}/replay", "control", _replay),
    route("POST", "/stripe/page/{id}", "control", _stripe_page),
    route("POST", "/stripe/invoice/{id}", "control", _stripe_invoice),
    route("POST", "/stripe/return/{id}", "control", _stripe_return),
    route("PUT", "/balance", "control", _balance),
    route("POST", "/clock", "control", _clock),
)
