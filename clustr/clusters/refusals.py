"""How this room refuses."""

from __future__ import annotations

from clustr.kit.errors import Conflict, Invalid, NotAllowed, NotFound


class ClusterRequired(Invalid):
    """You belong to several clusters: say which one with the header X-Cluster-ID."""

    code = "cluster_required"


class ClusterNotFound(NotFound):
    """There is no such cluster among yours."""

    code = "cluster_not_found"


class InvitationNotAccepted(NotAllowed):
    """You were invited and have not accepted yet: name the cluster with the header X-Cluster-ID."""

    code = "invitation_not_accepted"


class NoMembership(NotAllowed):
    """You are not a member of any cluster."""

    code = "no_membership"


class NotAMemberNow(NotAllowed):
    """This is for present members of the estate."""

    code = "not_a_member_now"


class PersonNotActive(NotAllowed):
    """This account is closed."""

    code = "person_not_active"


class MemberNotFound(NotFound):
    """There is no such member in this cluster."""

    code = "member_not_found"


class AlreadyMember(Conflict):
    """This person already has such a membership here."""

    code = "already_member"


class MembershipEnded(Conflict):
    """This membership has ended; a person who comes back is added again."""

    code = "membership_ended"


class PeriodsOverlap(Conflict):
    """The period would overlap another one of the same person."""

    code = "periods_overlap"


class LastAdmin(Conflict):
    """A cluster keeps at least one active administrator."""

    code = "last_admin"


class OwnMembership(NotAllowed):
    """Nobody changes their own role, permissions or the end of their own membership."""

    code = "own_membership"


class PermissionNotYours(NotAllowed):
    """You can grant or take away only what you hold yourself."""

    code = "permission_not_yours"


class AdminOnly(NotAllowed):
    """Only an administrator of the cluster can do this."""

    code = "admin_only"


class RosterInvalid(Invalid):
    """The roster has errors; nothing was imported."""

    code = "roster_invalid"


class RosterTooLarge(Invalid):
    """A roster has at most 10,000 rows and 5 MB."""

    code = "roster_too_large"


class PlanStopped(Conflict):
    """The estate's plan has stopped: nothing new is billed and nobody is added until it is paid or chosen anew."""

    code = "plan_stopped"


class PlanLimitReached(Conflict):
    """The estate's plan allows no more of these."""

    code = "plan_limit_reached"
