"""In another language: what refuses says so on pages, documents name their parts in it, countries have their names. The API
speaks English to programs whatever is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from clustr.kit.errors import InvalidValue, Refusal
from clustr.kit.sentences import Sentence, for_people
from tests.bills import acts
from tests.cast import Cast
from tests.languages import speaking_french
from tests.money import acknowledge, fund, issue
from tests.web.asking import OFFICE
from tests.web.pages.browsing import Browser

ROOT = Path(__file__).resolve().parents[3]
WORDS = {
    "This needs the permission {permission}.": "Il faut la permission {permission}.",
    "Members were reminded of this bill today already.": "Les membres ont déjà reçu un rappel aujourd'hui.",
    "At most {longest} characters.": "{longest} caractères au plus.",
    "Your role lacks the permission for this.": "Votre rôle ne le permet pas.",
    "There is no such bill, or it is not yours.": "Il n'y a pas une telle facture.",
    "This cluster bills in {currency}.": "Ici on facture en {currency}.",
    "{currency} has {decimals} decimals; {typed} has {given}.": "{currency} a {decimals} décimales.",
    "Germany": "Allemagne",
    "Receipt of a bill payment": "Reçu d'un paiement",
    "Amount": "Montant",
    "Paid by": "Payé par",
    "Wallet": "Portefeuille",
    "Reference": "Référence",
    "Anybody can check that this document is genuine:": "Chacun peut vérifier ce reçu :",
    "Code": "Clé",
}
LANGUAGE = {"Accept_Language": "fr"}
NOWHERE = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def french(tmp_path: Path) -> Any:
    return contextmanager(lambda: _french(tmp_path))


def _french(folder: Path) -> Iterator[None]:
    with speaking_french(folder, WORDS):
        yield


def answers(cast: Cast) -> list[tuple[int, bytes]]:
    """What the API refuses: a permission, something that is not there, an amount, a currency."""
    ada = cast.client_of(cast.ada)
    new = {"title": "Gate", "amount": "5.00", "type": "security", "due_date": "2090-01-31T00:00:00Z"}
    asked = (
        cast.client_of(cast.bola).post(OFFICE + "create_bill/", new, key="a-first-key", **LANGUAGE),
        ada.get(f"{OFFICE}bills/{NOWHERE}/", **LANGUAGE),
        ada.post(OFFICE + "create_bill/", new | {"amount": "5.001"}, key="a-second-key", **LANGUAGE),
        ada.post(OFFICE + "create_bill/", new | {"currency": "KES"}, key="a-third-key", **LANGUAGE),
    )
    return [(each.status_code, re.sub(rb'"request_id": "[^"]*"', b"", each.content)) for each in asked]


def test_the_api_answers_in_english(cast: Cast, french: Any) -> None:
    before = answers(cast)
    with french():
        assert answers(cast) == before
    assert [status for status, _ in before] == [403, 404, 422, 422]
    for (_, said), words in zip(
        before, ("the permission ManageBill", "no such bill", "NGN has 2", "bills in NGN."), strict=True
    ):
        assert words.encode() in said


def test_a_refusal_is_read_in_the_language_of_the_page(cast: Cast, french: Any) -> None:
    """One with a value, on a page of its own; one that says its title; one of a line in a file."""
    bill = issue(cast)
    ada = Browser(cast.ada)
    with french():
        efe = Browser(cast.efe)
        efe.open("/office/members/import/")
        assert "Il faut la permission ManageMembers." in efe.text
        ada.open(f"/office/bills/{bill.id}/")
        ada.send("/remind/")
        assert ada.send("/remind/").status_code == 409
        assert "Les membres ont déjà reçu un rappel aujourd&#x27;hui." in ada.text
        ada.open("/office/bills/import/")
        ada.send(sheet=f"email,title,amount,type,due_date\neveryone,{'x' * 201},5,other,2090-01-31\n", step="preview")
        assert "200 caractères au plus." in ada.text
    ada.open("/office/bills/import/")
    ada.send(sheet=f"email,title,amount,type,due_date\neveryone,{'x' * 201},5,other,2090-01-31\n", step="preview")
    assert "At most 200 characters." in ada.text


def test_a_country_is_called_by_its_name_there(cast: Cast, french: Any) -> None:
    ada = Browser(cast.ada)
    with french():
        ada.open("/platform/address/")
        assert "Allemagne" in ada.text
        assert "Germany" not in ada.text
    ada.open("/platform/address/")
    assert ada.text.index("Germany") < ada.text.index("Ghana")


def test_a_receipt_names_its_parts(cast: Cast, french: Any) -> None:
    """And one that was drawn up before stays as it is."""
    fund(cast, cast.bola, "9000.00")
    first, second = issue(cast, "5000.00"), issue(cast, "100.00")
    receipts = []
    for bill in (first, second):
        acknowledge(cast, cast.bola, bill)
        receipts.append(f"/members/transactions/{acts.pay(cast, cast.bola, bill)[0].id}/receipt/")
    client = cast.client_of(cast.bola)
    before = client.get(receipts[0]).content
    with french():
        assert client.get(receipts[0]).content == before
        made = client.get(receipts[1]).content
    assert client.get(receipts[1]).content == made
    said = " ".join(PdfReader(BytesIO(made)).pages[0].extract_text().split())
    for words in ("Reçu d'un paiement", "Montant", "Payé par Portefeuille", "Référence", "vérifier ce reçu", "Clé"):
        assert words in said.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"), words
    for words in ("Receipt", "Amount", "Paid by", "Anybody"):
        assert words not in said
    assert PdfReader(BytesIO(made)).trailer["/Root"]["/Lang"] == "fr"


@pytest.mark.parametrize("template", sorted(ROOT.glob("clustr/*/documents/*.typ")), ids=lambda path: path.name)
def test_a_document_holds_no_words(template: Path) -> None:
    assert words_of(template.read_text()) == set()


def words_of(source: str) -> set[str]:
    """What a typst template says itself: texts in quotes that read like words, and what stands free in brackets."""
    source = re.sub(r"//.*", "", source)
    quoted = set(re.findall(r'"([^"]*)"', source))
    bare = re.sub(r'"[^"]*"', "", source)
    free = {line.strip() for block in re.findall(r"\[([^\]]*)\]", bare) for line in block.splitlines()}
    names = {"Libertinus Serif", "New Computer Modern", "ClustR"}
    return {text for text in quoted if re.match(r"[A-Z][a-z]", text)} - names | {
        line for line in free if re.match(r"[A-Za-z]{2,}(?![\w.(])", line)
    }


def test_words_of_a_document_are_seen() -> None:
    assert words_of('#text(size: 9pt, "Billed to")[\n  Code #data.code\n  #data.label \\\n]') == {
        "Billed to",
        "Code #data.code",
    }


def test_a_sentence_is_english_and_remembers_its_template(tmp_path: Path) -> None:
    class Frosty(Refusal):
        """It is cold."""

    refusal = Frosty("At most {longest} characters.", longest=5)
    assert (str(refusal), refusal.detail) == ("At most 5 characters.", "At most 5 characters.")
    passed_on = InvalidValue.of("name", "too_long", refusal.detail)
    assert passed_on.errors[0].message == "At most 5 characters."
    with speaking_french(tmp_path, WORDS | {"It is cold.": "Il fait froid."}):
        assert for_people(passed_on.errors[0].message) == "5 caractères au plus."
        assert for_people(Frosty().detail) == "Il fait froid."
        assert for_people("Nobody translated {this}.") == "Nobody translated {this}."
        assert for_people(Sentence("{who} is not here.", who="{Bola}")) == "{Bola} is not here."
        assert for_people("") == ""
