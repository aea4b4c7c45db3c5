"""What must be listed: in the documentation settings, refusals, periodic jobs; for translators what refusals are called; each read
from the code that defines it."""

from __future__ import annotations

import json
import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import clustr
from clustr.environment import ROOT, Environment
from clustr.kit.errors import Refusal
from clustr.kit.invariants import all_invariants

_NOT_IMPORTED = ("clustr.wsgi", "clustr.settings")
_TITLES = re.compile(r"(    # generated: titles\n).*?(    # end\n)", re.DOTALL)
_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def load_everything() -> None:
    """Import every module, so that every refusal and job is registered."""
    for module in pkgutil.walk_packages(clustr.__path__, "clustr."):
        if not module.name.startswith(_NOT_IMPORTED) and ".migrations" not in module.name:
            import_module(module.name)


def settings_table() -> str:
    lines = ["| variable | default | what it is |", "| --- | --- | --- |"]
    for name, setting in Environment.model_fields.items():
        default = _default(setting.default)
        lines.append(f"| `{name}` | {default} | {_cell(setting.description or '')} |")
    return "\n".join(lines)


def refusals_table() -> str:
    kinds = Refusal.__subclasses__()
    lines = ["| code | kind | meaning |", "| --- | --- | --- |"]
    for code, refusal in sorted(Refusal.registry.items()):
        if not refusal.__module__.startswith("clustr."):
            continue
        kind = next(kind for kind in kinds if issubclass(refusal, kind))
        lines.append(f"| `{code}` | {kind.__name__} | {_cell(refusal.title())} |")
    return "\n".join(lines)


def refusal_titles() -> str:
    """The titles of refusals, each marked for translation as xgettext finds it."""
    titles = {each.title() for each in Refusal.registry.values() if each.__module__.startswith("clustr.")}
    return "".join(f"    _({json.dumps(title, ensure_ascii=False)}),\n" for title in sorted(titles))


def periodic_table() -> str:
    from procrastinate.contrib.django import app

    lines = ["| job | when (UTC) | what it does |", "| --- | --- | --- |"]
    found = {
        periodic.task.name: (periodic.cron, (periodic.task.func.__doc__ or "").strip().splitlines()[0])
        for periodic in app.periodic_registry.periodic_tasks.values()
    }
    lines += [f"| `{name}` | `{cron}` | {_cell(what)} |" for name, (cron, what) in sorted(found.items())]
    return "\n".join(lines)


def invariants_table() -> str:
    lines = ["| invariant | says |", "| --- | --- |"]
    lines += [f"| `{invariant.name}` | {_cell(invariant.says)} |" for invariant in all_invariants()]
    return "\n".join(lines)


TABLES = {
    "settings": settings_table,
    "refusals": refusals_table,
    "periodic": periodic_table,
    "invariants": invariants_table,
}
PAGES = (
    "docs/settings.md",
    "docs/errors.md",
    "docs/operating.md",
    "docs/ledger.md",
    "clustr/web/pages/refusal_words.py",
)


def filled(page: str) -> str:
    """The page's text with its generated tables as they should be now."""
    text = _BLOCK.sub(lambda block: block[1] + "\n" + TABLES[block[2]]() + "\n\n" + block[3], (ROOT / page).read_text())
    return _TITLES.sub(lambda block: block[1] + refusal_titles() + block[2], text)


def _default(value: Any) -> str:
    if isinstance(value, Path):
        value = value.relative_to(ROOT) if value.is_relative_to(ROOT) else value
    return f"`{value}`" if str(value) else "(none)"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
