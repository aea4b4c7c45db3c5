"""Documents as customers get them: a PDF for people, EN 16931 inside for their systems, by e-mail, and cleared where asked."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from pypdf import PdfReader

from clustr.kit.errors import InvalidValue, NotAllowed
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands
from clustr.subscriptions.clearing import NotCleared
from clustr.subscriptions.einvoicing import Syntax, en16931_terms, invoice_xml
from clustr.subscriptions.models import Invoice, InvoiceLine
from clustr.subscriptions.refusals import CreditExceedsInvoice, InvoiceNotFound, InvoiceNotOpen
from clustr.subscriptions.rendering import invoice_pdf, sheet_data
from clustr.subscriptions.sellers import SellerWrong, read_seller
from clustr.subscriptions.sheet_queries import sheet_of
from clustr.subscriptions.sheets import Clearance, Sheet
from clustr.subscriptions.types import Discount, Duration
from tests.languages import speaking_french
from tests.subscriptions.schematron import complaints
from tests.subscriptions.shop import Shop
from tests.subscriptions.test_change_and_usage import METERED


def sheet(shop: Shop, document: Invoice) -> Sheet:
    return sheet_of(actor=shop.system, invoice_id=document.id)


def words(pdf: bytes) -> str:
    """What a reader sees, in one line."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


_ALLOWANCES = {
    Syntax.CII: ".//{*}IncludedSupplyChainTradeLineItem//{*}SpecifiedTradeAllowanceCharge/{*}ActualAmount",
    Syntax.UBL: ".//{*}InvoiceLine/{*}AllowanceCharge/{*}Amount",
}


def allowances(xml: bytes, syntax: Syntax) -> Decimal:
    """What the electronic invoice says was taken off its lines, all together."""
    found = ElementTree.fromstring(xml).iterfind(_ALLOWANCES[syntax])  # noqa: S314  (it is our own)
    return sum((Decimal(str(one.text)) for one in found), Decimal(0))


def went(shop: Shop, note: Invoice) -> list[str]:
    """What a credit note says of where it went."""
    said: list[str] = sheet_data(sheet(shop, note))["notes"]
    return [text for text in said if "VAT" not in text]


def credit(shop: Shop, document: Invoice, minor: int, rate: int = 750, **terms: Any) -> Invoice:
    return commands.credit_invoice(
        actor=terms.get("actor", shop.staff),
        invoice_id=document.id,
        amount=Money(minor, terms.get("currency", "USD")),
        tax_basis_points=rate,
        reason="Two days without service",
        now=shop.now,
    )


def test_it_works(shop: Shop) -> None:
    """All that an invoice must show is on it, the naira's sign too, and the same stands inside for a system to read."""
    address = commands.NewAddress(
        line1="14 Admiralty Way", city="Lekki", country="NG", name="Adébáyò Ltd", tax_id="NG87654321-0001"
    )
    commands.set_billing_address(actor=shop.bola, address=address, now=shop.now)
    subscription = shop.subscribe("basic", currency="NGN")
    document = shop.last(subscription)
    pdf = invoice_pdf(sheet(shop, document))
    said = words(pdf)
    for text in (
        *("Tax invoice", "INV2026000001", "15 June 2026", "29 June 2026", "15 June 2026 to 14 July 2026"),
        *("ClustR", "Tax no. 00000000-0001", "Adébáyò Ltd", "14 Admiralty Way", "Tax no. NG87654321-0001", "Nigeria"),
        *("Basic, a month", "VAT 7.5 % on ₦30,000.00", "₦2,250.00", "Total NGN", "Amount due", "₦32,250.00"),
        *("How to pay", "0000000000"),
    ):
        assert text in said, text
    inside = dict(PdfReader(io.BytesIO(pdf)).attachments)
    assert inside == {"factur-x.xml": [invoice_xml(sheet(shop, document), Syntax.CII)]}
    assert b"pdfaid:part>3" in pdf or b"/AF" in pdf


def test_it_speaks_the_language_of_the_deployment(shop: Shop, tmp_path: Path) -> None:
    """Its words, its months and the country; what stands inside for systems is as it was."""
    address = commands.NewAddress(line1="14 Admiralty Way", city="Lekki", country="ZA", name="Adébáyò Ltd")
    commands.set_billing_address(actor=shop.bola, address=address, now=shop.now)
    made = sheet(shop, shop.last(shop.subscribe("basic", currency="NGN")))
    french = {
        "Invoice": "Facture",
        "Billed to": "Adressée à",
        "Due": "Échéance",
        "Amount due": "À payer",
        "{first} to {last}": "du {first} au {last}",
        "Total %s": "Total en %s",
        "South Africa": "Afrique du Sud",
        "VAT {rate} on {amount}": "TVA de {rate} sur {amount}",
        "Page {page} of {pages}": "Page {page} sur {pages}",
    }
    with speaking_french(tmp_path, french):
        pdf = invoice_pdf(made)
    said = words(pdf)
    for text in (
        *("Facture", "Adressée à", "Échéance 29 juin 2026", "du 15 juin 2026 au 14 juillet 2026", "À payer"),
        *("Total en NGN", "Afrique du Sud", "TVA de 0 % sur", "Page 1 sur 1"),
    ):
        assert text in said, text
    assert dict(PdfReader(io.BytesIO(pdf)).attachments) == {"factur-x.xml": [invoice_xml(made, Syntax.CII)]}
    assert "Invoice" in words(invoice_pdf(made))


def test_it_says_what_was_paid(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    shop.pay(shop.last(subscription), 150)
    assert "Paid −$1.50" in words(invoice_pdf(sheet(shop, shop.last(subscription))))
    shop.pay(shop.last(subscription))
    said = words(invoice_pdf(sheet(shop, shop.last(subscription))))
    assert "Paid on 15 June 2026" in said
    assert "Amount due $0.00" in said
    assert "How to pay" not in said


def test_a_coupon_and_what_is_unused_stand_on_it(shop: Shop) -> None:
    """Of 50.00 a tenth is off; ten days later what is unused is a line below nothing."""
    commands.create_coupon(
        actor=shop.staff, code="TENTH", name="A tenth", discount=Discount(1000), duration=Duration.FOREVER, now=shop.now
    )
    subscription = shop.subscribe("basic", coupon="TENTH")
    invoice = shop.last(subscription)
    first = words(invoice_pdf(sheet(shop, invoice)))
    for syntax in Syntax:
        assert allowances(invoice_xml(sheet(shop, invoice), syntax), syntax) == Decimal(invoice.discount_amount) / 100
    assert "−$2.00" in first
    assert "VAT 7.5 % on $18.00 $1.35" in first
    shop.move(days=10)
    commands.upgrade_plan(
        actor=shop.bola, subscription_id=subscription.id, plan_id=shop.plan("team").id, interval="month", now=shop.now
    )
    made = sheet(shop, shop.last(subscription))
    assert [line.net.minor < 0 for line in made.lines] == [True, False]
    assert complaints(invoice_xml(made, Syntax.UBL), Syntax.UBL) == []


def test_units_beyond_a_plan_are_counted_where_each_costs_whole_cents(shop: Shop) -> None:
    """120 at 0.01 each; at a cent and a half they are one sum, and its words say how many. Both stand in the electronic invoice too."""
    shop.sync(METERED)
    subscription = shop.subscribe("pro")
    shop.use(subscription, 5_120)
    made = sheet(shop, shop.last(shop.end_period(subscription)))
    first = en16931_terms(made)["BG-25"][0]
    assert [first[name] for name in ("BT-129", "BT-146", "BT-131")] == ["120", "0.01", "1.20"]
    assert "120 $0.01 7.5 % $1.20" in words(invoice_pdf(made))
    shop.sync({**METERED, "pro": {**METERED["pro"], "overage": {"ai_responses": {"USD": "1.5"}}}})
    other = shop.subscribe("pro", actor=shop.customer())
    shop.use(other, 5_120)
    made = sheet(shop, shop.last(shop.end_period(other)))
    first = en16931_terms(made)["BG-25"][0]
    assert [first[name] for name in ("BT-129", "BT-146", "BT-131")] == ["1", "1.80", "1.80"]
    assert first["BT-153"].startswith("120 ")


@pytest.mark.parametrize("tax_id", ["RC1234567", "12345678-0001", "NG12345678-0001", "nothing at all", ""])
def test_whatever_a_tax_number_looks_like(shop: Shop, tax_id: str) -> None:
    """That it is a valid electronic invoice all the same is asked of every document when its test ends."""
    address = commands.NewAddress(line1="1 Marina", city="Lagos", country="NG", tax_id=tax_id)
    commands.set_billing_address(actor=shop.bola, address=address, now=shop.now)
    assert sheet(shop, shop.last(shop.subscribe("basic"))).buyer.tax_id == tax_id


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[]", "object of texts"),
        ("no", "not JSON"),
        ('{"name": "A", "line1": "B", "city": "C"}', "tax_id"),
        ('{"name": "A", "line1": "B", "city": "C", "tax_id": "1", "vat": "2"}', "vat"),
        ('{"name": "A", "line1": "B", "city": "C", "tax_id": "1", "country": "XX"}', "country"),
    ],
)
def test_a_seller_that_says_too_little_stops_the_start(text: str, wrong: str) -> None:
    with pytest.raises(SellerWrong, match=wrong):
        read_seller(text, country="NG")
    assert read_seller('{"name": "A", "line1": "B", "city": "C", "tax_id": "1"}', country="GH").country == "GH"


def test_abroad_no_tax_is_charged_and_it_says_so(shop: Shop) -> None:
    address = commands.NewAddress(line1="1 High Street", city="Accra", country="GH")
    commands.set_billing_address(actor=shop.bola, address=address, now=shop.now)
    said = words(invoice_pdf(sheet(shop, shop.last(shop.subscribe("basic")))))
    assert "no VAT is charged" in said
    assert "Ghana" in said


@pytest.mark.parametrize(("said", "wrong"), [("21.50", "22.50"), ("1.50", "2.60"), ("20.00", "19.00")])
def test_a_spoiled_sum_is_caught(shop: Shop, said: str, wrong: str) -> None:
    made = sheet(shop, shop.last(shop.subscribe("basic")))
    for syntax in Syntax:
        spoiled = invoice_xml(made, syntax).replace(f">{said}<".encode(), f">{wrong}<".encode())
        assert any("BR-CO-1" in complaint or "BR-S-" in complaint for complaint in complaints(spoiled, syntax)), syntax


def test_it_stays_what_it_was(shop: Shop) -> None:
    """Who sold it to whom is kept with it, whoever they are later."""
    document = shop.last(shop.subscribe("basic"))
    before = sheet(shop, document)
    commands.set_billing_address(
        actor=shop.bola, address=commands.NewAddress(line1="2 Low Street", city="Abuja", country="NG"), now=shop.now
    )
    was, settings.SUBSCRIPTION_SELLER = (
        settings.SUBSCRIPTION_SELLER,
        replace(settings.SUBSCRIPTION_SELLER, name="Other"),
    )
    try:
        assert sheet(shop, document) == before
    finally:
        settings.SUBSCRIPTION_SELLER = was
    with pytest.raises(DatabaseError, match="credit note"), tenant(shop.cluster_id), connection.cursor() as cursor:
        cursor.execute("UPDATE subscriptions_invoice SET seller = '{}'")


def test_only_of_ones_own(shop: Shop) -> None:
    document = shop.last(shop.subscribe("basic"))
    with pytest.raises(InvoiceNotFound):
        sheet_of(actor=shop.customer(), invoice_id=document.id)
    assert sheet_of(actor=shop.bola, invoice_id=document.id) == sheet_of(actor=shop.staff, invoice_id=document.id)


def test_it_is_mailed(shop: Shop, mailoutbox: list[Any]) -> None:
    document = shop.last(shop.subscribe("basic"))
    commands.deliver_invoice(actor=shop.system, invoice_id=document.id, now=shop.now)
    (mail,) = mailoutbox
    assert (mail.subject, mail.to) == ("Invoice INV2026000001", [shop.cast.bola.email])
    ((name, content, kind),) = mail.attachments
    assert (name, kind) == ("INV2026000001.pdf", "application/pdf")
    assert "$21.50 is to be paid by 29 June 2026" in mail.body
    assert "INV2026000001" in words(content)


def test_the_job_is_there_when_the_document_is(shop: Shop) -> None:
    document = shop.last(shop.subscribe("basic"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'subscriptions.deliver_invoice'"
            " AND args->>'invoice_id' = %s",
            [str(document.id)],
        )
        assert cursor.fetchone() == (1,)


class Authority:
    """A tax authority that answers, or not."""

    deaf = False
    asked: list[str]

    def clear(self, *, sheet: Sheet, xml: bytes) -> Clearance:
        if self.deaf:
            raise NotCleared("not heard")
        Authority.asked.append(sheet.number)
        assert complaints(xml, Syntax.UBL) == []
        return Clearance(f"{sheet.number}-SERVICE1-{sheet.issued_on:%Y%m%d}", "stamp", "what a scanner reads")


@pytest.fixture
def authority() -> Iterator[type[Authority]]:
    was = settings.ENV
    settings.ENV = was.model_copy(update={"SUBSCRIPTION_CLEARING": f"{__name__}:Authority"})
    Authority.deaf, Authority.asked = False, []
    yield Authority
    settings.ENV = was


def test_it_is_cleared_first_where_an_authority_is_asked(
    shop: Shop, authority: type[Authority], mailoutbox: list[Any]
) -> None:
    document = shop.last(shop.subscribe("basic"))
    authority.deaf = True
    with pytest.raises(NotCleared):
        commands.deliver_invoice(actor=shop.system, invoice_id=document.id, now=shop.now)
    assert mailoutbox == []
    authority.deaf = False
    for _ in range(2):
        commands.deliver_invoice(actor=shop.system, invoice_id=document.id, now=shop.now)
    assert authority.asked == ["INV2026000001"]
    assert "INV2026000001-SERVICE1-20260615" in words(mailoutbox[-1].attachments[0][1])
    with tenant(shop.cluster_id):
        kept = Invoice.objects.get(cluster_id=shop.cluster_id, id=document.id)
    assert (kept.csid, kept.clearance_status) == ("stamp", "cleared")


def test_some_of_a_paid_invoice_is_given_back(shop: Shop) -> None:
    """Into the customer's credit, with its tax; the note names what it corrects."""
    subscription = shop.subscribe("basic")
    document = shop.last(subscription)
    shop.pay(document)
    note = credit(shop, document, 200)
    assert (note.kind, note.total, note.tax_amount, note.corrects_id) == ("credit_note", 215, 15, document.id)
    assert shop.credit(subscription) == 215
    said = words(invoice_pdf(sheet(shop, note)))
    for text in ("Credit note", "CN2026000001", "INV2026000001 of 15 June 2026", "Two days without service", "$2.15"):
        assert text in said, text
    assert went(shop, note) == ["$2.15 stands in your favour and pays what you are invoiced next."]


def test_never_more_than_was_charged_nor_more_tax(shop: Shop) -> None:
    """20.00 and 1.50 of tax in 0.07's: the tax of each alone would be rounded up, and come to more."""
    subscription = shop.subscribe("basic")
    document = shop.last(subscription)
    shop.pay(document)
    given = [credit(shop, document, 7) for _ in range(10)]
    assert sum(note.tax_amount for note in given) == 5
    with pytest.raises(CreditExceedsInvoice):
        credit(shop, document, 1931)
    with pytest.raises(CreditExceedsInvoice):
        credit(shop, document, 1, rate=0)
    assert credit(shop, document, 1930).tax_amount == 145
    assert shop.credit(subscription) == document.total


def test_an_open_invoice_is_lowered_and_then_voided(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    credit(shop, shop.last(subscription), 7)
    document = shop.documents(subscription)[0]
    assert (document.status, document.credit_applied) == ("open", 8)
    number = document.invoice_number
    assert went(shop, shop.last(subscription)) == [f"$0.08 is taken off invoice {number} and is no longer to be paid."]
    shop.move(seconds=1)
    note = commands.void_invoice(actor=shop.staff, invoice_id=document.id, reason="Not wanted", now=shop.now)
    assert (note.total, note.tax_amount) == (2142, 149)
    assert went(shop, note) == [f"$21.42 is taken off invoice {number} and is no longer to be paid."]
    void = shop.documents(subscription)[0]
    assert void.status == "void"
    (_, lowered, last) = (one.invoice_number for one in shop.documents(subscription))
    assert f"taken back by {lowered}, {last}" in words(invoice_pdf(sheet(shop, void)))
    assert shop.credit(subscription) == 0
    with tenant(shop.cluster_id):
        lines = InvoiceLine.objects.filter(cluster_id=shop.cluster_id, invoice_id=note.id).order_by("n")
        assert [(line.kind, line.amount) for line in lines] == [("plan", 2000), ("correction", -7)]


def test_who_may_not_give_back(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    document = shop.last(subscription)
    with pytest.raises(NotAllowed):
        credit(shop, document, 1, actor=shop.bola)
    own = shop.last(shop.subscribe("basic", actor=shop.staff))
    with pytest.raises(InvalidValue):
        credit(shop, own, 1)
    note = credit(shop, document, 1)
    with pytest.raises(InvoiceNotOpen):
        credit(shop, note, 1)
    with pytest.raises(InvoiceNotFound):
        credit(shop, replace_id(document, subscription.id), 1)


def replace_id(document: Invoice, other: UUID) -> Invoice:
    document.id = other
    return document
