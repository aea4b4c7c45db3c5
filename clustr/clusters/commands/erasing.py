"""What becomes of the memberships of a person who asks to be forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from clustr.audit import commands as audit
from clustr.clusters.commands.enrolment import lock_cluster
from clustr.clusters.commands.members import move_end
from clustr.clusters.models import Membership
from clustr.clusters.queries import clusters_ever_of, is_last_admin, system_actor
from clustr.clusters.refusals import LastAdmin
from clustr.kit.tenancy import tenant
from clustr.people import queries as people


def refuse_erasing_last_admin(user_id: UUID) -> None:
    """Refuse with LastAdmin whoever is the only administrator of any estate."""
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            if is_last_admin(user_id=user_id):
                raise LastAdmin("This person is an estate's last administrator: let another one be made first.")


def end_memberships_of(user_id: UUID, now: datetime) -> None:
    """End whatever this person still is, everywhere, as they are forgotten, and what first answers say of who they were.
    Harmless to repeat."""
    contact = people.contact_of(user_id=user_id)
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            lock_cluster()
            actor = system_actor(cluster_id=cluster_id)
            theirs = Membership.objects.select_for_update().filter(cluster_id=cluster_id, user_id=user_id)
            supplied = theirs.values_list("supplied_email", "supplied_name", "supplied_phone")
            texts = {contact.email, contact.name, contact.phone, *(text for row in supplied for text in row if text)}
            audit.blank_in_answers(about=user_id, texts=texts)
            theirs.exclude(supplied_email=None).update(supplied_email=None, supplied_name=None, supplied_phone=None)
            for member in theirs.filter(Q(left_at=None) | Q(left_at__gt=now)).order_by("-joined_at"):
                move_end(member, max(now, member.joined_at + timedelta(microseconds=1)))
                audit.record(
                    actor=actor,
                    action="members.ended",
                    subject_kind="member",
                    subject_id=member.id,
                    at=now,
                    facts={"user": str(user_id), "role": member.role, "erased": True},
                )
