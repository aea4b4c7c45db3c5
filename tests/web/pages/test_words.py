"""Every word of a page can be translated, and every act of the trail has words."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone

from clustr.kit import inventory
from clustr.kit.errors import Refusal
from clustr.kit.sentences import KEYWORDS
from clustr.payments.states import CaseKind
from clustr.web.pages.office.case_words import CASE, facts_of
from clustr.web.pages.office.trail_words import ACTION
from clustr.web.pages.refusal_words import TITLES

ROOT = Path(__file__).resolve().parents[3] / "clustr"
TEMPLATES = sorted(
    path
    for path in ROOT.rglob("templates/**/*")
    if path.suffix in (".html", ".txt") and path.name != "field_state.html"
)
"""Those of pages, notices and mails; what is left out holds attributes alone."""
SAME_EVERYWHERE = {"ClustR", "HTTP", "CSV", "SHA", "IBAN", "NGN"}
"""Names, which stay as they are in every language."""
_MARKED = re.compile(
    r"{% comment %}.*?{% endcomment %}|{% block (?:main|body)_class %}.*?{% endblock %}|{% blocktranslate.*?{% endblocktranslate %}|{%.*?%}|{{.*?}}|{#.*?#}"
    r"|<(style|script|pre|code)\b.*?</\1>|<!--.*?-->",
    re.DOTALL,
)
_ATTRIBUTES = re.compile(r'\b(?:alt|title|placeholder|aria-label|data-done)="([^"]*)"')
_WORD = re.compile(r"[A-Za-z]{2,}")
_SENTENCE = re.compile(r"[A-Z][a-z']+( [a-z']+)+[.?!]?|[A-Z][a-z]+ [a-z]+.*[.?!]")
_MARKS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext"}


def unmarked(text: str) -> list[str]:
    """The words of a template that stand outside every mark for translation."""
    bare = _MARKED.sub(" ", text)
    shown = [re.sub(r"<[^>]*>|&[a-z]+;", " ", bare), *_ATTRIBUTES.findall(bare)]
    return [word for part in shown for word in _WORD.findall(part) if word not in SAME_EVERYWHERE]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_holds_no_unmarked_text(template: Path) -> None:
    assert unmarked(template.read_text()) == []


def test_unmarked_text_is_seen() -> None:
    assert unmarked('<p>{% translate "Pay" %} now</p><img alt="A house">{{ total }}') == ["now", "house"]


def test_a_catalogue_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What translators get: the words of a page, of a notice, of a mail, and of what Python says."""
    if shutil.which("xgettext") is None:
        pytest.skip("no gettext here: apt install gettext")
    monkeypatch.chdir(ROOT)
    with override_settings(LOCALE_PATHS=[tmp_path]):
        call_command("makemessages", locale=["yo"], verbosity=0)
    (made,) = tmp_path.rglob("*.po")
    catalogue = made.read_text()
    for words in (
        "Remind who has not paid",
        "Reminder: %(bill)s is due",
        "Invoice %(number)s is overdue",
        "An automation buys soon",
        "Choose a country",
        *("There is no such bill, or it is not yours.", "This needs the permission {permission}."),
        *("The amount must be more than zero.", "At most {longest} characters.", "This cluster bills in {currency}."),
        *("The text holds nothing that can be seen.", "The bank declined the payment."),
        *("Receipt of a bill payment", "Page {page} of {pages}", "Nigeria"),
    ):
        assert f'msgid "{words}"' in catalogue


def sentences(tree: ast.AST) -> Iterator[str]:
    """What reads like a sentence and is neither marked nor said to developers."""
    silent = {
        id(each)
        for node in ast.walk(tree)
        for each in (
            [node.body[0].value]  # a docstring
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and isinstance(node.body[0], ast.Expr)
            else [node.value]  # a note below a name
            if isinstance(node, ast.Expr)
            else [*node.args, *(keyword.value for keyword in node.keywords)]
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (_MARKS | {"Field"})
            else []
        )
    }
    for node in ast.walk(tree):
        said = node.value if isinstance(node, ast.Constant) and id(node) not in silent else None
        if isinstance(said, str) and _SENTENCE.fullmatch(said):
            yield said


def test_python_says_nothing_unmarked() -> None:
    found = [
        (path.name, said)
        for path in (ROOT / "web" / "pages").rglob("*.py")
        for said in sentences(ast.parse(path.read_text()))
    ]
    assert found == []


def composed(tree: ast.AST, places: Mapping[str, int]) -> Iterator[str]:
    """What is given where a sentence stands, and is no constant: nobody could look it up."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
            place = places.get(name, len(node.args))
            said = node.args[place] if place < len(node.args) else None
            if isinstance(said, (ast.JoinedStr, ast.BinOp, ast.IfExp)):
                yield ast.unparse(said)


def test_what_a_refusal_says_is_a_constant() -> None:
    """`raise SheetInvalid("A sheet has at most {most} bills.", most=MAX_ROWS)`: values stand apart, so that it is found."""
    inventory.load_everything()
    places = {name: int(place) - 1 for name, _, place in (keyword.partition(":") for keyword in KEYWORDS)}
    places |= {refusal.__name__: 0 for refusal in Refusal.registry.values()}
    assert list(composed(ast.parse('Invalid(f"At most {most}.")'), places)) == ["f'At most {most}.'"]
    found = [
        (path.name, said)
        for path in ROOT.rglob("*.py")
        if not {"migrations", "vendors", "providers"} & set(path.parts)  # these speak to programs of ours
        for said in composed(ast.parse(path.read_text()), places)
    ]
    assert found == []


def test_every_title_of_a_refusal_can_be_translated() -> None:
    inventory.load_everything()
    titles = {each.title() for each in Refusal.registry.values() if each.__module__.startswith("clustr.")}
    assert set(TITLES) == titles


def test_the_facts_of_a_case_are_read_by_people() -> None:
    """Amounts with their sign, days and instants as everywhere, codes in words; numbers of others as they are; what presses stands first."""
    said = {
        "amount": "NGN 1,200.00",
        "net": "KES 5.00",
        "since": "2026-11-20",
        "answer_by": "2026-11-29T14:59:49.784517+00:00",
        "reason": "product_not_received",
        "dispute": "dp_1Qx9",
        "provider": "paystack",
    }
    with timezone.override("Africa/Lagos"):
        read = [value for _, value in facts_of(said)]
    assert read == [
        *("29 Nov 2026, 15:59", "₦1,200.00", "KES 5.00", "20 Nov 2026", "product not received", "dp_1Qx9", "Paystack")
    ]
    assert len(CASE) == len(CaseKind)


def test_every_act_of_the_trail_has_words() -> None:
    done = {
        found
        for path in ROOT.rglob("commands/*.py")
        for found in re.findall(r'(?:action=|_audit\(actor, )"([a-z_]+\.[a-z_]+)"', path.read_text())
    }
    assert len(done) > 50
    assert {act for act in done if not act.startswith("subscriptions.")} - set(ACTION) == set()
