"""The floors that rates are compared with: the least SQL of a payment, and everything a payment does, both by pgbench."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.db import connections
from django.test import Client

from bench.estates import CURRENCY, Estate
from bench.history import acknowledge, issue
from bench.pgbench import Script
from bench.recording import fresh_id, script_of
from bench.web import tokens_for
from clustr.kit import clock
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind, Entry, TransferKind

HUGE = 900_000_000_000_000
"""A bill that nobody can pay off within a run, so that members pay on it again and again."""

_BARE = """
CREATE TABLE bare_wallet (id bigint PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 80);
CREATE TABLE bare_transfer (id uuid PRIMARY KEY, debit bigint NOT NULL, credit bigint NOT NULL, amount bigint NOT NULL,
  at timestamptz NOT NULL);
CREATE TABLE bare_settlement (bill bigint, member bigint, paid bigint NOT NULL, PRIMARY KEY (bill, member))
  WITH (fillfactor = 80);
INSERT INTO bare_wallet SELECT i, 1000000000 FROM generate_series(1, {wallets}) AS i;
"""
_BARE_PAYMENT = f"""
WITH taken AS (UPDATE bare_wallet SET balance = balance - 100 WHERE id = :m AND balance >= 100 RETURNING id),
  moved AS (INSERT INTO bare_transfer SELECT {fresh_id()}, id, 0, 100, now() FROM taken)
INSERT INTO bare_settlement AS s SELECT 1, id, 100 FROM taken
  ON CONFLICT (bill, member) DO UPDATE SET paid = s.paid + EXCLUDED.paid;"""


def bare_floor(estate: Estate, clients: int) -> Script:
    """A conditional wallet update, one transfer, a settlement upsert, in one statement on plain tables without policies."""
    return Script(f"bare {clients}", _random_member(estate) + _BARE_PAYMENT, clients, alias="owner")


def make_bare_tables(estate: Estate) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(_BARE.format(wallets=estate.members))
        cursor.execute("VACUUM ANALYZE bare_wallet")


def ledger_post(estate: Estate, clients: int, *, batch: int = 0) -> Script:
    """One transfer (or a batch of them) from random wallets to the estate's one account: one statement that also sets
    the tenant, as the runtime role."""
    with tenant(estate.cluster_id):
        hot = ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency=CURRENCY)

    def work(member: int) -> None:
        with tenant(estate.cluster_id):
            entries = [entry(estate.wallet_id(member), hot) for _ in range(2 if batch else 1)]  # one goes another way
            ledger.post(entries=entries, at=clock.now())

    number = f"(:m + r) % {estate.members} + 1" if batch else ":m"
    statements = script_of(work, known=lambda member: _of(estate, member, number), batch=batch)
    sql = _one_statement(statements)
    name = f"batches of {batch} {clients}" if batch else f"ledger {clients}"
    return Script(name, _random_member(estate) + sql, clients, per_transaction=batch or 1)


def entry(wallet: UUID, into: UUID) -> Entry:
    id_ = new_id()
    return Entry(id_, wallet, into, Money(100, CURRENCY), TransferKind.BILL_PAYMENT, id_, "service_charge")


def safe_floor(estate: Estate, clients: int) -> Script:
    """Everything that a wallet payment over HTTP does in its transaction, which is one statement, as the product sends
    it, as the runtime role: members pay on one bill, a little each time."""
    bill = issue(estate, minor=HUGE, at=clock.now(), title="Levy")
    acknowledge(estate, bill, "true", clock.now())
    tokens = tokens_for(estate, [1, 2])

    def work(member: int) -> None:
        _pay(tokens[member], bill)

    (payment,) = script_of(work, known=lambda member: _of(estate, member, ":m"), also="bills_pay_once")
    return Script(f"safe {clients}", f"{_random_member(estate)}{payment};", clients)


def _pay(token: str, bill: UUID) -> Any:
    """The real request, through the whole application, in this process."""
    answer = Client(headers={"host": "localhost", "authorization": f"Bearer {token}"}).post(
        "/members/bills/pay_bill/",
        json.dumps({"bill_id": str(bill), "amount": "1.00"}),
        content_type="application/json",
        headers={"Idempotency-Key": str(new_id())},
    )
    if answer.status_code != 201:
        raise RuntimeError(f"a payment was answered {answer.status_code}: {answer.content[:300]!r}")
    return answer.json()


def _of(estate: Estate, member: int, number: str) -> dict[object, str]:
    return {
        estate.user_id(member): estate.user_sql(number),
        estate.wallet_id(member): estate.wallet_sql(number),
    }


def _one_statement(statements: list[str]) -> str:
    """The tenant is set in the same statement: OFFSET 0 keeps the planner from dropping what nobody reads."""
    setting, posting = statements
    return f"{posting} FROM ({setting} OFFSET 0) AS tenant_set;"


def _random_member(estate: Estate) -> str:
    return f"\\set m random(1, {estate.members})\n"
