"""Pure rules: the one way to write an address, and from where a request comes."""

from __future__ import annotations

import pytest

from clustr.people.policies import client_address, normalised_email, one_line

PROXIES = ["10.0.0.0/8", "2001:db8::/32"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ada@PalmGrove.Test ", "ada@palmgrove.test"),
        ("\uff21da@x.test", "ada@x.test"),
        ("o'neil+a@x.test", "o'neil+a@x.test"),
    ],
)
def test_an_address_has_one_spelling(text: str, expected: str) -> None:
    assert normalised_email(text) == expected


def test_a_name_is_one_line() -> None:
    assert one_line(" Ada\r\nBcc: all\x00\t Obi ") == "Ada Bcc: all Obi"
    assert one_line("a\u202eb") == "a b"


@pytest.mark.parametrize("name", ["علی\u200cرضا", "👩🏾\u200d🚀 Ngozi", "Ọláṣubọ̀mí", "Ƙofar Ƴar’adua"])
def test_a_name_keeps_its_joiners_and_marks(name: str) -> None:
    assert one_line(name) == name


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("198.51.100.7", "", "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # nobody we trust said so
        ("10.0.0.2", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.2", "1.2.3.4, 203.0.113.9", "203.0.113.9"),  # what the client made up stands to the left
        ("10.0.0.2", "203.0.113.9, 10.0.0.3", "203.0.113.9"),
        ("10.0.0.2", "nonsense", "10.0.0.2"),
        ("10.0.0.2", "203.0.113.9, nonsense", "10.0.0.2"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("2001:db8::1", "2a00::5", "2a00::5"),
        ("::ffff:198.51.100.7", "", "198.51.100.7"),
        ("", "203.0.113.9", "0.0.0.0"),  # noqa: S104
    ],
)
def test_only_trusted_proxies_are_believed(remote: str, forwarded: str, expected: str) -> None:
    assert client_address(remote=remote, forwarded_for=forwarded, trusted=PROXIES) == expected
