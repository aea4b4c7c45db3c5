"""`bin/manage check_books`: examine every invariant; exit status 0 only if all hold, 1 if one does not, 2 if not known."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from clustr.kit import clock
from clustr.kit.invariants import BrokenInvariant, Violation, examine

NOT_KNOWN = 2


class Command(BaseCommand):
    help = "Examine every invariant of the stored data, in one snapshot."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--cluster", type=UUID, help="only this cluster's rows")
        parser.add_argument(
            "--recent", type=int, metavar="MINUTES", help="only what was touched in these minutes: quick at any size"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *, cluster: UUID | None = None, recent: int | None = None, json: bool = False, **_: Any) -> None:
        since = None if recent is None else clock.now() - timedelta(minutes=recent)
        try:
            if cluster and not _exists(cluster):
                raise CommandError(f"there is no cluster {cluster}", returncode=NOT_KNOWN)
            findings = list(examine(cluster_id=cluster, since=since))
        except (BrokenInvariant, DatabaseError) as error:
            raise CommandError(str(error), returncode=NOT_KNOWN) from error
        if not findings:
            raise CommandError("there is no invariant to examine", returncode=NOT_KNOWN)
        self.stdout.write(_as_json(findings) if json else _as_lines(findings))
        if any(found.rows for found in findings):
            raise SystemExit(1)


def _exists(cluster_id: UUID) -> bool:
    return bool(apps.get_model("clusters", "Cluster").objects.using("checker").filter(id=cluster_id).exists())


def _as_lines(findings: list[Violation]) -> str:
    width = max(len(found.invariant.name) for found in findings)
    lines = []
    for found in findings:
        verdict = "VIOLATED" if found.rows else "ok"
        lines.append(f"{found.invariant.name:{width}}  {verdict:8}  {found.invariant.says}")
        lines.extend(f"{'':{width}}  " + ", ".join(map(str, row)) for row in found.rows)
    violated = sum(bool(found.rows) for found in findings)
    lines.append(
        f"{len(findings) - violated} invariants hold, {violated} violated."
        if violated
        else f"{len(findings)} invariants hold."
    )
    return "\n".join(lines)


def _as_json(findings: list[Violation]) -> str:
    return json.dumps(
        {
            "holds": not any(found.rows for found in findings),
            "invariants": [
                {
                    "name": found.invariant.name,
                    "says": found.invariant.says,
                    "holds": not found.rows,
                    "rows": [[str(value) for value in row] for row in found.rows],
                }
                for found in findings
            ],
        }
    )
