"""Every page of the office and of the platform with what it needs, and an estate in which everything has happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from clustr.bills.models import Bill
from clustr.notifications import commands as notifications
from clustr.wallets import commands as wallets
from clustr.wallets.types import Destination
from tests.bills import acts
from tests.cast import Cast, make_cast
from tests.money import acknowledge, fund, issue, naira
from tests.recurring.acts import order_of

PERMISSIONS = (
    *("ManageBill", "ViewPayments", "ManageRecurring", "ViewWallet", "TransferFunds", "CreditWallet", "ManageMembers"),
)
BANK = Destination("058", "0123456789", "Island Fuels Ltd")


@dataclass
class Lived:
    """An estate where bills were paid, disputed and cancelled, money waits for a second person, a payment recurs."""

    cast: Cast
    wide: Bill
    own: Bill
    dispute: UUID
    transfer: UUID
    order: UUID
    payment: UUID
    endpoint: UUID
    ids: dict[str, str] = field(default_factory=dict)


def make_lived(*, residents: int = 3) -> Lived:
    """A fresh estate with a past."""
    cast = make_cast(residents=residents)
    fund(cast, cast.bola, "9000.00")
    wide, own = issue(cast, "5000.00", title="Service charge"), issue(cast, "700.00", to=cast.bola, title="Gate repair")
    acts.cancel(cast, issue(cast, title="By mistake"))
    for bill in (wide, own):
        acknowledge(cast, cast.bola, bill)
    payment, _ = acts.pay(cast, cast.bola, wide, "2000.00")
    acts.pay(cast, cast.bola, own)
    order = order_of(cast)
    dispute = acts.dispute(cast, cast.residents[1], wide)
    wallets.credit_cluster_wallet(
        actor=cast.ada.actor,
        amount=naira("9000000.00"),
        description="Hall",
        source="Bank transfer, Ade & Sons",
        now=cast.now,
    )
    transfer = wallets.transfer_from_cluster_wallet(
        actor=cast.ada.actor,
        amount=naira("2000000.00"),
        description="Diesel, January",
        destination=BANK,
        now=cast.now,
    )
    endpoint = notifications.create_endpoint(
        actor=cast.ada.actor, url="https://estate.example/clustr", description="Accounts", events=[], now=cast.now
    )
    issue(cast, "300.00", title="Heard of elsewhere")
    while notifications.fan_out(cluster_id=cast.cluster_id, now=cast.now):
        pass
    lived = Lived(cast, wide, own, dispute, transfer, order, payment.id, endpoint.id)
    lived.ids = {
        "bill": str(wide.id),
        "member": str(cast.bola.user_id),
        "membership": str(cast.bola.membership_id),
        "dispute": str(dispute),
        "transfer": str(transfer),
        "order": str(order),
        "transaction": str(payment.id),
        "endpoint": str(endpoint.id),
    }
    return lived


@dataclass(frozen=True)
class Place:
    """A page: its address, by the names of `Lived.ids`, and the permissions of which one opens it. None: everybody who
    works in the office."""

    address: str
    needs: frozenset[str] | None = None

    def of(self, lived: Lived) -> str:
        return self.address.format(**lived.ids)

    def __str__(self) -> str:
        return self.address


def _needs(*permissions: str) -> frozenset[str]:
    return frozenset(permissions)


VIEW, BILL, MEMBERS = _needs("ViewPayments"), _needs("ManageBill"), _needs("ManageMembers")
NO_ONE_ALONE: frozenset[str] = frozenset()
"""For what takes two: to bill, and to know whose money it is."""
WALLET, TRANSFER = _needs("ViewWallet"), _needs("TransferFunds")

OFFICE = [
    Place("/office/"),
    Place("/office/more/"),
    Place("/office/bills/", VIEW),
    Place("/office/bills/new/", BILL),
    Place("/office/bills/new/?member={member}", BILL),
    Place("/office/bills/import/", BILL),
    Place("/office/bills/{bill}/", VIEW | BILL),
    Place("/office/bills/{bill}/edit/", BILL),
    Place("/office/bills/{bill}/cancel/", BILL),
    Place("/office/bills/{bill}/members.csv", VIEW),
    Place("/office/members/", VIEW | MEMBERS),
    Place("/office/members/?role=staff", MEMBERS),
    Place("/office/members/?presence=left", MEMBERS),
    Place("/office/members/invite/", MEMBERS),
    Place("/office/members/import/", MEMBERS),
    Place("/office/members/{member}/", VIEW),
    Place("/office/members/{member}/card/", VIEW),
    Place("/office/members/{member}/payment/", NO_ONE_ALONE),
    Place("/office/memberships/{membership}/", MEMBERS),
    Place("/office/arrears/", VIEW),
    Place("/office/disputes/", VIEW),
    Place("/office/disputes/{dispute}/", VIEW | BILL),
    Place("/office/transactions/", VIEW),
    Place("/office/transactions/?format=csv", VIEW),
    Place("/office/transactions/?q=bola", VIEW),
    Place("/office/transactions/{transaction}/", VIEW),
    Place("/office/transactions/{transaction}/receipt.pdf", VIEW),
    Place("/office/recurring/", VIEW),
    Place("/office/recurring/{order}/", _needs("ManageRecurring")),
    Place("/office/wallet/", WALLET),
    Place("/office/wallet/credit/", _needs("CreditWallet")),
    Place("/office/wallet/transfer/", TRANSFER),
    Place("/office/wallet/transfers/", TRANSFER | WALLET),
    Place("/office/wallet/transfers/{transfer}/", TRANSFER),
    Place("/office/reconciliation/", WALLET),
    Place("/office/audit/", VIEW),
    Place("/office/utilities/", VIEW),
    Place("/office/settings/", MEMBERS),
    Place("/office/settings/bank/", TRANSFER),
    Place("/office/settings/roles/", MEMBERS),
    Place("/office/settings/webhooks/", MEMBERS),
    Place("/office/settings/webhooks/new/", MEMBERS),
    Place("/office/settings/webhooks/{endpoint}/", MEMBERS),
]
"""Every page that is opened by GET; `test_who_sees_what` holds them against the addresses."""

PLATFORM = [
    *("/platform/", "/platform/plans/", "/platform/plans/basic/", "/platform/invoices/", "/platform/payments/"),
    *("/platform/address/", "/platform/usage/", "/platform/cards/", "/platform/back/", "/platform/cancel/"),
    "/platform/cancel/?reason=too_expensive",
]
PLATFORM_STAFF = [
    *("/platform/customers/", "/platform/customers/{user}/", "/platform/customers/{user}/verify/"),
    *(
        "/platform/customers/{user}/price/",
        "/platform/customers/{user}/pack/",
        "/platform/customers/documents/{invoice}/payment/",
    ),
    *(
        "/platform/customers/documents/{invoice}/correct/",
        "/platform/revenue/",
        "/platform/trends/",
        "/platform/coupons/",
        "/platform/coupons/new/",
        "/platform/at-risk/",
    ),
    *("/platform/dunning/", "/platform/cases/", "/platform/customers/documents/{invoice}/refund/"),
]
