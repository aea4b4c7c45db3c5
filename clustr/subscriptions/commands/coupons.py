"""Coupons: made and verified for by staff, used by customers, once each."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.errors import InvalidValue
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.commands.recording import lock_subscription, note, refuse_nobody
from clustr.subscriptions.models import Coupon, Redemption, Subscription, SubscriptionPlan, Verification
from clustr.subscriptions.policies import refuse_coupon
from clustr.subscriptions.queries import STAFF
from clustr.subscriptions.refusals import CouponCodeTaken, CouponNotValid, CouponUsed, SubscriptionEnded
from clustr.subscriptions.schedule import anchor_at, boundary
from clustr.subscriptions.states import EventKind
from clustr.subscriptions.types import MONTHLY, Discount, Duration


def create_coupon(
    *,
    actor: Actor,
    code: str,
    name: str,
    discount: Discount,
    duration: Duration,
    duration_months: int | None = None,
    max_redemptions: int | None = None,
    expires_at: datetime | None = None,
    plan_code: str = "",
    needs_verification: str = "",
    now: datetime,
) -> Coupon:
    """Make a coupon. Codes are known in capitals. For platform staff. Refuses `CouponCodeTaken`."""
    actor.require(STAFF)
    if (duration is Duration.REPEATING) != (duration_months is not None):
        raise InvalidValue.of("duration_months", "invalid", "Months are given for a repeating coupon, and only for it.")
    with tenant(actor.cluster_id):
        coupon = Coupon(
            id=new_id(),
            cluster_id=actor.cluster_id,
            code=code.strip().upper(),
            name=name,
            basis_points=discount.basis_points,
            amount_minor=discount.amount.minor if discount.amount else 0,
            currency=discount.amount.currency if discount.amount else "",
            duration=duration.value,
            duration_months=duration_months,
            max_redemptions=max_redemptions,
            expires_at=expires_at,
            plan_code=plan_code,
            needs_verification=needs_verification,
            created_at=now,
            updated_at=now,
        )
        try:
            with transaction.atomic():
                coupon.save(force_insert=True)
        except IntegrityError as error:
            if "subscriptions_coupon_code" not in str(error):
                raise
            raise CouponCodeTaken from error
        audit.record(
            actor=actor,
            action="subscriptions.coupon_made",
            subject_kind="coupon",
            subject_id=coupon.id,
            at=now,
            facts={"code": coupon.code},
        )
    return coupon


def verify_customer(*, actor: Actor, user_id: UUID, kind: str, expires_at: datetime, now: datetime) -> None:
    """Note that a customer is what a coupon asks for, such as "education". For platform staff, of others. Refuses
    `CustomerNotFound`."""
    actor.require(STAFF)
    if actor.member_id == user_id:
        raise InvalidValue.of("user_id", "own_affair", "Nobody verifies themself.")
    if expires_at <= now:
        raise InvalidValue.of("expires_at", "too_early", "What was seen holds for some time.")
    refuse_nobody(user_id=user_id)
    with tenant(actor.cluster_id):
        Verification.objects.create(
            id=new_id(),
            cluster_id=actor.cluster_id,
            user_id=user_id,
            kind=kind,
            verified_by=actor.member_id,
            verified_at=now,
            expires_at=expires_at,
        )
        audit.record(
            actor=actor,
            action="subscriptions.customer_verified",
            subject_kind="user",
            subject_id=user_id,
            at=now,
            facts={"kind": kind},
        )


def apply_coupon(*, actor: Actor, subscription_id: UUID, code: str, now: datetime) -> Redemption:
    """Use a coupon for a subscription of one's own, from its next invoice on. One counts at a time: the newest. Recurring revenue
    is less from now on by one that lasts until that invoice.

    Refuses `CouponNotValid`, `CouponUsed`, `SubscriptionEnded`.
    """
    with tenant(actor.cluster_id), crash_points("subscriptions.apply_coupon"):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        if subscription.ended_at is not None:
            raise SubscriptionEnded
        redemption = redeem(actor=actor, subscription=subscription, code=code, now=now)
        note(actor=actor, subscription=subscription, kind=EventKind.COUPON_APPLIED, now=now)
    return redemption


def redeem(
    *,
    actor: Actor,
    subscription: Subscription,
    code: str,
    plan: SubscriptionPlan | None = None,
    now: datetime,
) -> Redemption:
    """Redeem a coupon, its customer locked, for the plan that is bought, or else the one that they have. The counter and the
    limit are looked at in one statement."""
    coupon = Coupon.objects.filter(cluster_id=actor.cluster_id, code=code.strip().upper()).first()
    plan = plan or queries.plan_of(subscription=subscription)
    kind = coupon.needs_verification if coupon else ""
    verified = bool(kind) and queries.is_verified(user_id=subscription.user_id, kind=kind, now=now)
    refuse_coupon(coupon=coupon, plan=plan, currency=subscription.currency, verified=verified, now=now)
    if coupon is None:
        raise CouponNotValid
    theirs = Redemption.objects.filter(cluster_id=actor.cluster_id, coupon_id=coupon.id, user_id=subscription.user_id)
    if theirs.exists():
        raise CouponUsed
    left = Q(max_redemptions=None) | Q(redeemed__lt=F("max_redemptions"))
    taken = Coupon.objects.filter(left, cluster_id=actor.cluster_id, id=coupon.id, is_active=True)
    if not taken.update(redeemed=F("redeemed") + 1, updated_at=now):
        raise CouponNotValid
    redemption = Redemption.objects.create(
        id=new_id(),
        cluster_id=actor.cluster_id,
        coupon_id=coupon.id,
        user_id=subscription.user_id,
        subscription_id=subscription.id,
        redeemed_at=now,
        ends_at=_ends_at(coupon, actor.timezone, now),
    )
    audit.record(
        actor=actor,
        action="subscriptions.coupon_redeemed",
        subject_kind="subscription",
        subject_id=subscription.id,
        at=now,
        facts={"coupon": str(coupon.id)},
    )
    return redemption


def give_back_coupon(*, subscription: Subscription, redemption_id: UUID | None = None, now: datetime) -> None:
    """A coupon that was never used, because what it was redeemed for did not come about, may be redeemed again: this one, or
    all that were redeemed for a subscription that never began."""
    unused = Redemption.objects.filter(
        cluster_id=subscription.cluster_id, subscription_id=subscription.id, used_at=None
    )
    for redemption in unused if redemption_id is None else unused.filter(id=redemption_id):
        Coupon.objects.filter(cluster_id=subscription.cluster_id, id=redemption.coupon_id).update(
            redeemed=F("redeemed") - 1, updated_at=now
        )
        redemption.delete()


def _ends_at(coupon: Coupon, zone: str, now: datetime) -> datetime | None:
    """A repeating coupon counts for so many months, by the calendar of who sells."""
    if coupon.duration_months is None:
        return None
    local = now.astimezone(ZoneInfo(zone))
    return boundary(anchor=anchor_at(at=local, zone=zone), cycle=MONTHLY, n=coupon.duration_months)
