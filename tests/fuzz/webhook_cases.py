"""Bodies and headers of webhooks that nobody's provider would send, from a seed."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from clustr.web.payments import LARGEST_NOTICE_BYTES
from tests.settlement.stage import KEYS, PROVIDERS

Header = tuple[str, str]
SIGNED_BY = {"paystack": "x-paystack-signature", "flutterwave": "verif-hash"}
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**300, 0.1, 1e308, float("nan"), float("inf")),
    *(
        "",
        " ",
        "\x00",
        "\ud800",
        "\u202e",
        "é" * 50,
        "null",
        "0",
        "1e9",
        "'; DROP TABLE payments_notice; --",
        "../..",
        "%00",
    ),
    *("x" * 5_000, "9" * 4_500, [], {}, [[]], [None], {"": ""}, [1] * 300, {"id": {"id": {"id": 1}}}),
)
TYPES = (
    *("application/json", "application/json; charset=utf-16", "application/json;charset=nonsense", "text/plain", ""),
    *("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x", "\xff", ";" * 200),
    *("application/x-www-form-urlencoded", "a" * 2_000, "é/ü"),
)
NAMES = (
    *("content-encoding", "transfer-encoding", "expect", "accept", "accept-language", "accept-encoding", "cookie"),
    *("authorization", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id", "x-cluster-id"),
    *("idempotency-key", "origin", "referer", "user-agent", "if-none-match", "range", "x-http-method-override", "te"),
)
VALUES = (
    *(
        "",
        " ",
        "\t",
        "gzip",
        "chunked",
        "100-continue",
        "Bearer x",
        "Bearer " + "e" * 9_000,
        "sessionid=1; " * 50,
        "null",
    ),
    *(
        "1.2.3.4",
        "::1",
        "999.999.999.999",
        "1.2.3.4, " * 100,
        "\xff\xfe",
        "bytes=0-1",
        "a" * 8_000,
        "DELETE",
        "-1",
        "*/*",
    ),
    *("00000000-0000-0000-0000-000000000000", "é", "%0d%0aX: y", "q=;;;q=9", "x,x"),
)
LENGTHS = ("", "x", "-1", "0", "1", "1e9", "9" * 30, "٣", "+5", " 7 ", "0x10", str(LARGEST_NOTICE_BYTES + 1))


@dataclass(frozen=True)
class Case:
    """A request; `signed`: with one signature, and that is right for the body. `length`: what it says of its length; None:
    the truth."""

    provider: str
    body: bytes
    headers: Sequence[Header]
    content_type: str | None
    length: str | None
    signed: bool

    @property
    def read(self) -> bytes | None:
        """What of the body is read; None where it is too much, or nobody can say how much."""
        if self.length is None:
            return self.body if len(self.body) <= LARGEST_NOTICE_BYTES else None
        return self.body[: int(self.length or 0)] if self.length in ("", "0", "1") else None

    @property
    def right(self) -> bool:
        """Whether it is to be kept."""
        read = self.read
        if read is None or not self.signed:
            return False
        return right_signature(self.provider, read) == right_signature(self.provider, self.body)


def right_signature(provider: str, body: bytes) -> str:
    if provider == "flutterwave":
        return KEYS.FLUTTERWAVE_WEBHOOK_SECRET
    return hmac.new(KEYS.PAYSTACK_SECRET_KEY.encode(), body, hashlib.sha512).hexdigest()


class Cases:
    """An endless row of cases, the same for a seed; `told` are bodies that providers really send."""

    def __init__(self, seed: int, told: Sequence[bytes]) -> None:
        self.random = random.Random(seed)
        self.told = told
        self.made = 0

    def __iter__(self) -> Iterator[Case]:
        while True:
            self.made += 1
            yield self._case()

    def _case(self) -> Case:
        chance, provider = self.random, self.random.choice(PROVIDERS)
        body = self._body()
        right = chance.random() < 0.45
        headers = [(chance.choice(NAMES), chance.choice(VALUES)) for _ in range(chance.choice((0, 0, 1, 3)))]
        signatures = [right_signature(provider, body)] if right else self._wrong(provider, body)
        headers += [(SIGNED_BY[provider], signature) for signature in signatures]
        return Case(
            provider=provider,
            body=body,
            headers=headers,
            content_type=chance.choice(("application/json", "application/json", None, *TYPES)),
            length=chance.choice(LENGTHS) if chance.random() < 0.04 else None,
            signed=right,
        )

    def _wrong(self, provider: str, body: bytes) -> list[str]:
        signature = right_signature(provider, body)
        other = right_signature(next(name for name in PROVIDERS if name != provider), body)
        upper = signature.upper() if provider == "flutterwave" else signature[:-1]
        lists = ([], [""], [signature, signature], [signature, "x"], ["x" * 4_000], ["\xff" * 20], [signature + " x"])
        made = [*lists, [other], [upper], ["0" * 128], [f"sha512={signature}"], ["null"]]
        if provider == "paystack":
            made.append([right_signature(provider, body + b" ")])
        return self.random.choice(made)

    def _body(self) -> bytes:
        ways: tuple[Callable[[], bytes], ...] = (
            *(self._mutated, self._mutated, self._mutated, self._other_values, self._other_values, self._other_values),
            *(self._truncated, self._noise, self._nested, self._encoded, self._large, self._twice),
        )
        return self.random.choice(ways)()

    def _told(self) -> Any:
        return json.loads(self.random.choice(self.told))

    def _mutated(self) -> bytes:
        body = bytearray(self.random.choice(self.told))
        for _ in range(self.random.choice((0, 1, 2, 8, 40))):
            at = self.random.randrange(len(body))
            body[at : at + self.random.choice((0, 1, 1, 5))] = self.random.randbytes(self.random.choice((0, 1, 1, 3)))
            if not body:
                break
        return bytes(body)

    def _other_values(self) -> bytes:
        """Some of a real one's fields hold what they never hold, or are missing."""
        body = self._told()
        for _ in range(self.random.choice((1, 1, 2, 4))):
            place = body
            while isinstance(place, dict) and place:
                key = self.random.choice(list(place))
                if isinstance(place[key], dict) and self.random.random() < 0.7:
                    place = place[key]
                    continue
                if self.random.random() < 0.2:
                    del place[key]
                else:
                    place[key] = self.random.choice(ODD)
                break
        return self._written(body)

    def _written(self, body: Any) -> bytes:
        return json.dumps(body, ensure_ascii=self.random.random() < 0.5).encode("utf-8", "surrogatepass")

    def _truncated(self) -> bytes:
        body = self.random.choice(self.told)
        return body[: self.random.randrange(len(body))]

    def _noise(self) -> bytes:
        return self.random.randbytes(self.random.choice((0, 1, 2, 30, 1_000)))

    def _nested(self) -> bytes:
        deep = self.random.choice((50, 900, 5_000, 60_000))
        way = self.random.choice((b"[", b'{"data":', b'{"event":"charge.success","data":[', b"[{}", b"\xef\xbb\xbf["))
        return (way * (deep // len(way) + 1)) + self.random.choice((b"", b"]", b"1"))

    def _encoded(self) -> bytes:
        said = json.dumps(self._told())
        encoding = self.random.choice(("utf-16", "utf-32", "utf-16-be", "utf-7", "utf-8-sig", "cp037", "gzip"))
        return gzip.compress(said.encode(), mtime=0) if encoding == "gzip" else said.encode(encoding)

    def _large(self) -> bytes:
        """About as much as is taken, and more."""
        size = self.random.choice((LARGEST_NOTICE_BYTES - 1, LARGEST_NOTICE_BYTES, LARGEST_NOTICE_BYTES + 1, 300_000))
        head = b'{"event":"charge.success","data":{"reference":"'
        return head + bytes([self.random.choice(b"xa9\x00")]) * (size - len(head))

    def _twice(self) -> bytes:
        """A key that stands twice, and other things that some readers take for JSON."""
        body = self.random.choice(self.told)
        more = self.random.choice(
            (b',"event":"charge.success"}', b',"data":{},"data":[]}', b",}", b"//}", b"}}", b"} {}")
        )
        return body[:-1] + more
