"""What must hold of notices at every moment."""

from __future__ import annotations

from clustr.kit.invariants import Invariant, recent

INVARIANTS = (
    Invariant(
        name="notifications.no_message_without_a_reader",
        says="A message goes to somebody its event reaches: the member it names, or somebody who is or was in the cluster.",
        sql="""
SELECT d.cluster_id, d.event_id, d.user_id FROM notifications_delivery d
JOIN notifications_event e ON e.cluster_id = d.cluster_id AND e.id = d.event_id
WHERE CASE WHEN d.face = 'member' AND e.user_id IS NOT NULL THEN d.user_id <> e.user_id
  ELSE NOT EXISTS (SELECT FROM clusters_membership m WHERE m.cluster_id = d.cluster_id AND m.user_id = d.user_id
    AND (d.face = 'member' OR m.role <> 'resident')) END
""",
        recent_sql=f"""
SELECT d.cluster_id, d.event_id, d.user_id FROM {recent("notifications_event")} AS e
JOIN notifications_delivery d ON d.cluster_id = e.cluster_id AND d.event_id = e.id
WHERE CASE WHEN d.face = 'member' AND e.user_id IS NOT NULL THEN d.user_id <> e.user_id
  ELSE NOT EXISTS (SELECT FROM clusters_membership m WHERE m.cluster_id = d.cluster_id AND m.user_id = d.user_id
    AND (d.face = 'member' OR m.role <> 'resident')) END
""",
    ),
)
