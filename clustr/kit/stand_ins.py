"""The demonstration's payment providers: the process that stands in for them, and what web and worker are told of it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clustr.environment import Environment

# Where any of these is set, somebody has providers of their own.
NAMES = (
    *("PAYSTACK_SECRET_KEY", "PAYSTACK_PUBLIC_KEY", "PAYSTACK_URL"),
    *("FLUTTERWAVE_SECRET_KEY", "FLUTTERWAVE_PUBLIC_KEY", "FLUTTERWAVE_WEBHOOK_SECRET", "FLUTTERWAVE_URL"),
    *("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_URL"),
)
_PORTS_TRIED = 20


@dataclass(frozen=True, slots=True)
class StandIn:
    """A sandbox to be kept running at `url`; `environ` is for it, for the web and for the worker."""

    url: str
    command: list[str]
    environ: dict[str, str]


def stand_in(*, env: Environment, root: Path, environ: Mapping[str, str] = os.environ) -> StandIn | None:
    """The sandbox of this demonstration; None where there is none to be: on somebody's own server, in production, or with
    providers of their own. Its keys open nothing else: no money moves there."""
    wanted = env.CLUSTR_ENV == "demo" and env.may_make_demonstration
    if not wanted or any(environ.get(name) for name in NAMES) or not (root / "sandbox/__main__.py").exists():
        return None
    port = _free_port(after=env.PORT)
    if port is None:
        return None
    url = f"http://127.0.0.1:{port}"
    hooks = f"http://127.0.0.1:{env.PORT}/payments/webhooks"
    paths = [str(root), *filter(None, [environ.get("PYTHONPATH")])]
    return StandIn(
        url=url,
        command=[
            *(sys.executable, "-m", "sandbox", "--quiet", "--port", str(port)),
            *("--notify-paystack", f"{hooks}/paystack/", "--notify-flutterwave", f"{hooks}/flutterwave/"),
            *("--notify-stripe", f"{hooks}/stripe/"),
        ],
        environ={
            "PYTHONPATH": os.pathsep.join(paths),
            "CLUSTR_DATA_DIR": str(env.CLUSTR_DATA_DIR.resolve()),
            **_told(env, url),
        },
    )


def announce(*, env: Environment, url: str) -> None:
    """Tell other processes of the data folder where the sandbox is, until it is `withdraw`n."""
    _announcement(env).write_text(url)


def withdraw(*, env: Environment) -> None:
    """Say no longer where the sandbox was."""
    _announcement(env).unlink(missing_ok=True)


def with_stand_in(env: Environment, *, environ: Mapping[str, str] = os.environ) -> Environment:
    """The same environment, with the sandbox that `serve` runs on this data folder where it runs one: so that
    `bin/manage` asks the same providers as web and worker."""
    wanted = env.CLUSTR_ENV == "demo" and env.may_make_demonstration
    if not wanted or any(environ.get(name) for name in NAMES):
        return env
    try:
        url = _announcement(env).read_text()
    except OSError:
        return env
    return env.model_copy(update=_told(env, url))


def _announcement(env: Environment) -> Path:
    return env.CLUSTR_DATA_DIR / "sandbox-url"


def _told(env: Environment, url: str) -> dict[str, str]:
    key = env.derived_key("sandbox")
    return {
        "PAYSTACK_URL": f"{url}/paystack",
        "PAYSTACK_SECRET_KEY": f"sk_test_{key[:40]}",
        "PAYSTACK_PUBLIC_KEY": f"pk_test_{key[:40]}",
        "FLUTTERWAVE_URL": f"{url}/flutterwave/v3",
        "FLUTTERWAVE_SECRET_KEY": f"FLWSECK_TEST-{key[:32]}-X",
        "FLUTTERWAVE_PUBLIC_KEY": f"FLWPUBK_TEST-{key[:32]}-X",
        "FLUTTERWAVE_WEBHOOK_SECRET": key[32:],
        "STRIPE_URL": f"{url}/stripe",
        "STRIPE_SECRET_KEY": f"sk_test_{key[:40]}",
        "STRIPE_PUBLISHABLE_KEY": f"pk_test_{key[:40]}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{key[24:]}",
        "PAYOUTS_BEYOND_COVER": "true",  # its wallets were filled by hand, and no money moves
    }


def _free_port(*, after: int) -> int | None:
    """The next port on which nothing serves."""
    for port in range(after + 1, min(after + _PORTS_TRIED, 65535) + 1):
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    return None
