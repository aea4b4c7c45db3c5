"""How settlement refuses."""

from __future__ import annotations

from clustr.kit.errors import Conflict


class PaymentUnderWay(Conflict):
    """What became of an earlier payment for this is not known yet; paying again could pay twice."""

    code = "payment_under_way"
