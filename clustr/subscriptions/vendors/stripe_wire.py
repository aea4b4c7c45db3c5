"""Carries the requests of Stripe's own library over our one way out: deadlines, one host, nothing inside a transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import stripe
from stripe._http_client import HTTPClient

from clustr.kit.exact_json import write_json
from clustr.kit.outbound import Outbound

logging.getLogger("stripe").setLevel(logging.WARNING)  # below that it writes addresses, and who is asked about
_OURS = ("authorization", "stripe-version", "idempotency-key")


class StripeCarrier(HTTPClient):
    """An HTTP client as the library asks for. What is not heard leaves as `OutboundError`, which the library lets pass.

    Every POST carries an idempotency key, so what may have been heard is asked again under the same key.
    """

    name = "clustr"

    def __init__(self, outbound: Outbound) -> None:
        super().__init__()
        self._outbound = outbound

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        parts = urlsplit(url)
        at = parts.path.index("/v1/")
        path = tuple(unquote(part) for part in parts.path[at + 1 :].split("/"))
        sent = {name: str(value) for name, value in (headers or {}).items() if name.lower() in _OURS}
        content = None if method == "get" else (post_data or "").encode()
        answer = self._outbound.form(
            method.upper(),
            *path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            content=content,
            headers=sent,
            repeatable=True,
        )
        return write_json(answer.body), answer.http_status, {}

    def close(self) -> None:
        self._outbound.close()


def stripe_client(*, key: str, version: str, outbound: Outbound) -> stripe.StripeClient:
    """The library's client. It repeats nothing by itself: our way out does."""
    return stripe.StripeClient(
        key, stripe_version=version or None, max_network_retries=0, http_client=StripeCarrier(outbound)
    )
