"""The project's settings for tests: a server, secrets and roles of their own, and a quick hasher for sign-in."""

from __future__ import annotations

import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent

os.environ["CLUSTR_ENV"] = "test"
os.environ["CLUSTR_DATA_DIR"] = os.environ.get("CLUSTR_TEST_DATA_DIR") or str(_ROOT / ".clustr" / "test")
os.environ.setdefault("DATABASE_ROLE_PREFIX", "clustr_test")
# Most tests fill wallets with cash, which no provider holds; whoever asks for `cover` goes by the rule.
os.environ["PAYOUTS_BEYOND_COVER"] = "true"

from tests import measuring  # noqa: E402

MEASUREMENT = measuring.begin()

from clustr.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Each test client makes the middleware anew, which would look through all static files each time.
WHITENOISE_AUTOREFRESH = True
