"""What must always hold of estates and their members."""

from __future__ import annotations

from clustr.kit.invariants import Invariant, recent

_COUNTED = """
  SELECT cluster_id, grain, date_trunc(grain, at, 'UTC') AS at, sum(joiners) AS joiners, sum(leavers) AS leavers
  FROM (
    SELECT cluster_id, joined_at AS at, count(*) AS joiners, 0 AS leavers FROM clusters_membership
      WHERE role = 'resident' GROUP BY 1, 2
    UNION ALL
    SELECT cluster_id, left_at, 0, count(*) FROM clusters_membership
      WHERE role = 'resident' AND left_at IS NOT NULL GROUP BY 1, 2
  ) AS moved CROSS JOIN (VALUES ('day'), ('month'), ('microseconds')) AS grains (grain)
  GROUP BY 1, 2, 3
"""

_JOINED = recent("clusters_membership")

INVARIANTS = [
    Invariant(
        "clusters.tallies_equal_memberships",
        "The running tallies of joiners and leavers say what the memberships say.",
        f"""
        SELECT coalesce(counted.cluster_id, kept.cluster_id) AS cluster_id, kept.grain, kept.at, kept.joiners, counted.joiners AS joined,
               kept.leavers, counted.leavers AS left
        FROM (SELECT cluster_id, replace(grain, 'microseconds', 'instant') AS grain, at, joiners, leavers
              FROM ({_COUNTED}) AS fresh) AS counted
        FULL JOIN (SELECT * FROM clusters_tally) AS kept
          ON kept.cluster_id = counted.cluster_id AND kept.grain = counted.grain AND kept.at = counted.at
        WHERE coalesce(kept.joiners, 0) <> coalesce(counted.joiners, 0)
           OR coalesce(kept.leavers, 0) <> coalesce(counted.leavers, 0)
        """,
        # In sum, for clusters that somebody joined or left lately.
        f"""
        SELECT kept.cluster_id, kept.grain, kept.joiners, counted.joined, kept.leavers, counted.left FROM (
          SELECT DISTINCT cluster_id FROM {_JOINED} AS joined
          UNION SELECT cluster_id FROM clusters_tally WHERE grain = 'instant' AND at >= %(since)s) AS moved
        CROSS JOIN LATERAL (
          SELECT t.cluster_id, t.grain, sum(t.joiners) AS joiners, sum(t.leavers) AS leavers FROM clusters_tally t
          WHERE t.cluster_id = moved.cluster_id GROUP BY 1, 2) AS kept
        CROSS JOIN LATERAL (
          SELECT count(*) AS joined, count(left_at) AS left FROM clusters_membership m
          WHERE m.cluster_id = moved.cluster_id AND m.role = 'resident') AS counted
        WHERE (kept.joiners, kept.leavers) <> (counted.joined, counted.left)
        """,
    ),
    Invariant(
        "clusters.periods_do_not_overlap",
        "Nobody lives twice at the same time in one cluster, and a return knows when the person left before.",
        """
        SELECT cluster_id, user_id, id FROM (
          SELECT cluster_id, user_id, id, joined_at, previous_left_at,
                 lag(id) OVER chain AS before, lag(left_at) OVER chain AS before_left_at
          FROM clusters_membership WINDOW chain AS (PARTITION BY user_id, cluster_id, resident ORDER BY joined_at)
        ) AS chained
        WHERE before_left_at IS DISTINCT FROM previous_left_at OR before IS NOT NULL AND before_left_at IS NULL
           OR before_left_at > joined_at
        """,
        f"""
        SELECT cluster_id, user_id, id FROM (
          SELECT m.cluster_id, m.user_id, m.id, m.joined_at, m.previous_left_at,
                 lag(m.id) OVER chain AS before, lag(m.left_at) OVER chain AS before_left_at
          FROM (SELECT DISTINCT cluster_id, user_id FROM {_JOINED} AS joined) AS w
          JOIN clusters_membership m ON m.user_id = w.user_id AND m.cluster_id = w.cluster_id
          WINDOW chain AS (PARTITION BY m.user_id, m.cluster_id, m.resident ORDER BY m.joined_at)
        ) AS chained
        WHERE before_left_at IS DISTINCT FROM previous_left_at OR before IS NOT NULL AND before_left_at IS NULL
           OR before_left_at > joined_at
        """,
    ),
    Invariant(
        "clusters.members_have_a_cluster",
        "Every membership, unit and tally belongs to a cluster that exists.",
        """
        SELECT cluster_id FROM (
          SELECT cluster_id FROM clusters_membership UNION SELECT cluster_id FROM clusters_unit
          UNION SELECT cluster_id FROM clusters_tally
        ) AS used WHERE cluster_id NOT IN (SELECT id FROM clusters_cluster)
        """,
        f"""
        SELECT cluster_id FROM (
          SELECT cluster_id FROM {_JOINED} AS joined UNION SELECT cluster_id FROM {recent("clusters_unit")} AS made
        ) AS used WHERE NOT EXISTS (SELECT FROM clusters_cluster c WHERE c.id = used.cluster_id)
        """,
    ),
]
