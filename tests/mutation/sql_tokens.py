"""Small wrong versions of a piece of SQL, token by token: what a slip of the pen could have written."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"(?P<space>\s+|--[^\n]*)|(?P<text>'(?:[^']|'')*'|\$\w*\$)|(?P<hole>%\(\w+\)s|%s|%%)|(?P<word>[A-Za-z_][\w.$]*)"
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<sign><=|>=|<>|!=|:=|::|=>|\|\||->>?|@>|[-+*/<>=();,\[\]{}.:%|&!~^?#])"
)
_SWAPS = dict(
    pair.split(" ")
    for pair in (
        *("< <=", "<= <", "> >=", ">= >", "= <>", "<> =", "+ -", "- +", "0 1", "1 0", "TRUE false", "FALSE true"),
        *("AND OR", "OR AND", "GREATEST least", "LEAST greatest", "MAX min", "MIN max"),
    )
)
_CLAUSE_ENDS = {"GROUP", "ORDER", "LIMIT", "RETURNING", "FOR", "ON", "UNION", "THEN", "LOOP", "WINDOW", "HAVING", "END"}
_MEANINGLESS = {"BY", "LIMIT", "PERFORM", "SELECT"}  # before a number
_LOCK = re.compile(r"\bFOR (NO KEY UPDATE|UPDATE|SHARE|KEY SHARE)\b")
_CONFLICT = re.compile(r"\bON CONFLICT\b[^;]*?\bDO NOTHING\b")
_REFUSE = re.compile(r"\bPERFORM kit_refuse\((?:[^()]|\([^()]*\))*\)(?=\s*;)")
_SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|WHERE|JOIN|coalesce|CASE WHEN|FROM)\b")


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    end: int
    depth: int

    @property
    def word(self) -> str:
        return self.text.upper()


@dataclass(frozen=True)
class Change:
    """Replace `source[start:end]` by `now`."""

    start: int
    end: int
    now: str
    what: str

    def apply(self, source: str) -> str:
        return source[: self.start] + self.now + source[self.end :]


def looks_like_sql(text: str) -> bool:
    return bool(_SQL.search(text))


def tokens(source: str) -> list[Token]:
    """Everything but space and comments. Brackets carry the depth outside them."""
    found, depth, at = [], 0, 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            at += 1
            continue
        kind, text = str(match.lastgroup), match.group()
        at = match.end()
        if text == ")":
            depth -= 1
        if kind != "space":
            found.append(Token(kind, text, match.start(), match.end(), depth))
        if text == "(":
            depth += 1
    return found


def changes(source: str, *, whole: bool = True) -> Iterator[Change]:
    """Every change of this SQL, in order of place. `whole` False: the text goes on after its end."""
    read = tokens(source)
    yield from _swaps(read)
    yield from _conjuncts(source, read, whole)
    for pattern, now, what in ((_LOCK, "", "lock"), (_CONFLICT, "", "conflict"), (_REFUSE, "NULL", "refusal")):
        for match in pattern.finditer(source):
            yield Change(match.start(), match.end(), now, f"remove {what}")


def _swaps(read: list[Token]) -> Iterator[Change]:
    between: list[int] = []
    for place, token in enumerate(read):
        before = read[place - 1].word if place else ""
        after = read[place + 1].word if place + 1 < len(read) else ""
        if token.word == "BETWEEN":
            between.append(token.depth)
        elif token.word == "AND" and between and between[-1] == token.depth:
            between.pop()
        elif token.word == "NOT" and after != "MATERIALIZED":
            yield Change(token.start, token.end, "", "remove NOT")
        elif token.word in {"MAX", "MIN", "GREATEST", "LEAST"} and after != "(":
            continue
        elif token.word in _SWAPS and token.kind != "text" and not (token.text in "01" and before in _MEANINGLESS):
            yield Change(token.start, token.end, _SWAPS[token.word], f"{token.text} becomes {_SWAPS[token.word]}")


def _conjuncts(source: str, read: list[Token], whole: bool) -> Iterator[Change]:
    for place, token in enumerate(read):
        if token.word not in {"WHERE", "ON"} or (token.word == "ON" and read[place + 1].word == "CONFLICT"):
            continue
        parts, between, mixed, ended = [[]], False, False, False
        for other in read[place + 1 :]:
            if other.depth < token.depth or (
                other.depth == token.depth
                and (other.word in _CLAUSE_ENDS | {"WHERE", "JOIN", "LEFT", "CROSS"} or other.text == ";")
            ):
                ended = True
                break
            level = other.depth == token.depth
            between = between or (level and other.word == "BETWEEN")
            mixed = mixed or (level and other.word == "OR")
            if level and other.word == "AND" and not between:
                parts.append([])
                continue
            if level and other.word == "AND":
                between = False
            parts[-1].append(other)
        if mixed:
            continue
        for part in parts if ended or whole else parts[:-1]:
            if part and part[0].word != "TRUE":
                start, end = part[0].start, part[-1].end
                yield Change(start, end, "true", f"remove condition {' '.join(source[start:end].split())}")


def difference(right: str, wrong: str) -> tuple[tuple[int, int], str, str]:
    """The first and last line (from 1) that differ in the right text, and what stands there in each, on one line."""
    was, now = right.splitlines(), wrong.splitlines()
    edits = [
        edit for edit in difflib.SequenceMatcher(None, was, now, autojunk=False).get_opcodes() if edit[0] != "equal"
    ]
    first, last = edits[0], edits[-1]
    lines = (first[1] + 1, max(last[2], first[1] + 1))
    return lines, _one_line(was[first[1] : last[2]]), _one_line(now[first[3] : last[4]])


def _one_line(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())
