"""What is said to programs in English, always, and to people in their language.

A refusal is made far from whoever hears of it: the API answers it as it stands, and a page looks it up. So it is a text in
English that remembers of what it was made; `for_people` is the one place where it becomes another language's. Its
templates need no mark: `bin/manage makemessages` finds them by the names in `KEYWORDS`, and by those of the refusals.
"""

from __future__ import annotations

from django.utils.translation import gettext

KEYWORDS = ("Sentence:1", "of:3", "FieldError:3", "add:4", "Problem:2", "PydanticCustomError:2", "Explanation:1")
"""What else than a refusal is given a sentence, and as which argument: `InvalidValue.of`, `LineErrors.add` and others."""


class Sentence(str):
    """`Sentence("At most {longest} characters.", longest=200)`: a constant template, so that it can be looked up."""

    template: str
    values: dict[str, object]

    def __new__(cls, template: str, /, **values: object) -> Sentence:
        if isinstance(template, Sentence) and not values:
            return template  # passed on
        made = super().__new__(cls, template.format(**values) if values else template)
        made.template = template
        made.values = values
        return made


def for_people(text: str) -> str:
    """A sentence in the language of who reads it: the one that is active. English where nobody translated it."""
    if not isinstance(text, Sentence):
        return gettext(text) if text else ""
    said = gettext(text.template)
    try:
        return said.format(**text.values) if text.values else said
    except (KeyError, IndexError, ValueError):  # a translator misspelt a value's name: better English than nothing
        return str(text)
