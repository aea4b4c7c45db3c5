"""The catalogue in the database: versions of plans, contract prices."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.errors import InvalidValue
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions.catalogue import CURRENCY, PlanTerms
from clustr.subscriptions.commands.recording import refuse_nobody
from clustr.subscriptions.models import ContractPrice, SubscriptionPlan
from clustr.subscriptions.policies import price_of
from clustr.subscriptions.queries import STAFF, offered_plan_named


def sync_plans(*, actor: Actor, catalogue: list[PlanTerms], now: datetime) -> list[str]:
    """Offer what the catalogue says: a changed plan gets a new version, one that is gone is no longer offered. Who has an
    old version keeps it. Answers what changed, a line each. For the command line: the system itself acts."""
    said = []
    with tenant(actor.cluster_id):
        offered = {
            plan.code: plan
            for plan in SubscriptionPlan.objects.select_for_update().filter(cluster_id=actor.cluster_id, is_active=True)
        }
        for terms in catalogue:
            present = offered.pop(terms.code, None)
            if present is not None and _terms_of(present) == terms:
                continue
            _retire(present, now)
            plan = _add_version(actor, terms, now)
            said.append(f"{plan.code}: version {plan.version}")
        for gone in offered.values():
            _retire(gone, now)
            said.append(f"{gone.code}: no longer offered")
        for line in said:
            audit.record(
                actor=actor,
                action="subscriptions.catalogue_changed",
                subject_kind="cluster",
                subject_id=actor.cluster_id,
                at=now,
                reason=line,
            )
    return said


def agree_contract_price(
    *,
    actor: Actor,
    user_id: UUID,
    plan_code: str,
    interval: str,
    price: Money,
    starts_at: datetime,
    ends_at: datetime | None,
    now: datetime,
) -> UUID:
    """Agree a price with one customer for a plan, for a term; the newest counts. Within the term it counts when they choose
    the plan and whenever a period of theirs begins; the first period after it has the plan's own price again.

    For platform staff; nobody agrees on a price with themself. Refuses `PlanNotFound`, `CurrencyNotOffered`,
    `CustomerNotFound`.
    """
    actor.require(STAFF)
    if actor.member_id == user_id:
        raise InvalidValue.of("user_id", "own_affair", "Nobody agrees on a price with themself.")
    if ends_at is not None and ends_at <= starts_at:
        raise InvalidValue.of("ends_at", "too_early", "A term ends after it starts.")
    refuse_nobody(user_id=user_id)
    with tenant(actor.cluster_id):
        price_of(plan=offered_plan_named(code=plan_code), interval=interval, currency=price.currency)
        contract = ContractPrice.objects.create(
            id=new_id(),
            cluster_id=actor.cluster_id,
            user_id=user_id,
            plan_code=plan_code,
            interval=interval,
            currency=price.currency,
            price_minor=price.minor,
            starts_at=starts_at,
            ends_at=ends_at,
            agreed_by=actor.member_id,
            created_at=now,
        )
        audit.record(
            actor=actor,
            action="subscriptions.contract_agreed",
            subject_kind="user",
            subject_id=user_id,
            at=now,
            facts={"plan": plan_code, "interval": interval, "price": str(price), "currency": price.currency},
        )
    return contract.id


def _terms_of(plan: SubscriptionPlan) -> PlanTerms:
    return PlanTerms(
        code=plan.code,
        name=plan.name,
        description=plan.description,
        price_monthly=plan.price_monthly,
        price_yearly=plan.price_yearly,
        prices=plan.prices,
        features=plan.features,
        limits=plan.limits,
        overage=plan.overage,
        trial_days=plan.trial_days,
    )


def _retire(plan: SubscriptionPlan | None, now: datetime) -> None:
    if plan is not None:
        plan.is_active, plan.updated_at = False, now
        plan.save(update_fields=["is_active", "updated_at"])


def _add_version(actor: Actor, terms: PlanTerms, now: datetime) -> SubscriptionPlan:
    earlier = SubscriptionPlan.objects.filter(cluster_id=actor.cluster_id, code=terms.code).count()
    return SubscriptionPlan.objects.create(
        id=new_id(),
        cluster_id=actor.cluster_id,
        code=terms.code,
        version=earlier + 1,
        name=terms.name,
        description=terms.description,
        currency=CURRENCY,
        price_monthly=terms.price_monthly,
        price_yearly=terms.price_yearly,
        prices=terms.prices,
        features=terms.features,
        limits=terms.limits,
        overage=terms.overage,
        is_active=True,
        trial_days=terms.trial_days,
        created_at=now,
        updated_at=now,
    )
