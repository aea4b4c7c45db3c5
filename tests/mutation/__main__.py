"""bin/mutate: makes mutants of the rooms that move money, tries each with the tests that run it, and says who survived."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
KEPT = ROOT / ".clustr" / "mutate"
ROOMS = ("ledger", "wallets", "bills")
SHELVES = ("commands", "queries", "policies", "states", "types", "checks")
BESIDE = ("locks", "departures", "dispute_queries", "office_queries", "dashboard", "directory", "pin_hashing")
DETECTED = ("killed", "timeout")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/mutate", description=__doc__)
    parser.add_argument("modules", nargs="*", help="clustr/bills/policies.py, or sql, or sql:bills_pay; all, if none")
    parser.add_argument("--every", type=int, default=1, help="only every so-manieth mutant")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--patience", type=float, default=8, help="seconds of tests for one mutant")
    parser.add_argument("--again", action="store_true", help="try only those once more that survived")
    parser.add_argument("--afresh", action="store_true", help="forget all earlier results and the survey")
    parser.add_argument("--show", action="store_true", help="try nothing: show what is known")
    options = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    if options.afresh:
        for path in KEPT.glob("*.json*"):
            path.unlink()
    mutants = [*python_mutants(options), *sql_mutants(options)]
    if not options.show:
        try_all(mutants, options)
    return table(mutants)


def python_mutants(options: argparse.Namespace) -> list[dict[str, Any]]:
    wanted = [name for name in options.modules if not name.startswith("sql")]
    if options.modules and not wanted:
        return []
    modules = [str(Path(name).resolve().relative_to(ROOT)) for name in wanted] or [
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in sorted((ROOT / "clustr" / room).rglob("*.py"))
        if path.stem in SHELVES + BESIDE or (path.parent.name == "commands" and path.parent.parent.name == room)
    ]
    found: list[dict[str, Any]] = []
    for module in modules:
        digest = _digest(
            module, (ROOT / module).read_text(), *(path.read_text() for path in sorted(HERE.glob("*_*.py")))
        )
        kept = KEPT / f"made-{digest}-{options.every}.jsonl"
        if not kept.exists():
            made = subprocess.run(
                [os.environ["MUTMUT_PYTHON"], str(HERE / "python_mutants.py"), str(options.every), module],
                cwd=ROOT,
                check=True,
                capture_output=True,
                text=True,
            )
            kept.write_text(made.stdout)
        found += [json.loads(line) for line in kept.read_text().splitlines()]
    return _named(found)


def sql_mutants(options: argparse.Namespace) -> list[dict[str, Any]]:
    wanted = [name.partition(":")[2] for name in options.modules if name.startswith("sql")]
    if options.modules and not wanted:
        return []
    found = [mutant for mutant in all_sql_mutants() if int(mutant["id"].partition("-")[0], 16) % options.every == 0]
    return [m for m in found if not any(wanted) or m["function"].startswith(tuple(filter(None, wanted)))]


@cache
def all_sql_mutants() -> list[dict[str, Any]]:
    """Of every function, those that are not tried now too: what calls a function, refused or not, is seen in the others."""
    digest = _digest(*(path.read_text() for path in sorted((ROOT / "clustr").glob("*/migrations/0*.py"))))
    kept = KEPT / f"made-sql-{digest}-{_digest(*(path.read_text() for path in sorted(HERE.glob('*.py'))))}.json"
    if not kept.exists():
        import django

        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
        django.setup()
        from tests.databases import administrator, cloned_database
        from tests.mutation.catalogue import mutants

        with cloned_database(), administrator() as server:
            kept.write_text(json.dumps(list(mutants(server))))
    return _named(json.loads(kept.read_text()))


def _named(mutants: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each with an id that holds while its function and text hold, wherever it stands in its file."""
    seen: Counter[str] = Counter()
    for mutant in mutants:
        name = _digest(mutant["module"], mutant["function"], mutant["was"], mutant["now"])
        seen[name] += 1
        mutant["nth"] = str(seen[name])
        mutant["id"] = f"{name}-{mutant['nth']}"
    return list(mutants)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def try_all(mutants: list[dict[str, Any]], options: argparse.Namespace) -> None:
    from tests.mutation.choosing import Choice

    known = results()
    wanted = "survived" if options.again else "untried"
    left = [m for m in mutants if known.get(m["id"], {"status": "untried"})["status"] == wanted]
    if options.again:
        left = [m for m in left if not explanation(m, _explained())]
    if not left:
        return
    in_sql = all_sql_mutants() if any("apply" in mutant for mutant in left) else []
    choice = Choice(_survey(options.processes), options.patience, in_sql)
    for mutant in left:
        mutant["tests"] = choice.for_mutant(mutant)
        mutant["seconds"] = sum(choice.tests[test]["seconds"] for test in mutant["tests"])
    # The checks first, while nothing has spoiled the books; then as chance has it, the same every time.
    left.sort(key=lambda mutant: (not mutant["module"].endswith("checks.py"), mutant["id"]))
    print(f"Trying {len(left)} of {len(mutants)} mutants in {options.processes} processes.", flush=True)
    plan = KEPT / "plan.jsonl"
    plan.write_text("".join(json.dumps(mutant) + "\n" for mutant in left))
    _work("trial", options.processes, str(plan), "results")


def _survey(processes: int) -> dict[str, Any]:
    """What each test runs. Tests that are new are looked at when they are met, all where the code has changed."""
    code = _digest(*(path.read_text() for path in sorted((ROOT / "clustr").rglob("*.py"))))
    kept = KEPT / "survey.json"
    whole: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    if whole.get("code") != code:
        whole = {"code": code, "tests": {}, "lines": {}}
    known = KEPT / "known.txt"
    known.write_text("\n".join(whole["tests"]))
    print("Running the tests that are new, to see what each of them runs.", flush=True)
    for part in KEPT.glob("surveyed-*.jsonl"):
        part.unlink()
    _work("survey", processes, str(known), "surveyed")
    for part in KEPT.glob("surveyed-*.jsonl"):
        found = json.loads(part.read_text())
        whole["tests"] |= found["tests"]
        for module, lines in found["lines"].items():
            for line, tests in lines.items():
                whole["lines"].setdefault(module, {}).setdefault(line, []).extend(tests)
    kept.write_text(json.dumps(whole))
    return whole


def _work(what: str, processes: int, plan: str, out: str) -> None:
    command = [sys.executable, "-m", "tests.mutation.worker", what]
    running = []
    for lane in range(processes):
        with (KEPT / f"{what}-{lane}.log").open("w") as log:
            arguments = [str(lane), str(processes), plan, str(KEPT / f"{out}-{lane}.jsonl")]
            running.append(subprocess.Popen([*command, *arguments], cwd=ROOT, stdout=log, stderr=log))
    ends = [process.wait() for process in running]
    if any(ends):
        raise SystemExit(f"A process ended badly; see {KEPT.relative_to(ROOT)}/{what}-*.log")


def results() -> dict[str, dict[str, Any]]:
    """The last result of each mutant."""
    known: dict[str, dict[str, Any]] = {}
    for path in KEPT.glob("results-*.jsonl"):
        for line in path.read_text().splitlines():
            result = json.loads(line)
            if known.get(result["id"], {}).get("status") not in DETECTED:
                known[result["id"]] = result
    return known


def _explained() -> list[dict[str, str]]:
    return list(tomllib.loads((HERE / "explained.toml").read_text())["explained"])


def explanation(mutant: dict[str, Any], explained: list[dict[str, str]]) -> str:
    """Why this mutant changes nothing that matters, if `explained.toml` says so."""
    for entry in explained:
        if re.fullmatch(entry.get("module", ".*"), mutant["module"]) and all(
            re.search(entry[part], mutant[part]) for part in ("function", "was", "now", "what", "nth") if part in entry
        ):
            return entry["because"]
    return ""


def table(mutants: list[dict[str, Any]]) -> int:
    explained = _explained()
    known = results()
    counts: dict[str, Counter[str]] = {}
    survivors = []
    for mutant in mutants:
        status = known.get(mutant["id"], {}).get("status", "untried")
        if status == "survived":
            status = "explained" if explanation(mutant, explained) else "survived"
        if status == "survived":
            survivors.append((mutant, known[mutant["id"]]))
        for module in (mutant["module"], "all"):
            counts.setdefault(module, Counter())[status] += 1
    for mutant, result in sorted(survivors, key=lambda pair: (pair[0]["module"], pair[0]["function"])):
        where = f"{mutant['module']}:{mutant['lines'][0]}" if "lines" in mutant else mutant["module"]
        tests = f"{result['tests']} tests" if result["tests"] else "NO TEST"
        print(f"{where} {mutant['function']} ({tests})\n  - {mutant['was']}\n  + {mutant['now']}")
    print(
        f"\n{'module':44}{'mutants':>8}{'killed':>8}{'timeout':>8}{'survived':>9}{'explained':>10}{'untried':>8}  score"
    )
    for module, count in sorted(counts.items(), key=lambda pair: (pair[0] == "all", pair[0])):
        detected = sum(count[status] for status in DETECTED)
        judged = detected + count["survived"]
        score = f"{100 * detected / judged:5.1f} %" if judged else "      -"
        total = judged + count["explained"] + count["untried"]
        print(
            f"{module:44}{total:8}{count['killed']:8}{count['timeout']:8}{count['survived']:9}"
            f"{count['explained']:10}{count['untried']:8} {score}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
