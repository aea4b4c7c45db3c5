"""`bin/run`: the database, the web, one worker and, in the demonstration, the sandbox, kept running until told to stop."""

from __future__ import annotations

import socket
import sys
import time
import urllib.error
import urllib.request
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandError

from clustr.kit import database, embedded, stand_ins
from clustr.kit.served_at import announce_address, withdraw_address
from clustr.kit.supervisor import Supervisor

DEMONSTRATION = "create_demo"
PLANS = "sync_plans"
OWN_FUNDS = "note_own_funds"
SANDBOX_OPENS_WITH = "100000000.00"
"""Naira in each provider's balance in the sandbox, which are nobody's until the operator says that they are theirs."""


class Command(BaseCommand):
    help = "Prepare the database, make the demonstration's data if there is none, and serve."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        env = settings.ENV
        _refuse_taken_port(env.PORT)
        where = f"embedded in {settings.DATA_DIR}" if env.embedded else "named by DATABASE_URL"
        self._say(f"Starting ClustR ({env.CLUSTR_ENV}); database {where}.")
        database.prepare(progress=self._say)
        self._make_demonstration()
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        announce_address(env=env)
        supervisor = Supervisor(say=self._say)
        supervisor.stop_on_signals()
        providers = stand_ins.stand_in(env=env, root=settings.PROJECT_ROOT)
        environ = providers.environ if providers else None
        supervisor.keep("web", _web_command(), environ=environ)
        supervisor.keep("worker", [sys.executable, str(settings.PROJECT_ROOT / "manage.py"), "worker"], environ=environ)
        if providers:
            supervisor.keep("sandbox", providers.command, environ=environ)
            stand_ins.announce(env=env, url=providers.url)
            self._own_what_the_sandbox_opens_with()
        greeting = _Greeting(self._say, sandbox_url=providers.url if providers else "")
        self._say("Starting web and worker.")
        try:
            supervisor.run(each_turn=[self._watch_database, greeting.try_once])
        finally:
            stand_ins.withdraw(env=env)
            withdraw_address(env=env)
        self._say("Stopped.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _watch_database(self) -> None:
        if not settings.ENV.embedded:
            return
        password = settings.ENV.role_password(embedded.SUPERUSER)
        try:
            if embedded.ensure_running(settings.DATA_DIR, password=password):
                self._say("PostgreSQL had died and was started again.")
        except embedded.EmbeddedServerFailed as error:
            self._say(f"PostgreSQL cannot be started: {error}")
            time.sleep(5)

    def _make_demonstration(self) -> None:
        if _is_demonstration():
            call_command(DEMONSTRATION, stdout=self.stdout)
            call_command(PLANS, stdout=self.stdout)
        elif not (settings.ENV.may_make_demonstration or settings.ENV.production):
            self._say("No demonstration data: DATABASE_URL names a server, and CLUSTR_ENV=demo was not set.")

    def _own_what_the_sandbox_opens_with(self) -> None:
        if _is_demonstration():
            noted = {"reason": "The sandbox opens with it", "by": "ngozi@clustr.test", "once": True}
            for provider in ("flutterwave", "paystack"):
                call_command(OWN_FUNDS, provider, SANDBOX_OPENS_WITH, stdout=StringIO(), **noted)


class _Greeting:
    """Says once where ClustR is to be found, as soon as it answers that it is ready."""

    def __init__(self, say: Any, *, sandbox_url: str) -> None:
        self._say = say
        self._sandbox_url = sandbox_url
        self._since = time.monotonic()
        self._done = False

    def try_once(self) -> None:
        if self._done:
            return
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{settings.ENV.PORT}/readyz", timeout=2):
                pass
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            if time.monotonic() - self._since > 60:
                self._since = time.monotonic()
                self._say(f"Still not ready: {error}")
            return
        self._done = True
        self._say(f"\nClustR is ready: http://127.0.0.1:{settings.ENV.PORT}  (Ctrl-C stops it)")
        if self._sandbox_url:
            self._say(f"Sandbox of the payment providers (no money moves): {self._sandbox_url}  (docs/sandbox.md)")
        if _is_demonstration():
            command = load_command_class(get_commands()[DEMONSTRATION], DEMONSTRATION)
            self._say(getattr(command, "accounts", ""))


def _is_demonstration() -> bool:
    env = settings.ENV
    return env.CLUSTR_ENV == "demo" and env.may_make_demonstration and DEMONSTRATION in get_commands()


def _web_command() -> list[str]:
    env = settings.ENV
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", "127.0.0.1", "--port", str(env.PORT)),
        *("--workers", str(env.WEB_WORKERS), "--blocking-threads", str(env.WEB_THREADS)),
        # A connection that is kept open counts, also between requests: a whole estate's phones must find room.
        *("--backlog", "2048", "--backpressure", "2048"),
        *("--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", "30"),
        *("--working-dir", str(settings.PROJECT_ROOT), "--log-level", "error"),
        "clustr.wsgi:application",
    ]


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise CommandError(f"something serves 127.0.0.1:{port} already; choose another with PORT=...")
