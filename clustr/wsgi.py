"""The application a web server imports. It serves only from a database that holds what ClustR promises."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clustr.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from clustr.kit import database  # noqa: E402 - Django must be set up first

database.join()
database.check_safety()
