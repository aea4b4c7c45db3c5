"""The only writers of clusters, units and memberships."""

from clustr.clusters.commands.allowances import write_plan_allowance
from clustr.clusters.commands.estates import create_cluster, found_cluster, update_settings
from clustr.clusters.commands.invitations import enter_cluster, send_invitations
from clustr.clusters.commands.members import change_own_name, end_membership, invite_member, update_member
from clustr.clusters.commands.rosters import enrol_members, import_roster

__all__ = [
    "change_own_name",
    "create_cluster",
    "end_membership",
    "enrol_members",
    "enter_cluster",
    "found_cluster",
    "import_roster",
    "invite_member",
    "send_invitations",
    "update_member",
    "update_settings",
    "write_plan_allowance",
]
