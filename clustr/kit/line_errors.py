"""What is wrong with a file of rows, line by line."""

from __future__ import annotations

from dataclasses import dataclass, field

from clustr.kit.errors import FieldError, Refusal
from clustr.kit.sentences import Sentence

MAX_ERRORS = 100


@dataclass(slots=True)
class LineErrors:
    """The errors of a sheet or a roster; a hundred of them are enough to know."""

    found: list[FieldError] = field(default_factory=list)
    total: int = 0

    def add(self, line: int, column: str, code: str, message: str, /, **values: object) -> None:
        self.total += 1
        if len(self.found) < MAX_ERRORS:
            self.found.append(FieldError(f"lines.{line}.{column}", code, Sentence(message, **values)))

    def raise_if_any(self, refusal: type[Refusal], outcome: str) -> None:
        """Refuse with all of them, if there is one. `outcome`: what did not happen, such as "nothing was billed".
        Said to programs; pages say it in words of their own."""
        if self.total:
            shown = "" if self.total <= MAX_ERRORS else f" The first {MAX_ERRORS} are listed."
            raise refusal(f"{self.total} error(s) in the file; {outcome}.{shown}", errors=tuple(self.found))
