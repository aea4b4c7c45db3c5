"""docs/ledger.md names every account, posting and invariant."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

from clustr.kit.invariants import all_invariants
from clustr.ledger.types import GUARDED, OPEN, AccountKind, TransferKind

PAGE = (settings.PROJECT_ROOT / "docs/ledger.md").read_text()


def rows(title: str) -> dict[str, str]:
    """The table of a section: each row by what stands in its first cell."""
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (text,) = [part for part in section if part.startswith(f"{title}\n")]
    return dict(re.findall(r"^\| `([^`]+)` \|(.*)$", text, re.MULTILINE))


def test_every_kind_of_account_is_described_as_it_is() -> None:
    described = rows("Accounts")
    assert set(described) == set(AccountKind)
    for kind in AccountKind:
        sort = "guarded" if kind in GUARDED else "open" if kind in OPEN else "growing"
        assert f"| {sort} |" in described[kind], kind


def test_every_posting_is_described() -> None:
    described = rows("Postings")
    assert set(described) == set(TransferKind)
    assert all(cells.count("|") == 4 for cells in described.values())


def test_every_invariant_is_listed() -> None:
    assert list(rows("Invariants")) == [invariant.name for invariant in all_invariants()]


@pytest.mark.parametrize("command", ["bin/manage check_books", "bin/manage after_restore"])
def test_the_commands_are_named(command: str) -> None:
    assert command in PAGE
