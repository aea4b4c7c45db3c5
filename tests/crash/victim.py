"""A process that dies on request: `python -m tests.crash.victim DATABASE` answers requests, each in a fork of its own.

Reads one JSON object a line: `method`, `path`, `body`, `headers`, and `at`, the crash point at which the fork is killed.
Writes one a line: the `signal` the fork died of, or the `status` it answered with.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import django
from django.conf import settings


def main() -> None:
    django.setup()
    from django.db import connections
    from django.test import Client

    settings.ALLOWED_HOSTS.append("testserver")
    settings.ENV = settings.ENV.model_copy(
        update={
            "THROTTLE_MONEY_PER_MINUTE": 1_000_000,
            "THROTTLE_MONEY_BURST": 1_000,
            "THROTTLE_NAMES_PER_MINUTE": 1_000,
            "THROTTLE_NAMES_PER_ESTATE": 1_000,
        }
    )
    for alias in connections:
        connections[alias].settings_dict["NAME"] = sys.argv[1]
    Client().post("/members/bills/pay_bill/", {}, content_type="application/json")  # everything is imported once, here
    connections.close_all()
    connections["default"].close_pool()
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        print(json.dumps(_in_a_fork(json.loads(line))), flush=True)  # noqa: T201


def _in_a_fork(asked: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(_ask(asked)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    _, ended = os.waitpid(child, 0)
    with os.fdopen(reading) as answered:
        status = answered.read()
    return {"signal": os.WTERMSIG(ended) if os.WIFSIGNALED(ended) else None, "status": int(status or 0)}


def _ask(asked: dict[str, Any]) -> int:
    from django.test import Client

    from clustr.kit.crashpoints import failing, watching

    with watching(failing(f"{asked['at']}:kill")):
        answer = Client(raise_request_exception=False).generic(
            asked["method"],
            asked["path"],
            json.dumps(asked["body"]),
            content_type="application/json",
            headers=asked["headers"],
        )
    return answer.status_code


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    main()
