"""`PATCH /members/profile/`: what I am called; the trail says that it changed, and no name."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.audit.models import AuditEvent
from clustr.kit.tenancy import tenant
from tests.cast import Cast
from tests.web.asking import refused

ADDRESS = "/members/profile/"


def test_it_works(cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    answer = bola.patch(ADDRESS, {"name": "  Bola Akinwale-Ojo "})
    assert answer.status_code == 200
    assert answer.json() == {"name": "Bola Akinwale-Ojo", "email": cast.bola.email, "phone": answer.json()["phone"]}
    assert bola.get(ADDRESS + "export/").json()["people"]["name"] == "Bola Akinwale-Ojo"
    with tenant(cast.cluster_id):
        kept = AuditEvent.objects.get(cluster_id=cast.cluster_id, action="people.name_changed")
    assert (kept.actor_id, kept.subject_id, kept.changes) == (cast.bola.user_id, cast.bola.user_id, {})


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, None, 7, "two\nlines"])
def test_what_is_no_name(cast: Cast, name: Any) -> None:
    refused(cast.client_of(cast.bola).patch(ADDRESS, {"name": name}), 422, "invalid")
