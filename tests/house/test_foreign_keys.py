"""Foreign keys never point up the floors, in Django's models and in the database itself."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connections

from tests.house.floors import FLOORS, may_refer

REFERENCES = """
SELECT c.conname, c.conrelid::regclass::text, c.confrelid::regclass::text
FROM pg_constraint c WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
"""


def room_of(table: str) -> str | None:
    room = table.split("_", 1)[0]
    return room if room in FLOORS else None


def references() -> list[tuple[str, str, str]]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(REFERENCES)
        return [(str(name), str(child), str(parent)) for name, child, parent in cursor.fetchall()]


def test_models_refer_downwards() -> None:
    for model in apps.get_models():
        room = model._meta.app_label
        if not model.__module__.startswith("clustr."):
            continue
        for field in model._meta.get_fields():
            target = getattr(field, "remote_field", None) and field.related_model
            if target and not field.auto_created and target.__module__.startswith("clustr."):
                assert may_refer(room, target._meta.app_label), f"{model._meta.label}.{field.name} points up"


def test_constraints_refer_downwards() -> None:
    for name, child, parent in references():
        below, above = room_of(parent), room_of(child)
        if below and above:
            assert may_refer(above, below), f"{name}: {child} points up at {parent}"


def test_third_party_tables_are_not_referred_to_by_money() -> None:
    money = {"ledger", "payments", "wallets", "bills"}
    for name, child, parent in references():
        if room_of(child) in money:
            assert room_of(parent), f"{name}: {child} refers to {parent}, which belongs to no room"


@pytest.mark.parametrize("room", ["ledger", "audit"])
def test_tables_are_named_after_their_room(room: str) -> None:
    tables = [model._meta.db_table for model in apps.get_app_config(room).get_models()]
    assert all(table.startswith(f"{room}_") for table in tables)


def test_every_model_is_named_after_its_room() -> None:
    for model in apps.get_models():
        if model.__module__.startswith("clustr."):
            assert model._meta.db_table.startswith(f"{model._meta.app_label}_"), model
