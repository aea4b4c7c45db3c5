"""Reads PromQL as far as our dashboards and alerts use it: what they ask of which series, and whether it is PromQL at all."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<duration>\d+(?:ms|[smhdwy])(?![A-Za-z_]))
    | (?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<name>[A-Za-z_:][A-Za-z0-9_:]*)
    | (?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^><={}()\[\],:])
    )""",
    re.VERBOSE,
)
AGGREGATIONS = {"sum", "min", "max", "avg", "count", "topk", "bottomk", "quantile"}
FUNCTIONS = {"rate", "increase", "absent", "histogram_quantile", "clamp_min", "time", "vector"}
RANGED = {"rate", "increase"}
BINARY = [{"or"}, {"and", "unless"}, {"==", "!=", ">", "<", ">=", "<="}, {"+", "-"}, {"*", "/", "%"}]
"""Weakest first."""


class NotPromQL(ValueError):
    """Prometheus would not take this."""


@dataclass
class Asked:
    """What an expression asks: its series with their matchers, and the labels it groups by."""

    series: list[tuple[str, list[tuple[str, str, str]]]] = field(default_factory=list)
    grouped_by: list[str] = field(default_factory=list)


def read(text: str) -> Asked:
    """Refuses `NotPromQL`."""
    reader = _Reader(text)
    reader.expression(0)
    if reader.at < len(reader.tokens):
        raise NotPromQL(f"{reader.tokens[reader.at][1]!r} is too much in {text}")
    return reader.asked


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.asked, self.at = text, Asked(), 0
        self.tokens: list[tuple[str, str]] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None or found.lastgroup is None:
                raise NotPromQL(f"not understood from {text[position:]!r}")
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()

    def next(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str, kind: str = "") -> str:
        if self.at >= len(self.tokens):
            raise NotPromQL(f"{self.text} ends too early")
        found, text = self.tokens[self.at]
        if (wanted and text not in wanted) or (kind and found != kind):
            raise NotPromQL(f"{text!r} where {wanted or kind} is due in {self.text}")
        self.at += 1
        return text

    def expression(self, strength: int) -> str:
        """Answers what it is: an `instant` vector, a `range` of one, or a `scalar`."""
        if strength == len(BINARY):
            return self.operand()
        kind = self.expression(strength + 1)
        while self.next() in BINARY[strength]:
            self.take()
            other = self.expression(strength + 1)
            if "range" in (kind, other):
                raise NotPromQL(f"a range cannot be reckoned with in {self.text}")
            kind = "instant" if "instant" in (kind, other) else "scalar"
        return kind

    def operand(self) -> str:
        kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        if kind == "number":
            self.take()
            return "scalar"
        if text == "(":
            self.take()
            inner = self.expression(0)
            self.take(")")
            return inner
        name = self.take(kind="name")
        if name in AGGREGATIONS:
            return self.aggregation(name)
        if self.next() == "(":
            return self.call(name)
        return self.selector(name)

    def aggregation(self, name: str) -> str:
        if self.next() in ("by", "without"):
            self.take()
            self.asked.grouped_by += self.labels()
        self.take("(")
        if name in ("topk", "bottomk", "quantile"):
            self.expression(0)
            self.take(",")
        if self.expression(0) != "instant":
            raise NotPromQL(f"{name} takes an instant vector in {self.text}")
        self.take(")")
        return "instant"

    def call(self, name: str) -> str:
        if name not in FUNCTIONS:
            raise NotPromQL(f"{name} is no function")
        self.take("(")
        kinds = []
        while self.next() != ")":
            kinds.append(self.expression(0))
            if self.next() == ",":
                self.take()
        self.take(")")
        if ("range" in kinds) != (name in RANGED):
            raise NotPromQL(f"{name} of {kinds} in {self.text}")
        return "scalar" if name == "time" else "instant"

    def selector(self, name: str) -> str:
        matchers: list[tuple[str, str, str]] = []
        if self.next() == "{":
            self.take()
            while self.next() != "}":
                label = self.take(kind="name")
                how = self.take("=", "!=", "=~", "!~")
                matchers.append((label, how, self.take(kind="string")[1:-1]))
                if self.next() == ",":
                    self.take()
            self.take("}")
        self.asked.series.append((name, matchers))
        if self.next() != "[":
            return "instant"
        self.take("[")
        self.take(kind="duration")
        self.take("]")
        return "range"

    def labels(self) -> list[str]:
        found = []
        self.take("(")
        while self.next() != ")":
            found.append(self.take(kind="name"))
            if self.next() == ",":
                self.take()
        self.take(")")
        return found
