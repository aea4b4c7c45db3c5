"""What fails in one estate stops nothing in those after it, and is heard of all the same."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from clustr.kit.going_on import through_estates


def test_it_works() -> None:
    first, second, third = uuid4(), uuid4(), uuid4()
    gone_to: list[UUID] = []

    def act(cluster_id: UUID) -> int:
        gone_to.append(cluster_id)
        if cluster_id == second:
            raise ValueError("this one is broken")
        return 2

    assert through_estates([first, third], act) == 4
    with pytest.raises(ValueError, match="broken"):
        through_estates([first, second, third], act)
    assert gone_to == [first, third, first, second, third]
