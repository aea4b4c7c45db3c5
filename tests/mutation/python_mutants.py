"""Wrong versions of Python modules, by mutmut's operators and a few of our own. Runs in mutmut's environment, knows no
Django: `python python_mutants.py EVERY FILE...` writes a JSON line for each mutant, or for every so-manieth."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import libcst as cst
from mutmut.mutation.mutators import mutation_operators, operator_arg_removal, operator_assignment, operator_string
from sql_tokens import changes, difference, looks_like_sql

_ORDINARY = [
    (kind, operator)
    for kind, operator in mutation_operators
    # A missing keyword is a TypeError, a variable that is None mostly an AttributeError: no news. None as an argument or
    # in a field is kept, below.
    if operator not in {operator_arg_removal, operator_assignment, operator_string}
]


class Collector(cst.CSTVisitor):
    """Finds every node to change, and the top-level function or method that holds it ("" in the module itself)."""

    def __init__(self, module: cst.Module) -> None:
        self.module = module
        self.found: list[tuple[str, cst.CSTNode, cst.CSTNode, str]] = []
        self._names: list[str] = []
        self._functions = 0

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation | cst.Decorator | cst.Parameters | cst.ImportFrom | cst.Import | cst.Raise):
            if isinstance(node, cst.Raise) and self._functions:
                self._add(node, cst.Pass())
            return False
        if isinstance(node, cst.Expr) and isinstance(node.value, cst.SimpleString | cst.ConcatenatedString):
            return False  # a docstring
        if isinstance(node, cst.ClassDef | cst.FunctionDef):
            self._names.append(node.name.value)
            self._functions += isinstance(node, cst.FunctionDef)
            return True
        if isinstance(node, cst.DictElement):
            node.value.visit(self)  # a wrong key of a parameter is an error of the query: no news
            return False
        if self._functions or not self._names:
            for mutated in self._mutate(node):
                self._add(node, mutated)
            for mutated, what in self._sql(node):
                self._add(node, mutated, what)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.ClassDef | cst.FunctionDef):
            self._names.pop()
            self._functions -= isinstance(original_node, cst.FunctionDef)

    def _add(self, node: cst.CSTNode, mutated: cst.CSTNode, what: str = "") -> None:
        self.found.append((".".join(self._names) if self._functions else "", node, mutated, what))

    def _mutate(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        if isinstance(node, cst.Expr) and isinstance(node.value, cst.Call):
            yield node.with_changes(value=cst.Name("None"))  # the call is forgotten
        if isinstance(node, cst.Call):
            for at, arg in enumerate(node.args):
                if not arg.star and not (isinstance(arg.value, cst.Name) and arg.value.value == "None"):
                    yield node.with_changes(
                        args=[*node.args[:at], arg.with_changes(value=cst.Name("None")), *node.args[at + 1 :]]
                    )
        if isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Attribute):
            yield from operator_assignment(node)
        if isinstance(node, cst.SimpleString):
            yield from self._strings(node)
        for kind, operator in _ORDINARY:
            if isinstance(node, kind):
                yield from operator(node)

    def _strings(self, node: cst.SimpleString) -> Iterator[cst.CSTNode]:
        inner = node.value[len(node.prefix + node.quote) : -len(node.quote)]
        if self._functions and len(node.quote) == 1 and not looks_like_sql(inner):
            yield node.with_changes(value=f"{node.prefix}{node.quote}XX{inner}XX{node.quote}")

    def _sql(self, node: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, str]]:
        if not isinstance(node, cst.SimpleString | cst.FormattedStringText) or not looks_like_sql(node.value):
            return
        quotes = len(node.quote) if isinstance(node, cst.SimpleString) else 0
        opening = len(node.prefix) + quotes if isinstance(node, cst.SimpleString) else 0
        inner = node.value[opening : len(node.value) - quotes]
        for change in changes(inner, whole=quotes == 3):
            wrong = node.value[:opening] + change.apply(inner) + node.value[len(node.value) - quotes :]
            yield node.with_changes(value=wrong), change.what


def mutants_of(path: str, every: int) -> Iterator[dict[str, object]]:
    module = cst.parse_module(Path(path).read_text())
    collector = Collector(module)
    module.visit(collector)
    seen: set[str] = set()
    for function, node, mutated, what in collector.found:
        text = f"{function}\n{module.code_for_node(node)}\n{module.code_for_node(mutated)}"
        if int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % every:
            continue
        code = module.deep_replace(node, mutated).code
        try:
            compile(code, path, "exec")
        except SyntaxError:
            continue
        if code in seen or code == module.code:
            continue
        seen.add(code)
        lines, was, now = difference(module.code, code)
        yield {"module": path, "function": function, "lines": lines, "was": was, "now": now, "what": what, "code": code}


if __name__ == "__main__":
    for name in sys.argv[2:]:
        for mutant in mutants_of(name, int(sys.argv[1])):
            sys.stdout.write(json.dumps(mutant) + "\n")
