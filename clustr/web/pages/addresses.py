"""The addresses of the pages. Each area's stand under its prefix, with names such as `app:bills`."""

from __future__ import annotations

from django.urls import include, path

from clustr.subscriptions.admin import site as staff_site
from clustr.web.pages import shell
from clustr.web.pages.office.addresses import urlpatterns as office
from clustr.web.pages.platform.addresses import urlpatterns as platform
from clustr.web.pages.residents.addresses import urlpatterns as residents

urlpatterns = [
    path("", shell.start, name="start"),
    path("manifest.webmanifest", shell.manifest, name="manifest"),
    path("sw.js", shell.service_worker, name="service_worker"),
    path("offline/", shell.offline, name="offline"),
    path("app/estates/", shell.estates, name="estates"),
    path("app/theme/", shell.theme, name="theme"),
    path("app/", include((residents, "app"))),
    path("office/", include((office, "office"))),
    path("platform/admin/", staff_site.urls),
    path("platform/", include((platform, "platform"))),
]
