"""Founding a cluster, and changing its settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django.conf import settings
from django.db import DataError, connection, transaction

from clustr.audit import commands as audit
from clustr.clusters.commands.enrolment import insert_members, lock_cluster, supplied_of
from clustr.clusters.commands.invitations import invite_to_cluster
from clustr.clusters.models import Cluster, Membership
from clustr.clusters.policies import checked_email, is_looser, limit_at, one_line
from clustr.clusters.refusals import AdminOnly
from clustr.clusters.types import AS_IS, FeeBearer, NewMember, PaymentsPermissions, Role, SettingsChanges
from clustr.kit.actor import Actor
from clustr.kit.errors import InvalidValue
from clustr.kit.ids import new_id
from clustr.kit.locales import LOCALES
from clustr.kit.money import DECIMALS, CurrencyMismatch, Money, UnknownCurrency
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.people import commands as people

NAME_LENGTH = 200
_LIMIT_OF_A_NEW_CLUSTER = 1_000_000
"""Major units above which a second person approves a transfer, until the administrator chooses otherwise."""


def create_cluster(
    *, name: str, admin_email: str, currency: str, timezone: str, now: datetime, admin_name: str = ""
) -> UUID:
    """Found a cluster with its first administrator, who is invited by mail. Answers the cluster's id."""
    cluster_id = new_id()
    admin_email = checked_email(admin_email, field="admin_email")
    system = Actor(cluster_id=cluster_id, currency=currency, timezone=timezone)
    with tenant(cluster_id):
        found_cluster(cluster_id=cluster_id, name=name, currency=currency, timezone=timezone, now=now)
        admitted = people.admit_people(rows=[(admin_email, admin_name, "")], now=now)
        (admin_id,) = admitted.ids.values()
        supplied = supplied_of(admin_id, admitted, email=admin_email, name=admin_name, phone="")
        ((membership_id,), _) = insert_members(
            [NewMember(admin_id, Role.ADMIN, now, supplied=supplied)], invited_at=now, now=now
        )
        invite_to_cluster(Membership.objects.get(cluster_id=cluster_id, id=membership_id), now)
        audit.record(
            actor=system,
            action="clusters.created",
            subject_kind="cluster",
            subject_id=cluster_id,
            at=now,
            facts={"currency": currency, "timezone": timezone, "admin": str(admin_id)},
        )
    return cluster_id


def found_cluster(*, cluster_id: UUID, name: str, currency: str, timezone: str, now: datetime) -> None:
    """Make a cluster without any member yet. For demonstrations and programs: nothing is audited."""
    name = _checked_name(name)
    if currency not in DECIMALS:
        raise UnknownCurrency("{currency} is not a supported currency.", currency=repr(currency))
    with tenant(cluster_id):
        Cluster.objects.create(
            id=cluster_id,
            name=name,
            currency=currency,
            timezone=_checked_timezone(timezone),
            transfer_approval_limit_minor=_LIMIT_OF_A_NEW_CLUSTER * 10 ** DECIMALS[currency],
            created_at=now,
        )


def update_settings(*, actor: Actor, changes: SettingsChanges, now: datetime, reason: str = "") -> None:
    """Change the cluster's settings. Needs ManageMembers; the transfer limit and who bears fees, an administrator.

    The currency never changes: the books are kept in it. A transfer limit is lowered at once; raised or removed, it
    counts TRANSFER_LIMIT_RAISE_HOURS later, so that nobody does away with the second person alone and in one go.
    """
    actor.require(PaymentsPermissions.MANAGE_MEMBERS)
    values = _checked_settings(actor, changes)
    with tenant(actor.cluster_id):
        lock_cluster()
        cluster = Cluster.objects.get(id=actor.cluster_id)
        if values.get(_LIMIT, cluster.transfer_approval_limit_minor) != cluster.transfer_approval_limit_minor:
            values |= _when_it_counts(cluster, values[_LIMIT], now)
        before = {column: getattr(cluster, column) for column in values}
        changed = {column: value for column, value in values.items() if before[column] != value}
        if not changed:
            return
        Cluster.objects.filter(id=actor.cluster_id).update(**changed)
        if "timezone" in changed:
            ledger.resort_turnover(timezone=changed["timezone"])
        audit.record(
            actor=actor,
            action="clusters.settings_changed",
            subject_kind="cluster",
            subject_id=actor.cluster_id,
            at=now,
            reason=reason,
            facts={
                column: [_plain(before[column]), _plain(value)] for column, value in changed.items() if column in _PLAIN
            }
            | {column: "changed" for column in changed if column not in _PLAIN},
        )


MOST_REMINDERS, LONGEST_REMINDER = 5, 365
_LIMIT = "transfer_approval_limit_minor"
_PLAIN = (
    "timezone",
    _LIMIT,
    "earlier_approval_limit_minor",
    "approval_limit_from",
    "fee_bearer",
    "name",
    "locale",
    "reminder_days",
)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _when_it_counts(cluster: Cluster, asked: int | None, now: datetime) -> dict[str, Any]:
    """What else to keep with a new limit: nothing, or, where it is looser than what counts now, that and until when."""
    present = limit_at(
        now,
        limit=cluster.transfer_approval_limit_minor,
        earlier=cluster.earlier_approval_limit_minor,
        limit_from=cluster.approval_limit_from,
    )
    if not is_looser(asked, present):
        return {"earlier_approval_limit_minor": None, "approval_limit_from": None}
    delay = timedelta(hours=settings.ENV.TRANSFER_LIMIT_RAISE_HOURS)
    return {"earlier_approval_limit_minor": present, "approval_limit_from": now + delay}


def _checked_settings(actor: Actor, changes: SettingsChanges) -> dict[str, Any]:
    given = {field.name: getattr(changes, field.name) for field in fields(changes)}
    given = {name: value for name, value in given.items() if value is not AS_IS}
    if actor.role != Role.ADMIN and given.keys() & {"transfer_approval_limit", "fee_bearer"}:
        raise AdminOnly("Only an administrator changes the transfer limit or who bears fees.")
    if "name" in given:
        given["name"] = _checked_name(given["name"])
    if "timezone" in given:
        _checked_timezone(given["timezone"])
    if "locale" in given and given["locale"] not in LOCALES:
        known = ", ".join(sorted(LOCALES))
        raise InvalidValue.of("locale", "invalid_locale", "Locales are {known}.", known=known)
    if given.get("support_email"):
        given["support_email"] = checked_email(given["support_email"], field="support_email")
    if given.get("reminder_days") is not None:
        given["reminder_days"] = _checked_days(given["reminder_days"])
    if "fee_bearer" in given:
        given["fee_bearer"] = FeeBearer(given["fee_bearer"]).value
    if "transfer_approval_limit" in given:
        given["transfer_approval_limit_minor"] = _minor(given.pop("transfer_approval_limit"), actor.currency)
    return given


def _minor(limit: Money | None, currency: str) -> int | None:
    if limit is None:
        return None
    if limit.currency != currency:
        raise CurrencyMismatch("This cluster's books are kept in {currency}.", currency=currency)
    return limit.minor


def _checked_days(days: Sequence[int]) -> list[int]:
    """Each once, the longest first."""
    chosen = sorted(set(days), reverse=True)
    if len(chosen) > MOST_REMINDERS or not all(1 <= day <= LONGEST_REMINDER for day in chosen):
        limits = {"most": MOST_REMINDERS, "longest": LONGEST_REMINDER}
        raise InvalidValue.of("reminder_days", "invalid_days", "At most {most} of 1 to {longest} days.", **limits)
    return chosen


def _checked_name(name: str) -> str:
    name = one_line(name)
    if not 1 <= len(name) <= NAME_LENGTH:
        raise InvalidValue.of(
            "name", "invalid_name", "A cluster's name has 1 to {longest} characters.", longest=NAME_LENGTH
        )
    return name


def _checked_timezone(name: str) -> str:
    """An IANA name ("Africa/Lagos") that Python and PostgreSQL both know."""
    known = name == "UTC" or ("/" in name and name in available_timezones())
    if known:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT now() AT TIME ZONE %s", [name])
        except DataError:
            known = False
    if not known:
        raise InvalidValue.of("timezone", "unknown_timezone", 'Name a time zone such as "Africa/Lagos".')
    return name
