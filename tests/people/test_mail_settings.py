"""Where mail goes: a server named by EMAIL_URL, always over TLS; otherwise the data folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from clustr.kit import clock
from clustr.people import commands, tasks
from clustr.people.models import Mail
from tests.people.someone import someone

_NAMES = ["BACKEND", "HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL", "FILE_PATH"]


def settings_with(url: str) -> dict[str, Any]:
    script = (
        "import json, clustr.settings as s\n"
        f"print(json.dumps({{n: str(getattr(s, 'EMAIL_' + n, None)) for n in {_NAMES!r}}}))\n"
    )
    environment = {**os.environ, "CLUSTR_ENV": "test", "EMAIL_URL": url}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize(
    ("url", "port", "starttls", "tls"),
    [
        ("smtp://ada%40x.test:p%2Fw@mail.test", "587", "True", "False"),
        ("smtp://ada%40x.test:p%2Fw@mail.test:2525", "2525", "True", "False"),
        ("smtps://ada%40x.test:p%2Fw@mail.test", "465", "False", "True"),
    ],
)
def test_it_works(url: str, port: str, starttls: str, tls: str) -> None:
    found = settings_with(url)
    assert found["BACKEND"].endswith("smtp.EmailBackend")
    assert (found["HOST"], found["PORT"]) == ("mail.test", port)
    assert (found["HOST_USER"], found["HOST_PASSWORD"]) == ("ada@x.test", "p/w")
    assert (found["USE_TLS"], found["USE_SSL"]) == (starttls, tls)


def test_without_a_server_mail_is_written_to_the_data_folder() -> None:
    found = settings_with("")
    assert found["BACKEND"].endswith("filebased.EmailBackend")
    assert found["FILE_PATH"].endswith("/mail")


def test_the_jobs_do_what_they_are_named_for() -> None:
    bola = someone()
    commands.write_to(user_id=bola.id, template="people/mail/totp_activated", context={}, now=clock.now())
    tasks.send_mail(mail_id=str(Mail.objects.get(user_id=bola.id).id))
    assert not Mail.objects.filter(user_id=bola.id).exists()
    tasks.purge_expired(timestamp=0)
