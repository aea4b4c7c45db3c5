"""The project's settings for measuring: a server, secrets and a database of their own, and no throttle in the way."""

from __future__ import annotations

import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent

DATA_DIR = Path(os.environ.get("BENCH_DATA_DIR") or _ROOT / ".clustr" / "bench").resolve()
ENVIRONMENT = {
    "CLUSTR_ENV": "test",
    "CLUSTR_DATA_DIR": str(DATA_DIR),
    "CLUSTR_BASE_URL": "http://clustr.bench",
    "CLUSTR_LOG_LEVEL": "INFO",
    "DATABASE_ROLE_PREFIX": "clustr_bench",
    "DATABASE_URL": "",
    "DATABASE_APP_URL": "",
    "DATABASE_SWEEP_URL": "",
    "DATABASE_CHECKER_URL": "",
    "THROTTLE_MONEY_PER_MINUTE": "1000000",
    "THROTTLE_MONEY_BURST": "1000000",
    "THROTTLE_NAMES_PER_MINUTE": "1000000",
    "THROTTLE_NAMES_PER_ESTATE": "1000000",
    "THROTTLE_ADDRESS_PER_MINUTE": "100000000",
}
"""What this process and the servers it starts have in common; only the servers log every request, as in production."""

os.environ.update(ENVIRONMENT | {"CLUSTR_LOG_LEVEL": "WARNING"})

from clustr.settings import *  # noqa: E402, F403
