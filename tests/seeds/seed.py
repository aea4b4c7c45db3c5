"""What a seed is: one mistake somebody could make, as an exact change of one file, and the tests that should find it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Seed:
    """`edits` are (text that stands once in `file`, what it becomes); `tests` are run first, then `folders`. `races` over
    HTTP find it by themselves."""

    name: str
    says: str
    file: str
    edits: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]
    folders: tuple[str, ...]
    races: tuple[str, ...] = ()

    @property
    def changes_schema(self) -> bool:
        """Whether the tests need another template database than the unseeded code's."""
        of_schema = ("/types.py", "/states.py", "clustr/kit/schema.py", "clustr/kit/database.py")
        return "/migrations/" in self.file or self.file.endswith(of_schema)

    def unfit(self, root: Path) -> list[str]:
        """The texts that do not stand exactly once in the present file."""
        code = (root / self.file).read_text()
        return [old for old, _ in self.edits if code.count(old) != 1]

    def sow(self, root: Path) -> None:
        path = root / self.file
        code = path.read_text()
        for old, new in self.edits:
            if code.count(old) != 1:
                raise ValueError(f"{self.name}: stands {code.count(old)} times in {self.file}: {old!r}")
            code = code.replace(old, new)
        path.write_text(code)


class Sow(Protocol):
    """A room's way to write a seed down: the file and the folders of tests are its own, unless named."""

    def __call__(
        self,
        name: str,
        says: str,
        old: str,
        new: str,
        *tests: str,
        file: str = ...,
        more: tuple[tuple[str, str], ...] = ...,
        races: tuple[str, ...] = ...,
    ) -> Seed: ...


def seeds_of(folders: tuple[str, ...], *, file: str) -> Sow:
    """Makes the seeds of a room: `tests` are names within its first folder of tests, or whole paths."""
    default = file

    def sow(
        name: str,
        says: str,
        old: str,
        new: str,
        *tests: str,
        file: str = default,
        more: tuple[tuple[str, str], ...] = (),
        races: tuple[str, ...] = (),
    ) -> Seed:
        paths = tuple(test if test.startswith("tests/") else f"{folders[0]}/{test}" for test in tests)
        found_by = tuple(f"tests/http_races/{race}" for race in races)
        return Seed(name, says, file, ((old, new), *more), paths, folders, found_by)

    return sow
