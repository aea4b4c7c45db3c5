"""The words of the office's pages: what was done, permissions, roles, methods."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clustr.bills.types import UTILITY_TYPES, BillType, MemberStatus
from clustr.clusters.types import FeeBearer, PaymentsPermissions, Role
from clustr.kit.money import DECIMALS, Money
from clustr.payments.states import TransactionStatus, TransactionType
from clustr.recurring.types import OrderState
from clustr.wallets.types import OfflineMethod
from clustr.web.pages.forms import Attempt
from clustr.web.pages.words import STATUS, TYPE, word_of

Word = str | Promise
Choices = list[tuple[str, Word]]
_AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?", re.ASCII)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:", re.ASCII)

PERMISSION: dict[PaymentsPermissions, tuple[Word, Word]] = {
    PaymentsPermissions.VIEW_PAYMENTS: (
        _("See payments"),
        _("Bills, members' standing, transactions, disputes, the trail."),
    ),
    PaymentsPermissions.MANAGE_BILL: (
        _("Manage bills"),
        _("Issue, change and cancel bills; decide disputes; record cash."),
    ),
    PaymentsPermissions.MANAGE_RECURRING: (_("Pause recurring payments"), _("Stop a member's standing order.")),
    PaymentsPermissions.VIEW_WALLET: (_("See the estate's wallet"), _("Its balance and every movement.")),
    PaymentsPermissions.TRANSFER_FUNDS: (_("Send and refund money"), _("Make and approve transfers; refund members.")),
    PaymentsPermissions.CREDIT_WALLET: (_("Credit the estate's wallet"), _("Book money that came in from outside.")),
    PaymentsPermissions.MANAGE_MEMBERS: (
        _("Manage members"),
        _("Invite, import, change roles; the estate's settings."),
    ),
}
"""What each permission lets somebody do."""

ROLE: dict[str, Word] = {
    Role.ADMIN: _("Administrator"),
    Role.STAFF: _("Staff"),
    Role.RESIDENT: _("Resident"),
}

METHOD: dict[str, Word] = {
    OfflineMethod.CASH: _("Cash"),
    OfflineMethod.BANK_TRANSFER: _("Bank transfer"),
    OfflineMethod.POS: _("Card machine"),
}

BEARER: dict[str, Word] = {
    FeeBearer.CLUSTER: _("The estate"),
    FeeBearer.PAYER: _("Whoever pays, on top of the bill"),
}

OPERATION: dict[str, Word] = {
    "bill_payment": _("Bill paid"),
    "contribution": _("Contribution"),
    "transfer": _("Transfer"),
    "adjustment": _("Adjustment"),
    "fee": _("Provider's fee"),
    "refund": _("Refund"),
}

MANAGED_STATUS: dict[str, Word] = {MemberStatus.PENDING_ACKNOWLEDGMENT: _("Issued")}
"""Statuses that have another word for the office than for a member."""

ACTION: dict[str, Word] = {
    "bills.created": _("issued a bill"),
    "bills.edited": _("changed a bill"),
    "bills.cancelled": _("cancelled a bill"),
    "bills.reminded": _("reminded members of a bill"),
    "bills.acknowledged": _("acknowledged a bill"),
    "bills.paid": _("paid a bill from the wallet"),
    "bills.paid_directly": _("paid a bill by card or transfer"),
    "bills.disputed": _("disputed a bill"),
    "bills.dispute_withdrawn": _("withdrew a dispute"),
    "bills.dispute_resolved": _("decided a dispute"),
    "bills.payment_refunded": _("refunded a payment"),
    "bills.offline_payment_recorded": _("recorded a payment received by hand"),
    "cluster_wallet.bank_details_kept": _("kept a bank account as the estate's"),
    "cluster_wallet.credited": _("credited the estate's wallet"),
    "cluster_wallet.fees_charged": _("charged providers' fees to the estate's wallet"),
    "cluster_wallet.transfer_requested": _("asked to send money out"),
    "cluster_wallet.transfer_approved": _("approved a transfer"),
    "cluster_wallet.transfer_rejected": _("stopped a transfer"),
    "clusters.created": _("founded the estate"),
    "clusters.settings_changed": _("changed the settings"),
    "members.accepted": _("accepted an invitation"),
    "members.added": _("added a member"),
    "members.ended": _("ended a membership"),
    "members.imported": _("imported members"),
    "members.role_changed": _("changed what a member may do"),
    "members.unit_changed": _("moved a member to another unit"),
    "payments.started": _("started a payment"),
    "payments.case_taken": _("took a case"),
    "payments.case_closed": _("closed a case"),
    "payments.method_removed": _("removed a saved card"),
    "recurring.created": _("set up a recurring payment"),
    "recurring.paused": _("paused a recurring payment"),
    "recurring.resumed": _("resumed a recurring payment"),
    "recurring.cancelled": _("cancelled a recurring payment"),
    "recurring.bill_paid": _("paid a bill by recurring payment"),
    "recurring.contributed": _("paid a contribution"),
    "utilities.bought": _("bought from a utility"),
    "utilities.purchase_blocked": _("was stopped buying from a utility"),
    "utilities.validation_blocked": _("was stopped checking numbers"),
    "utilities.token_resent": _("had a token sent again"),
    "webhooks.created": _("added a webhook"),
    "webhooks.secret_changed": _("gave a webhook a new secret"),
    "webhooks.disabled": _("switched a webhook off"),
    "webhooks.enabled": _("switched a webhook on"),
    "webhooks.removed": _("removed a webhook"),
    "webhooks.sent_again": _("had a webhook sent again"),
    "wallets.deposited": _("added money to a wallet"),
    "wallets.frozen": _("froze a wallet"),
    "wallets.unfrozen": _("unfroze a wallet"),
    "wallets.offline_payment_recorded": _("recorded money received by hand"),
    "wallets.opened_with_balance": _("opened a wallet with a balance"),
    "wallets.payout_arrived": _("saw money arrive at a bank"),
    "wallets.payout_bounced": _("saw money come back from a bank"),
    "wallets.payout_returned": _("returned money that was not sent"),
    "wallets.pin_reset": _("reset a PIN"),
    "wallets.pin_reset_requested": _("asked to reset a PIN"),
    "wallets.suspense_placed": _("placed money whose owner was found"),
    "wallets.withdrawal_requested": _("asked for a withdrawal"),
    "wallets.withdrawal_cancelled": _("cancelled a withdrawal"),
    "wallets.withdrawal_stopped": _("stopped a withdrawal"),
}
"""What the trail says was done, after the name of who did it."""

CALL_STATE: dict[str, tuple[Word, str]] = {
    "queued": (_("Waits"), "wait"),
    "sent": (_("Taken"), "good"),
    "failed": (_("Not taken"), "bad"),
    "skipped": (_("Not sent"), "calm"),
}
"""What became of a webhook's call: a word and a tone."""

CALL_WHY: dict[str, Word] = {
    "refused": _("the system refused it"),
    "no_such_host": _("there is no such host"),
    "not_public": _("the address is not public"),
    "ConnectError": _("no connection"),
    "ConnectTimeout": _("no answer in time"),
    "ReadTimeout": _("no answer in time"),
    "ReadError": _("the connection broke"),
    "RemoteProtocolError": _("the connection broke"),
    "endpoint_disabled": _("the webhook was switched off"),
    "not_made": _("a fault of ours; it was not sent"),
    "endpoint_removed": _("the webhook was removed"),
}
"""Why a call was not taken."""

_SCOPE: dict[str, Word] = {"cluster": _("everybody"), "user": _("one member")}

AGE_BANDS: tuple[Word, ...] = (_("1 to 30 days"), _("31 to 60 days"), _("61 to 90 days"), _("More than 90 days"))


def done(action: str) -> Word:
    """An act of the trail in words."""
    return ACTION.get(action) or action.replace("_", " ").replace(".", ": ")


def bill_types() -> Choices:
    """The types of bills that the office issues."""
    return [(kind.value, word_of(kind.value)) for kind in BillType if kind not in UTILITY_TYPES]


def bill_statuses() -> Choices:
    return [(status.value, MANAGED_STATUS.get(status, STATUS[status][0])) for status in MemberStatus]


def member_statuses() -> Choices:
    return [(status.value, STATUS[status][0]) for status in MemberStatus if status is not MemberStatus.CANCELLED]


def transaction_types() -> Choices:
    return [(kind.value, word_of(kind.value)) for kind in TransactionType]


def transaction_statuses() -> Choices:
    return [(status.value, STATUS[status][0]) for status in TransactionStatus]


def order_states() -> Choices:
    return [(state.value, STATUS[state][0]) for state in OrderState]


def services() -> Choices:
    """What members buy from outside."""
    return [(kind.value, word_of(kind.value)) for kind in BillType if kind in UTILITY_TYPES]


def purchase_statuses() -> Choices:
    """How a purchase can stand."""
    shown = (TransactionStatus.COMPLETED, TransactionStatus.PROCESSING, TransactionStatus.FAILED)
    return [(status.value, STATUS[status][0]) for status in shown]


def roles() -> Choices:
    return list(ROLE.items())


def methods() -> Choices:
    return list(METHOD.items())


def bearers() -> Choices:
    return list(BEARER.items())


def of_the_estate(tried: Attempt) -> Attempt:
    """A refusal in the office's words, where those for residents speak of a wallet of their own."""
    if tried.code == "insufficient_funds":
        tried.problem = str(_("The estate's wallet does not hold that much."))
    return tried


def facts(kept: Mapping[str, Any]) -> list[str]:
    """What the trail keeps of an act, as people read it: amounts as money, instants in the estate's time, ids left out."""
    currency = str(kept.get("currency") or "")
    said = []
    for name, value in kept.items():
        if name == "currency" or value in (None, "", [], {}):
            continue
        text = _fact(name, value, currency)
        if text:
            said.append(text)
    return said


def _fact(name: str, value: Any, currency: str) -> str:
    if isinstance(value, list):
        return f"{_label(name)}: " + " → ".join(_plain(name, each, currency) or "–" for each in value)
    text = _plain(name, value, currency)
    if not text or name in ("bill_number",) or "amount" in name:
        return text
    return f"{_label(name)}: {text}"


def _label(name: str) -> str:
    return name.removesuffix("_minor").removesuffix("_at").replace("_", " ").capitalize()


def _plain(name: str, value: Any, currency: str) -> str:
    """One value in words; nothing for an id, which says nothing to people."""
    text = str(value)
    if currency in DECIMALS and name.endswith("_minor") and isinstance(value, int):
        return Money(value, currency).with_sign()
    if currency in DECIMALS and "amount" in name and _AMOUNT.fullmatch(text):
        return Money.parse(text, currency).with_sign()
    if _ID.fullmatch(text):
        return ""
    if name == "scope":
        return str(_SCOPE.get(text, text))
    if _INSTANT.match(text):
        return date_format(timezone.localtime(datetime.fromisoformat(text)), "j M Y, H:i")
    return str(word_of(text)) if text in TYPE else text
