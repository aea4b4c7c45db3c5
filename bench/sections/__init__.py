"""What `bin/bench` measures, in this order. Each section is a function from a size to lines of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.results import Line
from bench.sections import acknowledgments, bills, books, hanging, ledger, orders, pages, payments, usage, webhooks
from bench.sizes import Size

SECTIONS: Mapping[str, Callable[[Size], Sequence[Line]]] = {
    "bills": bills.measure,
    "ledger": ledger.measure,
    "payments": payments.measure,
    "acknowledgments": acknowledgments.measure,
    "webhooks": webhooks.measure,
    "hanging": hanging.measure,
    "pages": pages.measure,
    "orders": orders.measure,
    "usage": usage.measure,
    "books": books.measure,
}
