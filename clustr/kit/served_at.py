"""Where `serve` serves: told to whoever works on the same data folder meanwhile, so that `bin/manage` makes the same links."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from clustr.environment import Environment


def announce_address(*, env: Environment) -> None:
    """Tell other processes of the data folder where this one serves, until it is withdrawn."""
    _announcement(env).write_text(env.base_url if env.CLUSTR_BASE_URL else f"http://127.0.0.1:{env.PORT}")


def withdraw_address(*, env: Environment) -> None:
    """Say no longer where it was served."""
    _announcement(env).unlink(missing_ok=True)


def with_address(env: Environment, *, environ: Mapping[str, str] = os.environ) -> Environment:
    """The same environment, with the address that is served from this data folder where none was given."""
    if env.CLUSTR_BASE_URL or environ.get("PORT"):
        return env
    try:
        return env.model_copy(update={"CLUSTR_BASE_URL": _announcement(env).read_text()})
    except OSError:
        return env


def _announcement(env: Environment) -> Path:
    return env.CLUSTR_DATA_DIR / "web-url"
