"""Where a customer's invoices go."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.errors import InvalidValue
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.subscriptions.commands.recording import lock_customers
from clustr.subscriptions.commands.stripe_taxes import tell_stripe_address
from clustr.subscriptions.countries import COUNTRIES
from clustr.subscriptions.models import BillingAddress


@dataclass(frozen=True, slots=True)
class NewAddress:
    """A billing address. `country`: two capitals (ISO 3166-1); the tax follows from it."""

    line1: str
    city: str
    country: str
    line2: str = ""
    state: str = ""
    postal_code: str = ""
    name: str = ""
    tax_id: str = ""


def set_billing_address(*, actor: Actor, address: NewAddress, is_default: bool = True, now: datetime) -> BillingAddress:
    """Keep an address of one's own, once however often it is given. The default one is where invoices go, and what they are
    taxed by, from now on, at Stripe too; the first is, whatever `is_default` says, until another is given as such. Documents
    that were issued keep theirs."""
    fields = {field: value.strip() for field, value in asdict(address).items()}
    for field in ("line1", "city"):
        if not fields[field]:
            raise InvalidValue.of(field, "required", "An address has a line and a city.")
    if fields["country"] not in COUNTRIES:
        raise InvalidValue.of("country", "invalid", "Write the country as two capitals, such as NG.")
    with tenant(actor.cluster_id):
        lock_customers(actor.member_id)
        mine = BillingAddress.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id)
        kept = mine.filter(**fields).order_by("-is_default", "-id").first()
        default = mine.filter(is_default=True).first()
        becomes = is_default or default is None
        if becomes and default is not None and default != kept:
            default.is_default, default.updated_at = False, now
            default.save(update_fields=["is_default", "updated_at"])
        kept = kept or BillingAddress(
            id=new_id(), cluster_id=actor.cluster_id, user_id=actor.member_id, created_at=now, **fields
        )
        kept.is_default, kept.updated_at = becomes or kept == default, now
        kept.save()
        audit.record(
            actor=actor,
            action="subscriptions.billing_address_set",
            subject_kind="user",
            subject_id=actor.member_id,
            at=now,
        )
        if becomes:
            tell_stripe_address(actor=actor, now=now)
    return kept
