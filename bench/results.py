"""What was measured, and how it is shown: one table on the screen, the same one in RESULTS.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.machine import Machine

_HEADS = ("section", "what", "measured", "bar", "met")


@dataclass(frozen=True, slots=True)
class Line:
    """One figure. `met` is None where there is no bar: the figure stands beside others for comparison."""

    what: str
    measured: str
    bar: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What a section measured and when, how long it took; how busy the machine was when it began, and how slow
    (`pace`; None where that was not kept)."""

    section: str
    lines: Sequence[Line]
    seconds: float
    load: float
    at: str
    pace: float | None = None

    def keep(self, folder: Path) -> None:
        """Keep it until it is measured again."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.section}.json").write_text(json.dumps(asdict(self)))

    @classmethod
    def kept(cls, section: str, folder: Path) -> Measured | None:
        """What was measured of a section last; None if it never was."""
        path = folder / f"{section}.json"
        if not path.exists():
            return None
        told = json.loads(path.read_text())
        return cls(**told | {"lines": [Line(**line) for line in told["lines"]]})


@dataclass(slots=True)
class Report:
    """Everything of one run."""

    command: str
    machine: Machine
    at: str
    sections: list[Measured] = field(default_factory=list)

    @property
    def missed(self) -> list[tuple[str, Line]]:
        return [(measured.section, line) for measured in self.sections for line in measured.lines if line.met is False]

    def as_text(self) -> str:
        """For the screen: columns of equal width."""
        rows = [_HEADS, *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([self._about(), "", *lines, "", self._verdict()])

    def as_markdown(self) -> str:
        rows = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in self._rows()]
        return "\n".join(
            [
                "# Results of `bin/bench`",
                "",
                "Each section as it was measured at the time that its last line says, alone or in a whole run, on the same machine."
                " What each line means, and how it is measured: [performance.md](../docs/performance.md).",
                "",
                self._about(),
                "",
                "| " + " | ".join(_HEADS) + " |",
                "| " + " | ".join("---" for _ in _HEADS) + " |",
                *rows,
                "",
                self._verdict(),
                "",
            ]
        )

    def write(self, path: Path) -> None:
        path.write_text(self.as_markdown())

    def _rows(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = []
        for measured in self.sections:
            rows.extend(
                (measured.section, line.what, line.measured, line.bar, _said(line.met)) for line in measured.lines
            )
            took = f"{measured.seconds:.0f} s, measured at {measured.at}, load {measured.load:.1f} when it began"
            if measured.pace is not None:
                took += f", a million additions in {measured.pace:.0f} ms"
            rows.append((measured.section, "the section took", took, "< 180 s", _said(measured.seconds < 180)))
        return rows

    def _about(self) -> str:
        return f"`{self.command}` at {self.at}. {self.machine}"

    def _verdict(self) -> str:
        if not self.missed:
            return "Every bar is met."
        return (
            "Not met: " + "; ".join(f"{section}: {line.what} ({line.measured})" for section, line in self.missed) + "."
        )


def at_least(what: str, ratio: float, bar: float, detail: str = "") -> Line:
    """A ratio that must not be lower than its bar."""
    return Line(what, f"{ratio:.2f}{detail and f' ({detail})'}", f">= {bar:g}", ratio >= bar)


def at_most(what: str, value: float, bar: float, unit: str = "", detail: str = "") -> Line:
    """A figure that must not be higher than its bar."""
    return Line(what, f"{value:.2f}{unit}{detail and f' ({detail})'}", f"<= {bar:g}{unit}", value <= bar)


def _said(met: bool | None) -> str:
    return "" if met is None else "yes" if met else "NO"
