"""The one way out: between transactions only, no redirects, no surprises from the machine's environment."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import connections, transaction

from clustr.kit.outbound import (
    NetworkInTransaction,
    NothingSent,
    Outbound,
    OutcomeUnknown,
    outbound_client,
    refuse_inside_transaction,
)
from clustr.kit.session_locks import session_lock_noted


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/moved":
        return httpx.Response(302, headers={"location": "http://169.254.169.254/"})
    return httpx.Response(200, json={"path": request.url.path})


@pytest.fixture
def client() -> httpx.Client:
    return outbound_client(
        base_url="https://provider.example", timeout_seconds=5, transport=httpx.MockTransport(answer)
    )


def test_it_works(client: httpx.Client) -> None:
    assert client.get("/balance").json() == {"path": "/balance"}


def test_inside_a_transaction_it_refuses(client: httpx.Client) -> None:
    with pytest.raises(NetworkInTransaction), transaction.atomic():
        client.get("/balance")


def test_inside_a_transaction_of_any_connection_it_refuses(client: httpx.Client) -> None:
    with pytest.raises(NetworkInTransaction, match="sweep"), transaction.atomic(using="sweep"):
        client.get("/balance")


def test_inside_a_transaction_that_django_knows_nothing_of_it_refuses(client: httpx.Client) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("BEGIN")
        try:
            with pytest.raises(NetworkInTransaction, match="default"):
                client.get("/balance")
        finally:
            cursor.execute("ROLLBACK")
    assert client.get("/balance").status_code == 200


def test_while_a_lock_of_the_session_is_held_it_refuses(client: httpx.Client) -> None:
    with session_lock_noted("something"), pytest.raises(NetworkInTransaction, match="something"):
        client.get("/balance")
    assert client.get("/balance").status_code == 200


def test_redirects_are_not_followed(client: httpx.Client) -> None:
    assert client.get("/moved").status_code == 302


class Patience:
    """Records pauses instead of waiting, and moves a clock of its own by them."""

    def __init__(self) -> None:
        self.paused: list[float] = []
        self.at = 0.0

    def sleep(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.at += seconds

    def tick(self) -> float:
        return self.at


class Script:
    """Answers with each of these in turn: a status, a status with headers, or an exception."""

    def __init__(self, *steps: Any) -> None:
        self.steps = list(steps)
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        step = self.steps.pop(0)
        if isinstance(step, type):
            raise step("secret", request=request)
        status, headers = step if isinstance(step, tuple) else (step, {})
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(b'{"n": 0.10}'))


def outbound(script: Script, patience: Patience) -> Outbound:
    return Outbound(
        base_url="https://provider.example/v3/",
        headers={"Authorization": "Bearer secret"},
        timeout_seconds=20,
        transport=httpx.MockTransport(script),
        sleep=patience.sleep,
        tick=patience.tick,
        jitter=lambda: 1.0,
    )


def test_an_answer_is_exact() -> None:
    script = Script(200)
    answer = outbound(script, Patience()).get("a", "b/c?", query={"x": "1 2"})
    assert answer.body == {"n": Decimal("0.10")}
    assert isinstance(answer.body["n"], Decimal)
    assert str(script.seen[0].url) == "https://provider.example/v3/a/b%2Fc%3F?x=1+2"


def test_a_read_is_repeated_with_growing_pauses() -> None:
    script, patience = Script(503, httpx.ReadError, 200), Patience()
    assert outbound(script, patience).get("a").http_status == 200
    assert patience.paused == [0.4, 0.8]


def test_a_read_is_given_up_in_the_end() -> None:
    script, patience = Script(503, 503, 503, 200), Patience()
    with pytest.raises(OutcomeUnknown, match="503"):
        outbound(script, patience).get("a")
    assert len(script.seen) == 3


def test_an_effect_is_not_repeated_once_it_may_have_been_heard() -> None:
    script, patience = Script(httpx.ReadTimeout, 200), Patience()
    with pytest.raises(OutcomeUnknown):
        outbound(script, patience).post("a", body={})
    assert len(script.seen) == 1


def test_what_was_surely_not_sent_is_repeated() -> None:
    script = Script(httpx.ConnectError, httpx.ConnectTimeout, 200)
    assert outbound(script, Patience()).post("a", body={}).http_status == 200


def test_not_sent_after_not_heard_is_not_heard() -> None:
    """The second attempt did not leave; the first may have been heard all the same."""
    script = Script(httpx.ReadTimeout, httpx.ConnectError, httpx.ConnectError)
    with pytest.raises(OutcomeUnknown):
        outbound(script, Patience()).post("a", body={}, repeatable=True)


def test_a_refusal_after_not_heard_is_not_heard() -> None:
    with pytest.raises(OutcomeUnknown, match="refused_after_unknown"):
        outbound(Script(httpx.ReadTimeout, 400), Patience()).post("a", body={}, repeatable=True)


def test_a_refusal_after_not_sent_is_a_refusal() -> None:
    assert outbound(Script(httpx.ConnectError, 400), Patience()).post("a", body={}).http_status == 400


@pytest.mark.parametrize(
    ("said", "paused"), [("3", [3]), ("0", [0]), ("soon", [0.4]), ("Wed, 21 Oct 2026 07:28:00 GMT", [0.4])]
)
def test_retry_after_is_honoured(said: str, paused: list[float]) -> None:
    patience = Patience()
    outbound(Script((429, {"retry-after": said}), 200), patience).get("a")
    assert patience.paused == paused


def test_a_long_retry_after_is_left_to_the_caller() -> None:
    patience = Patience()
    with pytest.raises(OutcomeUnknown) as raised:
        outbound(Script((429, {"retry-after": "1800"}), 200), patience).get("a")
    assert (raised.value.retry_after_seconds, patience.paused) == (1800, [])


def test_repeats_end_with_the_time_of_one_call() -> None:
    script, patience = Script(503, 200), Patience()
    slow = outbound(script, patience)
    patience.tick = lambda: patience.at + 19.9 * len(script.seen)  # type: ignore[method-assign]
    slow._tick = patience.tick
    with pytest.raises(OutcomeUnknown):
        slow.get("a")
    assert len(script.seen) == 1


def test_a_persons_wait_is_one_for_all_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What time there is for an attempt is what those before it left, and nothing is asked when there is none."""
    script, patience = Script(503, httpx.ConnectError, 200), Patience()
    quick = outbound(script, patience)
    allowed: list[float] = []
    monkeypatch.setattr("clustr.kit.outbound.deadline", lambda seconds: nullcontext(allowed.append(round(seconds, 1))))

    def answer(request: httpx.Request) -> httpx.Response:
        patience.at += 2.0
        return script(request)

    quick._client = outbound_client(
        base_url="https://provider.example", timeout_seconds=20, transport=httpx.MockTransport(answer)
    )
    assert quick.get("a", within_seconds=8).http_status == 200
    assert (allowed, patience.paused) == ([8.0, 5.6, 2.8], [0.4, 0.8])
    script.steps, allowed[:] = [503, 503, 503], []
    with pytest.raises(OutcomeUnknown):
        quick.get("a", within_seconds=5)
    assert allowed == [5.0, 2.6]
    script.steps, allowed[:] = [503, 503, 200], []
    quick.get("a")
    assert allowed == [20.0, 20.0, 20.0], "where nobody waits each attempt has its own"


def test_inside_a_transaction_an_effect_is_refused_before_it_leaves() -> None:
    script = Script(200)
    with pytest.raises(NetworkInTransaction), transaction.atomic():
        outbound(script, Patience()).post("a", body={})
    assert script.seen == []
    refuse_inside_transaction()


@pytest.fixture
def drip() -> Iterator[str]:
    """A host on this machine that sends a byte now and then, and never ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 100:
                connection.send(bytes([byte]))
                if stopped.wait(0.05):
                    return

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    stopped.set()
    listener.close()
    server.join(5)


def test_a_host_that_drips_is_left_at_the_deadline(drip: str) -> None:
    """Each read answers in time; all together they may not take longer than the deadline."""
    with pytest.raises(OutcomeUnknown, match="ReadTimeout"):
        Outbound(base_url=drip, headers={}, timeout_seconds=0.5).post("a", body={})


def test_a_port_that_nobody_serves_means_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(NothingSent, match="ConnectError"):
        Outbound(base_url=address, headers={}, timeout_seconds=2, sleep=lambda _seconds: None).post("a", body={})


def test_a_host_that_proves_nothing_hears_nothing(tmp_path: Path) -> None:
    """Its certificate is its own; the request is not sent, and with it not the key."""
    heard: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own_certificate(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                        heard.append(secure.recv(65536))

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        address = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(NothingSent, match="ConnectError"):
            Outbound(base_url=address, headers={}, timeout_seconds=20, sleep=lambda _seconds: None).post("a", body={})
        listener.shutdown(socket.SHUT_RDWR)
    server.join(5)
    assert not any(heard)


def own_certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    path = folder / "own.pem"
    path.write_bytes(text)
    return path


class Echo(BaseHTTPRequestHandler):
    """Tells from which port it was asked, and the query."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"from": self.client_address[1], "n": self.path.rpartition("=")[2]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def serving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_real_transport_reads_and_keeps_its_connection(monkeypatch: pytest.MonkeyPatch, serving: str) -> None:
    """And asks no proxy that the machine's environment names."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    client = Outbound(base_url=serving, headers={}, timeout_seconds=20)
    first, second = client.get("a"), client.get("a")
    client.close()
    assert first.body["from"] == second.body["from"], "the same connection"


def test_threads_share_one_way_out(serving: str) -> None:
    client = Outbound(base_url=serving, headers={}, timeout_seconds=20)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: client.get("a", query={"n": str(number)}), range(64)))
    client.close()
    assert [answer.body["n"] for answer in answers] == list(map(str, range(64)))
