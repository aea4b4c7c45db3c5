"""Which page a notice is about: its path, for the list of notices and for mails."""

from __future__ import annotations

from uuid import UUID

from clustr.notifications.types import Face, Facts, NotificationEvents

E = NotificationEvents
_PURCHASES = (E.UTILITY_DELIVERED, E.UTILITY_DELAYED, E.UTILITY_FAILED, E.UTILITY_REFUNDED)
_MOVEMENTS = (
    E.PAYMENT_CONFIRMED,
    E.PAYMENT_FAILED,
    E.PAYMENT_REFUNDED,
    E.PAYMENT_KEPT_IN_WALLET,
    E.WALLET_CREDITED,
    E.PAYOUT_RETURNED,
)
_BILL, _MOVEMENT, _ORDER = "/app/bills/{}/", "/app/transactions/{}/", "/app/recurring/{}/"
_BOUGHT, _OFFICE_BILL = "/app/utilities/purchases/{}/", "/office/bills/{}/"
_WALLET, _UTILITIES, _AUTOMATIONS = "/app/wallet/", "/app/utilities/", "/app/utilities/automations/"
PAGES = (_BILL, _MOVEMENT, _ORDER, _BOUGHT, _OFFICE_BILL, _WALLET, _UTILITIES, _AUTOMATIONS)
"""Every page that a notice can lead to; braces stand for what it is about."""


def page_of(*, event: NotificationEvents, face: Face, facts: Facts, subject_id: UUID | None) -> str:
    """The path of the page a notice is about; "" where there is none. A bill is named by its number in the facts."""
    about_bill = subject_id is not None and "bill_number" in facts
    if face is Face.OFFICE:
        return _OFFICE_BILL.format(subject_id) if about_bill else ""
    if about_bill:
        return _BILL.format(subject_id)
    if event in (E.PIN_LOCKED, E.PIN_RESET, E.NEW_PAYEE):
        return _WALLET
    if event.startswith("utility_automation"):
        return _AUTOMATIONS
    if event in _PURCHASES and subject_id:
        return _BOUGHT.format(subject_id)
    if event.startswith("utility_"):
        return _UTILITIES
    if event.startswith("recurring_payment") and subject_id:
        return _ORDER.format(subject_id)
    if event in _MOVEMENTS and subject_id and facts.get("reference"):
        return _MOVEMENT.format(subject_id)
    return ""
