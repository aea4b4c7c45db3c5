"""Django's command line, joined to the embedded PostgreSQL where ClustR runs its own. Called by bin/manage."""

from __future__ import annotations

import os
import signal
import sys

_WITHOUT_DATABASE = {"help", "--help", "version", "--version", "collectstatic", "diffsettings", "findstatic"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clustr.settings")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave the embedded server in good order
    from django.core.management import execute_from_command_line

    if len(sys.argv) > 1 and sys.argv[1] not in _WITHOUT_DATABASE and "--help" not in sys.argv:
        from django.conf import settings

        from clustr.kit import embedded

        if settings.ENV.embedded:
            embedded.join(settings.DATA_DIR, password=settings.ENV.role_password(embedded.SUPERUSER))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
