"""What the kit shows of the jobs and their workers."""

from __future__ import annotations

from clustr.kit.jobs import QUEUES
from clustr.kit.measures import Measure

_QUEUES = ", ".join(f"('{queue}')" for queue in QUEUES)

# Successful jobs are deleted when they end, so that the table holds what waits, what runs and what failed for good.
# A job's age counts from when it could first have run.
_BACKLOG = f"""
WITH waiting AS (
  SELECT queue_name AS queue, count(*) AS jobs, min(id) FILTER (WHERE scheduled_at IS NULL) AS first,
    min(scheduled_at) AS scheduled
  FROM procrastinate_jobs WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now()) GROUP BY 1)
SELECT q.queue, coalesce(w.jobs, 0), greatest(0, coalesce(extract(epoch FROM now() - least(w.scheduled,
  (SELECT e.at FROM procrastinate_events e WHERE e.job_id = w.first ORDER BY e.id LIMIT 1))), 0))
FROM (VALUES {_QUEUES}) AS q(queue) LEFT JOIN waiting w USING (queue)
"""
_RUNNING = f"""
WITH running AS (
  SELECT j.queue_name AS queue, count(*) AS jobs, min(s.at) AS since
  FROM procrastinate_jobs j LEFT JOIN LATERAL (
    SELECT max(e.at) AS at FROM procrastinate_events e WHERE e.job_id = j.id AND e.type = 'started') s ON true
  WHERE j.status = 'doing' GROUP BY 1)
SELECT q.queue, coalesce(r.jobs, 0), greatest(0, coalesce(extract(epoch FROM now() - r.since), 0))
FROM (VALUES {_QUEUES}) AS q(queue) LEFT JOIN running r USING (queue)
"""
_FAILED = f"""
SELECT q.queue, count(j.id) FROM (VALUES {_QUEUES}) AS q(queue)
LEFT JOIN procrastinate_jobs j ON j.queue_name = q.queue AND j.status = 'failed' GROUP BY 1
"""
_WORKERS = """
SELECT count(*) FILTER (WHERE last_heartbeat > now() - interval '60 seconds'),
  coalesce(extract(epoch FROM now() - max(last_heartbeat)), 'infinity') FROM procrastinate_workers
"""

MEASURES = [
    Measure(
        "jobs_waiting",
        ("queue",),
        (
            ("clustr_jobs_waiting", "Jobs that could run now and wait for a worker."),
            ("clustr_jobs_oldest_waiting_seconds", "How long the oldest of them has waited."),
        ),
        _BACKLOG,
    ),
    Measure(
        "jobs_running",
        ("queue",),
        (
            ("clustr_jobs_running", "Jobs that a worker has taken."),
            ("clustr_jobs_longest_running_seconds", "How long ago the first of them was taken."),
        ),
        _RUNNING,
    ),
    Measure(
        "jobs_failed",
        ("queue",),
        (("clustr_jobs_given_up", "Jobs that failed for good in the last 90 days; a person looks at each."),),
        _FAILED,
    ),
    Measure(
        "workers",
        (),
        (
            ("clustr_worker_lanes", "Lanes of workers whose heart has beaten in the last minute; a worker has two."),
            ("clustr_worker_heartbeat_age_seconds", "How long ago the last heart beat."),
        ),
        _WORKERS,
    ),
]
