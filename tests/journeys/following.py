"""The transcripts of README.md and of the guides, followed literally in a fresh demonstration each: `python -m
tests.journeys.following [PAGE ...]`. What is new each time (ids, instants, references, ports) may differ, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.journeys.demonstration import ROOT, Demonstration, demonstration

PAGES = ("README.md", "docs/resident-guide.md", "docs/admin-guide.md")
MEMBERS = 5_000
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
_MARK = "--- step "
_NEW = (
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)"), "INSTANT"),
    (re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b"), "REFERENCE"),
    (re.compile(r"\bBILL-\d{4}-[0-9A-Z]+"), "NUMBER"),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
    (re.compile(r"(?<=/checkout/paystack/)[0-9a-z]+"), "TOKEN"),
    (re.compile(r"\bwhsec_\S+"), "SECRET"),
)
_OUTSIDE = ("bin/setup", "bin/run", "git clone", "cd ")
"""What a transcript begins with, done by the demonstration itself."""


@dataclass
class Step:
    """One command as it stands, and what the page says it answers."""

    command: str
    expected: str
    answered: str = ""

    @property
    def differs(self) -> bool:
        return _settled(self.expected) != _settled(self.answered)


def steps_of(page: str) -> list[Step]:
    """The commands of a page's transcripts, in order; a line that goes on is indented."""
    found: list[Step] = []
    for block in _BLOCK.findall((ROOT / page).read_text()):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Step(line[2:], ""))
            elif found and not found[-1].expected and line.startswith("    "):
                found[-1].command += "\n" + line
            elif found:
                found[-1].expected += line + "\n"
    return [step for step in found if not step.command.startswith(_OUTSIDE)]


def follow(page: str, demo: Demonstration) -> list[Step]:
    """Every step of a page, in one shell, with what it answered."""
    steps = steps_of(page)
    script = "\n".join(f"echo '{_MARK}{number}'\n{step.command}" for number, step in enumerate(steps))
    environ = demo.environ | {"URL": demo.url}
    ran = subprocess.run(
        ["/usr/bin/env", "bash"], input=script, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300
    )
    for part in ran.stdout.split(_MARK)[1:]:
        number, _, answered = part.partition("\n")
        steps[int(number)].answered = answered
    if ran.stderr:
        sys.stderr.write(ran.stderr[-2_000:])
    return steps


def _settled(text: str) -> str:
    for pattern, word in _NEW:
        text = pattern.sub(word, text)
    return text.strip()


def main(pages: list[str]) -> int:
    """Exit status: 0 if every step answers what its page says."""
    wrong = 0
    for page in pages or PAGES:
        with demonstration(members=MEMBERS, keep_log=Path("/dev/null")) as demo:
            steps = follow(page, demo)
        different = [step for step in steps if step.differs]
        wrong += len(different)
        sys.stdout.write(f"{page}: {len(steps)} steps, {len(different)} different\n")
        for step in different:
            sys.stdout.write(f"\n$ {step.command}\n  says:     {step.expected!r}\n  answered: {step.answered!r}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
