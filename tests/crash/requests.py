"""Every request that moves money, ready to be sent: who asks, where, and for what. One estate serves all of one kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from clustr.bills import commands as bills
from clustr.bills.models import Bill, Dispute
from clustr.kit.tenancy import tenant
from clustr.payments.models import Transaction
from clustr.payments.states import Purpose
from clustr.recurring import commands as recurring
from clustr.recurring.types import Frequency, NewOrder
from clustr.wallets import commands as wallets
from clustr.wallets.types import Destination, OfflineMethod, SpendAuthorization
from tests.cast import ApiClient, Cast, Person, client_of, make_cast
from tests.money import acknowledge, fund, issue, naira, no_pin
from tests.recurring.acts import cancel, order_of, process
from tests.web.asking import MY_BILLS, MY_WALLET, OFFICE, PIN, approval_limit, dispute
from tests.words import reference as a_reference

BANK = {"bank_code": "058", "account_number": "0123456789", "account_name": "Palm Grove"}


@dataclass(frozen=True)
class Asked:
    """One request, not yet sent."""

    person: Person
    path: str
    body: Any
    method: str = "POST"


@dataclass
class World:
    """An estate with money everywhere, and the clients of those who ask."""

    cast: Cast = field(default_factory=make_cast)
    clients: dict[UUID, ApiClient] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for resident in self.cast.residents:
            fund(self.cast, resident, "100000.00")
        wallets.credit_cluster_wallet(
            actor=self.cast.ada.actor,
            amount=naira("100000.00"),
            description="Opening",
            source="Bank",
            now=self.cast.now,
        )

    def client(self, person: Person) -> ApiClient:
        if person.user_id not in self.clients:
            self.clients[person.user_id] = client_of(person)
        return self.clients[person.user_id]


def _payable(world: World, person: Person | None = None) -> Bill:
    bill = issue(world.cast, "5.00")
    acknowledge(world.cast, person or world.cast.bola, bill)
    return bill


def _paid(world: World, bill: Bill, person: Person) -> UUID:
    made, _ = bills.pay_bill(
        actor=person.actor, bill_id=bill.id, amount=None, authorization=no_pin(person), now=world.cast.now
    )
    return made.id


def _waiting_transfer(world: World) -> UUID:
    approval_limit(world.cast, 100)
    return wallets.transfer_from_cluster_wallet(
        actor=world.cast.ada.actor,
        amount=naira("7.00"),
        description="Diesel",
        destination=Destination("058", "0123456789", "Palm Grove"),
        now=world.cast.now,
    )


def pay(world: World) -> Asked:
    return Asked(world.cast.bola, f"{MY_BILLS}pay_bill/", {"bill_id": str(_payable(world).id)})


def pay_with_pin(world: World) -> Asked:
    bola = world.cast.bola
    asked = pay(world)
    if "pin" not in world.__dict__:
        wallets.set_pin(actor=bola.actor, pin=PIN, old_pin=None, now=world.cast.now)
        world.__dict__["pin"] = PIN
    return Asked(bola, asked.path, {**asked.body, "pin": PIN})


def pay_by_hand(world: World) -> Asked:
    sent = {"bill_id": str(_payable(world).id), "user_id": str(world.cast.bola.user_id), "amount": "2.00"}
    return Asked(
        world.cast.ada, f"{OFFICE}record_offline_payment/", sent | {"method": "cash", "reference": a_reference()}
    )


def deposit_by_hand(world: World) -> Asked:
    sent = {"user_id": str(world.cast.bola.user_id), "amount": "2.00", "method": "pos", "reference": a_reference()}
    return Asked(world.cast.ada, f"{OFFICE}record_offline_payment/", sent)


def reverse_receipt(world: World) -> Asked:
    received = wallets.receive_offline(
        actor=world.cast.ada.actor,
        user_id=world.cast.bola.user_id,
        amount=naira("2.00"),
        method=OfflineMethod.CASH,
        reference=a_reference(),
        now=world.cast.now,
    )
    sent = {"transaction_id": str(received.id), "reason": "Another's"}
    return Asked(world.cast.ada, f"{OFFICE}reverse_offline_payment/", sent)


def refund(world: World) -> Asked:
    paid = _paid(world, _payable(world), world.cast.bola)
    return Asked(
        world.cast.ada,
        f"{OFFICE}refund_transaction/",
        {"transaction_id": str(paid), "amount": "3.00", "reason": "Twice"},
    )


def refund_contribution(world: World) -> Asked:
    order = order_of(world.cast, "5.00", start_date=world.cast.now)
    process(world.cast, now=world.cast.now)
    cancel(world.cast, order)
    with tenant(world.cast.cluster_id):
        paid = Transaction.objects.filter(purpose=Purpose.RECURRING_PAYMENT).latest("id")
    sent = {"transaction_id": str(paid.id), "amount": "3.00", "reason": "Too much"}
    return Asked(world.cast.ada, f"{OFFICE}refund_transaction/", sent)


def cancel_and_refund(world: World) -> Asked:
    bill = issue(world.cast, "5.00")
    for resident in world.cast.residents[:2]:
        acknowledge(world.cast, resident, bill)
        _paid(world, bill, resident)
    sent = {"bill_id": str(bill.id), "status": "cancelled", "reason": "A mistake", "refund_payers": True}
    return Asked(world.cast.ada, f"{OFFICE}update_bill_status/", sent)


def withdraw(world: World) -> Asked:
    sent = {"amount": "4.00", "destination": {name: BANK[name] for name in ("bank_code", "account_number")}}
    return Asked(world.cast.bola, f"{MY_WALLET}withdraw/", sent)


def _withdrawn(world: World) -> UUID:
    return wallets.withdraw(
        actor=world.cast.bola.actor,
        amount=naira("4.00"),
        destination=Destination("058", "0123456789", "Bola"),
        authorization=no_pin(world.cast.bola),
        now=world.cast.now,
    ).id


def cancel_withdrawal(world: World) -> Asked:
    return Asked(world.cast.bola, f"{MY_WALLET}withdrawals/{_withdrawn(world)}/cancel/", None)


def stop_withdrawal(world: World) -> Asked:
    return Asked(world.cast.ada, f"{OFFICE}withdrawals/{_withdrawn(world)}/stop/", {"reason": "Not you"})


def transfer(world: World) -> Asked:
    sent = {"amount": "6.00", "description": "Diesel", "destination": BANK}
    return Asked(world.cast.ada, f"{OFFICE}cluster_wallet_transfer/", sent)


def approve(world: World) -> Asked:
    return Asked(_second(world), f"{OFFICE}cluster_wallet_transfers/{_waiting_transfer(world)}/approve/", None)


def reject(world: World) -> Asked:
    waiting = _waiting_transfer(world)
    return Asked(_second(world), f"{OFFICE}cluster_wallet_transfers/{waiting}/reject/", {"reason": "Wrong account"})


def credit(world: World) -> Asked:
    sent = {"amount": "9.00", "description": "Hall rental", "source": "Bank"}
    return Asked(world.cast.ada, f"{OFFICE}cluster_wallet_credit/", sent)


def create_bulk(world: World) -> Asked:
    due = (world.cast.now + timedelta(days=9)).isoformat()
    bill = {"title": "Security", "amount": "5.00", "type": "security", "due_date": due}
    named = {**bill, "user_id": str(world.cast.bola.user_id)}
    return Asked(world.cast.ada, f"{OFFICE}create_bulk_bills/", {"bills": [bill, named, bill]})


def create(world: World) -> Asked:
    return Asked(world.cast.ada, f"{OFFICE}create_bill/", create_bulk(world).body["bills"][0])


def resolve(world: World) -> Asked:
    bill = _payable(world)
    dispute(world.cast, world.cast.bola, bill)
    with tenant(world.cast.cluster_id):
        opened = Dispute.objects.get(cluster_id=world.cast.cluster_id, bill_id=bill.id)
    sent = {"dispute_id": str(opened.id), "resolution": "upheld", "amount_due": "2.00", "note": "Half of it"}
    return Asked(world.cast.ada, f"{OFFICE}resolve_dispute/", sent)


def edit(world: World) -> Asked:
    path = f"{OFFICE}bills/{issue(world.cast, '5.00').id}/"
    return Asked(world.cast.ada, path, {"amount": "6.00"}, method="PATCH")


def acknowledge_one(world: World) -> Asked:
    return Asked(world.cast.bola, f"{MY_BILLS}acknowledge_bill/", {"bill_id": str(issue(world.cast, "5.00").id)})


def dispute_one(world: World) -> Asked:
    sent = {"bill_id": str(_payable(world).id), "reason": "Too much"}
    return Asked(world.cast.bola, f"{MY_BILLS}dispute_bill/", sent)


def withdraw_dispute(world: World) -> Asked:
    bill = _payable(world)
    dispute(world.cast, world.cast.bola, bill)
    return Asked(world.cast.bola, f"{MY_BILLS}withdraw_dispute/", {"bill_id": str(bill.id)})


def freeze(world: World) -> Asked:
    bola = world.cast.bola
    checked = SpendAuthorization(bola.user_id, bola.cluster_id, pin_checked=True)
    wallets.unfreeze_wallet(actor=bola.actor, authorization=checked, now=world.cast.now)
    return Asked(world.cast.bola, f"{MY_WALLET}freeze/", None)


def unfreeze(world: World) -> Asked:
    wallets.freeze_wallet(actor=world.cast.bola.actor, now=world.cast.now)
    return Asked(world.cast.bola, f"{MY_WALLET}unfreeze/", {"pin": PIN})


def request_pin_reset(world: World) -> Asked:
    if "pin" not in world.__dict__:
        wallets.set_pin(actor=world.cast.bola.actor, pin=PIN, old_pin=None, now=world.cast.now)
        world.__dict__["pin"] = PIN
    return Asked(world.cast.bola, f"{MY_WALLET}reset_pin/", {})


ORDERS = "/members/recurring-payments/"


def _order(world: World, *, paused: bool = False) -> str:
    bola, now = world.cast.bola, world.cast.now
    new = NewOrder("Garden", naira("3.00"), Frequency.MONTHLY, now)
    made = recurring.create_recurring_payment(actor=bola.actor, new=new, authorization=no_pin(bola), now=now)
    if paused:
        recurring.pause_recurring_payment(actor=bola.actor, recurring_payment_id=made, now=now)
    return str(made)


def create_order(world: World) -> Asked:
    begins = (world.cast.now + timedelta(days=1)).isoformat()
    sent = {"title": "Garden", "amount": "3.00", "frequency": "weekly", "start_date": begins}
    return Asked(world.cast.bola, f"{ORDERS}create/", sent)


def edit_order(world: World) -> Asked:
    return Asked(world.cast.bola, f"{ORDERS}{_order(world)}/", {"amount": "4.00"}, method="PATCH")


def pause_order(world: World) -> Asked:
    return Asked(world.cast.bola, f"{ORDERS}pause/", {"recurring_payment_id": _order(world)})


def resume_order(world: World) -> Asked:
    return Asked(world.cast.bola, f"{ORDERS}resume/", {"recurring_payment_id": _order(world, paused=True)})


def cancel_order(world: World) -> Asked:
    return Asked(world.cast.bola, f"{ORDERS}cancel/", {"recurring_payment_id": _order(world)})


def pause_order_of_member(world: World) -> Asked:
    sent = {"recurring_payment_id": _order(world), "reason": "She called"}
    return Asked(world.cast.ada, f"{OFFICE}pause_recurring_payment/", sent)


def release_order_of_member(world: World) -> Asked:
    ada, order = world.cast.ada, _order(world)
    recurring.pause_recurring_payment_of_member(
        actor=ada.actor, recurring_payment_id=UUID(order), reason="She called", now=world.cast.now
    )
    return Asked(ada, f"{OFFICE}release_recurring_payment/", {"recurring_payment_id": order})


def _second(world: World) -> Person:
    known = world.cast.palm_grove.people.get("Second")
    return known or world.cast.manager("TransferFunds", "ViewWallet", name="Second")


REQUESTS: dict[str, tuple[Callable[[World], Asked], str]] = {
    "pay": (pay, "bills.pay"),
    "pay_with_pin": (pay_with_pin, "bills.pay"),
    "pay_by_hand": (pay_by_hand, "bills.pay_offline"),
    "deposit_by_hand": (deposit_by_hand, "wallets.receive_offline"),
    "reverse_receipt": (reverse_receipt, "wallets.reverse_receipt"),
    "refund": (refund, "bills.refund"),
    "refund_contribution": (refund_contribution, "recurring.refund"),
    "cancel_and_refund": (cancel_and_refund, "bills.cancel"),
    "withdraw": (withdraw, "wallets.withdraw"),
    "cancel_withdrawal": (cancel_withdrawal, "wallets.cancel_withdrawal"),
    "stop_withdrawal": (stop_withdrawal, "wallets.stop_withdrawal"),
    "transfer": (transfer, "wallets.transfer"),
    "approve": (approve, "wallets.approve"),
    "reject": (reject, "wallets.reject"),
    "credit": (credit, "wallets.credit"),
    "create_bulk": (create_bulk, "bills.create_bulk"),
    "create": (create, "bills.create"),
    "resolve": (resolve, "bills.resolve_dispute"),
    "edit": (edit, "bills.edit"),
    "acknowledge": (acknowledge_one, "bills.acknowledge"),
    "dispute": (dispute_one, "bills.dispute"),
    "withdraw_dispute": (withdraw_dispute, "bills.withdraw_dispute"),
    "freeze": (freeze, "wallets.freeze"),
    "unfreeze": (unfreeze, "wallets.unfreeze"),
    "create_order": (create_order, "recurring.create"),
    "edit_order": (edit_order, "recurring.edit"),
    "pause_order": (pause_order, "recurring.pause"),
    "resume_order": (resume_order, "recurring.resume"),
    "cancel_order": (cancel_order, "recurring.cancel"),
    "pause_order_of_member": (pause_order_of_member, "recurring.pause_of_member"),
    "release_order_of_member": (release_order_of_member, "recurring.release"),
    "request_pin_reset": (request_pin_reset, "wallets.request_pin_reset"),
}
"""Each request by name: how to make one that can be granted, and the crash points of the command behind it."""
