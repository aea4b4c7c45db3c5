"""The application a web server imports. It serves only from a database that holds what ClustR promises."""

from __future__ import annotations

import multiprocessing
import os
import signal

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clustr.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from clustr.kit import database, supervisor  # noqa: E402 - Django must be set up first

if (master := multiprocessing.parent_process()) and master.pid:
    # One of a web server's processes: without the master nobody would stop it, and it would keep the port.
    supervisor.die_with_parent(parent=master.pid, by=signal.SIGKILL)

database.join()
database.check_safety()
