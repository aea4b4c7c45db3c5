"""The types every request and answer is made of: amounts, texts, instants, and the strict base classes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from annotated_types import GroupedMetadata
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StrictBool,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from clustr.kit import texts
from clustr.kit.errors import FieldError
from clustr.kit.ids import parse_id
from clustr.kit.money import DECIMALS, InvalidAmount, Money

FIRST_YEAR, LAST_YEAR = 1970, 2200
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_AMOUNT_OUT = r"^-?(0|[1-9][0-9]*)(\.[0-9]{1,2})?$"
_AMOUNT = r"(0|[1-9][0-9]{0,12})(\.[0-9]{1,2})?"


def _with_plain_ids(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_plain_ids(part) for part in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") == "uuid":
        return core_schema.no_info_before_validator_function(_read_id, core_schema.uuid_schema())
    return {name: _with_plain_ids(part) for name, part in node.items()}


def _read_id(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_id(value)
    except ValueError as error:
        raise PydanticCustomError(
            "invalid_id", 'Write an id such as "01998a4e-6f00-7c00-8000-000000000001".'
        ) from error


class In(BaseModel):
    """What a caller sends. Unknown fields are refused: a misspelt option must not be silently ignored. Ids are read as
    `parse_id` reads them: one spelling, so that whoever compares or logs them sees one id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: CoreSchema = _with_plain_ids(handler(source))
        return schema


class ChangesIn(In):
    """What a caller sends of something that is there. What is left out stays as it is, and null may take it away: to leave
    a field out is not to send its default."""


class Out(BaseModel):
    """What a caller receives: plain data, nothing is fetched while it is written."""

    model_config = ConfigDict(frozen=True)


class Problem(Out):
    """An error (RFC 9457). `code` is stable; `errors` names each invalid field."""

    class Item(Out):
        field: str
        code: str
        message: str

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[Item] | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Text(GroupedMetadata):
    """A trimmed text: `title: Annotated[str, Text(200)]` has 1 to 200 characters, in one line, that say something.

    `lines`: it may have several lines. `empty`: it may be empty.
    """

    longest: int
    lines: bool = False
    empty: bool = False

    def __iter__(self) -> Iterator[object]:
        yield from StringConstraints(
            strict=True, strip_whitespace=True, min_length=0 if self.empty else 1, max_length=self.longest
        )
        yield AfterValidator(self._readable)
        yield WithJsonSchema(self.described())

    def described(self) -> dict[str, Any]:
        """As the OpenAPI document says it."""
        shown = texts.LINES if self.lines else texts.LINE
        pattern = f"^[^{shown}]*$" if self.empty else rf"^[^{shown}]*[^\s{shown}][^{shown}]*$"
        return {"type": "string", "minLength": 0 if self.empty else 1, "maxLength": self.longest, "pattern": pattern}

    def _readable(self, text: str) -> str:
        problem = texts.problem_of(text, lines=self.lines)
        if problem is not None:
            raise PydanticCustomError(problem.code, problem.message)
        return text


def pairs(name: Text, value: Text, *, most: int, or_else: Sequence[Mapping[str, object]] = ()) -> WithJsonSchema:
    """Says of `dict[Annotated[str, name], Annotated[str, value]]` in the OpenAPI document that nothing else may stand there;
    `or_else`: what other values may."""
    values = value.described()
    return WithJsonSchema(
        {
            "type": "object",
            "maxProperties": most,
            "propertyNames": name.described(),
            "additionalProperties": {"anyOf": [values, *or_else]} if or_else else values,
        }
    )


def no_card_number(text: str) -> str:
    """For a value that has a pattern of its own instead of being a Text."""
    if texts.holds_card_number(text):
        raise PydanticCustomError(texts.CARD_NUMBER.code, texts.CARD_NUMBER.message)
    return text


def _read_amount(text: str) -> str:
    try:
        Money.parse(text, "NGN" if "." in text else "UGX")  # two decimals at most, fifteen digits in all
    except InvalidAmount as error:
        raise PydanticCustomError("invalid_amount", "{reason}", {"reason": error.detail}) from error
    return text


def _moves_money(text: str) -> str:
    if not text.strip("0."):
        raise PydanticCustomError("amount_is_zero", "The amount must be more than zero.")
    return text


_AMOUNT_SCHEMA = {"type": "string", "pattern": f"^{_AMOUNT}$", "examples": ["5000.00"]}
_MOVED_SCHEMA = {"type": "string", "pattern": rf"^(?!0(\.0+)?$){_AMOUNT}$", "examples": ["5000.00"]}
AmountOrZero = Annotated[
    str, StringConstraints(strict=True), AfterValidator(_read_amount), WithJsonSchema(_AMOUNT_SCHEMA)
]
"""A plain decimal string in major units; `to_money()` makes it Money once the currency is known."""

Amount = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_read_amount),
    AfterValidator(_moves_money),
    WithJsonSchema(_MOVED_SCHEMA | {"description": "More than zero."}),
]

AmountOut = Annotated[str, WithJsonSchema({"type": "string", "pattern": _AMOUNT_OUT, "examples": ["5000.00"]})]
"""An amount in an answer: sums may be longer than what a caller may send, and differences negative."""


def to_money(amount: str, currency: str, *, field: str = "amount") -> Money:
    """The Money an accepted amount stands for; a digit too many for this currency is named with its field."""
    try:
        return Money.parse(amount, currency)
    except InvalidAmount as error:
        raise InvalidAmount(error.detail, errors=(FieldError(field, InvalidAmount.code, error.detail),)) from error


def _read_currency(text: str) -> str:
    if text not in DECIMALS:
        raise PydanticCustomError("unknown_currency", "This currency is not supported.")
    return text


Currency = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_read_currency),
    WithJsonSchema({"type": "string", "enum": sorted(DECIMALS), "examples": ["NGN"]}),
]


def _read_instant(value: Any) -> datetime:
    """An aware instant from RFC 3339 text; a datetime passes if it is aware. Years PostgreSQL and people can hold."""
    if isinstance(value, str):
        if not _INSTANT.fullmatch(value):
            raise PydanticCustomError("invalid_instant", 'Write an instant such as "2027-01-31T22:59:59Z".')
        try:
            value = datetime.fromisoformat(value.upper())
        except ValueError as error:
            raise PydanticCustomError("invalid_instant", "There is no such instant.") from error
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise PydanticCustomError("invalid_instant", "An instant is a text with an offset from UTC.")
    try:
        instant = value.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("invalid_instant", "There is no such instant.") from error
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise PydanticCustomError("instant_out_of_range", "The instant lies outside 1970 to 2200.")
    return instant


Instant = Annotated[
    datetime,
    BeforeValidator(_read_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2027-01-31T22:59:59Z"]}),
]
Flag = StrictBool
Version = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
Pin = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[0-9]{6}$"),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{6}$", "writeOnly": True}),
]
Id = UUID
