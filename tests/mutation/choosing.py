"""Which tests are run for a mutant: those that were seen to run its lines, its SQL function or its table."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent


class Choice:
    """Made from the survey; `patience` is how many seconds of tests a mutant is given, as they took in the survey."""

    def __init__(self, survey: dict[str, Any], patience: float, mutants: list[dict[str, Any]]) -> None:
        self.tests: dict[str, dict[str, Any]] = {name: test for name, test in survey["tests"].items() if test["passed"]}
        self.lines: dict[str, dict[str, list[str]]] = survey["lines"]
        self.patience = patience
        self.definitions = {m["function"]: m["undo"][0] for m in mutants if "undo" in m and not m["table"]}
        self._texts = {name: (ROOT / name).read_text() for name in {test.split("::")[0] for test in self.tests}}
        self._sources = {name: (ROOT / name).read_text().splitlines() for name in self.lines}

    def for_mutant(self, mutant: dict[str, Any]) -> list[str]:
        room = mutant["module"].split("/")[1]
        if "apply" in mutant:
            tests: Iterable[str] = self._of_sql(mutant, room)
        elif mutant["module"].endswith("checks.py"):
            # Only the tests of the books break them on purpose; elsewhere a check that is blind to something passes.
            tests = [test for test in self.tests if test.startswith("tests/house/test_books")]
        elif mutant["function"]:
            tests = self._of_lines(mutant["module"], *mutant["lines"])
        else:
            tests = self._of_constant(mutant["module"], mutant["lines"][0])
        walls = "walls" if mutant.get("table") else ""
        about = _words(f"{mutant['function']} {mutant['module']} {walls}")
        return self._short(tests, room, about - _words(f"{room} clustr commands sql migrations check"))

    def _short(self, tests: Iterable[str], room: str, about: set[str]) -> list[str]:
        """The room's own first, those in a file or of a name about the same thing before others, the quick before the
        slow; as many as patience allows, at least one."""

        def rank(test: str) -> tuple[bool, int, float]:
            return not test.startswith(f"tests/{room}/"), -len(_words(test) & about), self.tests[test]["seconds"]

        chosen, seconds = [], 0.0
        for test in sorted({test for test in tests if test in self.tests}, key=rank):
            if not chosen or seconds + self.tests[test]["seconds"] <= self.patience:
                chosen.append(test)
                seconds += self.tests[test]["seconds"]
        return chosen

    def _of_sql(self, mutant: dict[str, Any], room: str) -> set[str]:
        name = mutant["function"].split(".")[0]
        if not mutant["table"]:
            return self._askers(name) or {test for test in self.tests if test.startswith(f"tests/{room}/")}
        texts = (mutant["function"].split(".")[-1], mutant["table"], "walls")
        named = {test for test in self.tests if any(text in self._texts[test.split("::")[0]] for text in texts)}
        return named | self._seen_in_sql(mutant["table"])

    def _seen_in_sql(self, name: str) -> set[str]:
        return {test for test, seen in self.tests.items() if name in seen["sql"]}

    @cache  # noqa: B019
    def _askers(self, name: str) -> set[str]:
        return self._of_function(name, set())

    def _of_function(self, name: str, asked: set[str]) -> set[str]:
        """Those seen to call it, and those who ask for it: the server does not count a call that ended in a refusal, nor a
        view or a function that the planner dissolves."""
        if name in asked:
            return set()
        asked.add(name)
        word = re.compile(rf"\b{name}\b")
        found = self._seen_in_sql(name) | self._mentioning(name)
        for caller, text in self.definitions.items():
            if word.search(text):
                found |= self._of_function(caller, asked)
        return found

    @cache  # noqa: B019 - there is one choice in a run
    def _mentioning(self, name: str) -> set[str]:
        word = re.compile(rf"\b{name}\b")
        found = {test for test in self.tests if word.search(self._texts[test.split("::")[0]])}
        for module, source in self._sources.items():
            for at, text in enumerate(source, 1):
                if word.search(text):
                    found |= self._of_lines(module, at, at) or self._of_constant(module, at)
        return found

    def _of_lines(self, module: str, first: int, last: int) -> set[str]:
        seen = self.lines.get(module, {})
        found = {test for line in range(first, last + 1) for test in seen.get(str(line), [])}
        if found:
            return found
        first, last = _statement(self._sources[module], first, last) if module in self._sources else (first, last)
        return {test for line in range(first, last + 1) for test in seen.get(str(line), [])}

    @cache  # noqa: B019
    def _of_constant(self, module: str, line: int) -> set[str]:
        tree = ast.parse((ROOT / module).read_text())
        made = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
        names = {
            name.id
            for node in made
            if node.lineno <= line <= (node.end_lineno or line)
            for name in ast.walk(node)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        for node in made:  # what is made of it
            inside = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
            names |= inside if inside & names and node.lineno > line else set()
        if not names:
            return set()
        word = re.compile(rf"\b({'|'.join(names)})\b")
        found: set[str] = set()
        for name, source in self._sources.items():
            for at, text in enumerate(source, 1):
                if word.search(text):
                    found |= self._of_lines(name, at, at)
        return found


@cache
def _words(text: str) -> frozenset[str]:
    """By their first letters: what is about `paying` is tested in `test_pay_bill`."""
    return frozenset(word[:3] for word in re.findall("[a-z]{3,}", text.lower()))


@cache
def _statements(source: str) -> list[ast.stmt]:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)]


def _statement(source: list[str], first: int, last: int) -> tuple[int, int]:
    """The lines of the smallest statement around these; of one with a body, its head."""
    best = (first, last)
    size = len(source) + 1
    for node in _statements("\n".join(source)):
        if node.lineno <= first and (node.end_lineno or 0) >= last:
            body = getattr(node, "body", None)
            start, end = node.lineno, (body[0].lineno - 1 if body else node.end_lineno or last)
            if start <= first <= end and end - start < size:
                best, size = (start, end), end - start
    return best
