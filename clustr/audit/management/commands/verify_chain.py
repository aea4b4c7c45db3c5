"""`bin/manage verify_chain`: the trail against its blocks and its anchors; exit status 0 only if nothing is wrong."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from clustr.audit.anchors import set_aside as move_aside
from clustr.audit.verifying import Finding, verify

NOT_KNOWN = 2


class Command(BaseCommand):
    help = "Verify the trail: every event, every block, and the signed anchors kept outside the database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--cluster", type=UUID, help="only this cluster's chain")
        parser.add_argument("--anchors", type=Path, metavar="FILE", help="other anchors than those of AUDIT_ANCHOR_DIR")
        parser.add_argument(
            "--until",
            type=datetime.fromisoformat,
            metavar="INSTANT",
            help="leave anchors made later aside: for a copy restored to this instant (2026-05-03T10:00:00+00:00)",
        )
        parser.add_argument(
            "--set-aside", action="store_true", help="with --until, and if nothing is wrong: move later anchors away"
        )

    def handle(
        self,
        *,
        cluster: UUID | None = None,
        anchors: Path | None = None,
        until: datetime | None = None,
        set_aside: bool = False,
        **_: Any,
    ) -> None:
        if until is not None and until.tzinfo is None:
            raise CommandError("--until needs its offset from UTC", returncode=NOT_KNOWN)
        if set_aside and (until is None or cluster or anchors):
            raise CommandError("--set-aside goes with --until alone", returncode=NOT_KNOWN)
        try:
            report = verify(cluster_id=cluster, file=anchors, until=until)
        except (DatabaseError, OSError) as error:
            raise CommandError(str(error), returncode=NOT_KNOWN) from error
        for finding in report.findings:
            self.stdout.write(_as_line(finding))
        self.stdout.write(
            f"{report.clusters} clusters: {report.blocks} blocks over {report.events} events, {report.unclosed} events not"
            f" yet in one, {report.anchors} anchors; {len(report.findings) or 'nothing'} wrong."
        )
        if report.findings:
            raise SystemExit(1)
        if set_aside and until is not None:
            moved = move_aside(until=until)
            self.stdout.write(f"Later anchors are in {moved}; keep it." if moved else "There are no later anchors.")


def _as_line(finding: Finding) -> str:
    where = "" if finding.cluster_id is None else f"cluster {finding.cluster_id}"
    where += "" if finding.seq is None else f", block {finding.seq}"
    return f"WRONG  {where + ': ' if where else ''}{finding.says}"
