"""How passwords are hashed."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """Argon2id as OWASP recommends for servers (19 MiB, two passes, one lane): Django's own 100 MiB and eight lanes would
    let a hundred people signing in at once take 10 GB and every core."""

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
