"""What must hold of the trail's chain at every moment. Whether it is the chain it was, only the anchors outside say."""

from __future__ import annotations

from clustr.kit.invariants import Invariant, recent

DERIVED = ("audit_horizon",)
"""How far every cluster's events are known to be in blocks; emptied after a restore, it is found again."""

_FIRST = "decode(repeat('00', 32), 'hex')"
_LINKED = f"""(b.previous = coalesce(p.digest, {_FIRST}) AND b.seq = coalesce(p.seq, 0) + 1
             AND b.total = coalesce(p.total, 0) + b.events AND b.first_xid >= coalesce(p.horizon, 0)) IS NOT TRUE"""

# An event belongs to the first block of its cluster that was closed over a horizon above its transaction.
_BLOCK_OF_EVENT = """CROSS JOIN LATERAL (
               SELECT n.seq FROM audit_block n WHERE n.cluster_id = e.cluster_id AND n.horizon > e.xid
               ORDER BY n.horizon LIMIT 1) AS n"""
_FOUND = (
    "count(*) AS events, min(e.xid) AS first_xid, string_agg(audit_event_digest(e), '' ORDER BY e.xid, e.id) AS digests"
)
_AS_CLOSED = """(f.events = b.events AND f.first_xid = b.first_xid
             AND b.digest = audit_block_digest(b, f.digests)) IS NOT TRUE"""

INVARIANTS = [
    Invariant(
        "audit.chain_linked",
        "Blocks of the trail follow one another without a gap, each on the digest of the one before.",
        f"""SELECT b.cluster_id, b.seq FROM audit_block b
           LEFT JOIN audit_block p ON p.cluster_id = b.cluster_id AND p.seq = b.seq - 1
           WHERE {_LINKED}""",
        f"""SELECT b.cluster_id, b.seq FROM audit_block b
           LEFT JOIN LATERAL (SELECT * FROM audit_block p WHERE p.cluster_id = b.cluster_id AND p.seq = b.seq - 1) AS p
             ON true
           WHERE b.closed_at >= %(since)s AND {_LINKED}""",
    ),
    Invariant(
        "audit.chain_digest",
        "A block's digest is that of its events.",
        f"""SELECT b.cluster_id, b.seq, b.events, f.events FROM audit_block b
           LEFT JOIN (
             SELECT e.cluster_id, n.seq, {_FOUND} FROM audit_event e {_BLOCK_OF_EVENT} GROUP BY 1, 2) AS f
             ON f.cluster_id = b.cluster_id AND f.seq = b.seq
           WHERE {_AS_CLOSED}""",
        f"""WITH lately AS MATERIALIZED (SELECT * FROM audit_block WHERE closed_at >= %(since)s)
           SELECT b.cluster_id, b.seq, b.events, f.events FROM lately
           JOIN audit_block b ON b.cluster_id = lately.cluster_id AND b.seq = lately.seq
           LEFT JOIN (
             SELECT e.cluster_id, n.seq, {_FOUND} FROM audit_event e {_BLOCK_OF_EVENT}
             WHERE e.xid >= (SELECT min(first_xid) FROM lately) AND e.xid < (SELECT max(horizon) FROM lately)
             GROUP BY 1, 2) AS f ON f.cluster_id = b.cluster_id AND f.seq = b.seq
           WHERE {_AS_CLOSED}""",
    ),
    Invariant(
        "audit.chain_complete",
        "Every event older than the horizon is in a block.",
        """SELECT e.cluster_id, e.id FROM audit_horizon h JOIN audit_event e ON e.xid < h.horizon::text::bigint
           WHERE NOT EXISTS (SELECT FROM audit_block b WHERE b.cluster_id = e.cluster_id AND b.horizon > e.xid)""",
        f"""SELECT e.cluster_id, e.id FROM audit_horizon h JOIN {recent("audit_event")} AS e ON e.xid < h.horizon::text::bigint
           WHERE NOT EXISTS (SELECT FROM audit_block b WHERE b.cluster_id = e.cluster_id AND b.horizon > e.xid)""",
    ),
]
