"""`python -m sandbox`: the sandbox alone, until it is told to stop."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from sandbox.clock import FollowedClock
from sandbox.core import Sandbox
from sandbox.courier import Courier
from sandbox.dials import UnknownDial
from sandbox.server import NotLoopback, Server
from sandbox.wire import Keys


def main(arguments: Sequence[str]) -> int:
    wanted = _parser().parse_args(arguments)
    data_dir = Path(os.environ["CLUSTR_DATA_DIR"]) if os.environ.get("CLUSTR_DATA_DIR") else None
    usual = Keys()
    keys = Keys(
        paystack_secret=os.environ.get("PAYSTACK_SECRET_KEY") or usual.paystack_secret,
        flutterwave_secret=os.environ.get("FLUTTERWAVE_SECRET_KEY") or usual.flutterwave_secret,
        flutterwave_hash=os.environ.get("FLUTTERWAVE_WEBHOOK_SECRET") or usual.flutterwave_hash,
        stripe_secret=os.environ.get("STRIPE_SECRET_KEY") or usual.stripe_secret,
        stripe_webhook=os.environ.get("STRIPE_WEBHOOK_SECRET") or usual.stripe_webhook,
    )
    notify = {
        "paystack": wanted.notify_paystack,
        "flutterwave": wanted.notify_flutterwave,
        "stripe": wanted.notify_stripe,
    }
    folder = wanted.folder or (data_dir / "sandbox" if data_dir else None)
    try:
        sandbox = Sandbox(
            wanted.seed,
            FollowedClock(data_dir=data_dir),
            keys=keys,
            dials=dict(fault.partition("=")[::2] for fault in wanted.fault),
            notify={provider: url for provider, url in notify.items() if url},
            folder=folder,
        )
        server = Server(host=wanted.host, port=wanted.port, sandbox=sandbox)
    except (NotLoopback, UnknownDial, OSError) as error:
        sys.stderr.write(f"The sandbox cannot start: {error}\n")
        return 2
    host = f"[{wanted.host}]" if ":" in wanted.host else wanted.host
    sandbox.world.base_url = f"http://{host}:{server.port}"
    if not wanted.quiet:
        _greet(sandbox, keys=keys, notify=notify, folder=folder)
    _serve(server, Courier(sandbox))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bin/sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address; anything else is refused")
    parser.add_argument("--port", type=int, default=int(os.environ.get("SANDBOX_PORT", "8090")), help="0: any free one")
    parser.add_argument("--seed", type=int, default=1, help="what every random choice is made of")
    parser.add_argument("--fault", action="append", default=[], metavar="DIAL=VALUE", help="see docs/sandbox.md")
    parser.add_argument("--notify-paystack", default=os.environ.get("NOTIFY_PAYSTACK", ""), metavar="URL")
    parser.add_argument("--notify-flutterwave", default=os.environ.get("NOTIFY_FLUTTERWAVE", ""), metavar="URL")
    parser.add_argument("--notify-stripe", default=os.environ.get("NOTIFY_STRIPE", ""), metavar="URL")
    parser.add_argument("--folder", type=Path, help="where the journal is kept; none: $CLUSTR_DATA_DIR/sandbox, if set")
    parser.add_argument("--quiet", action="store_true", help="say nothing at start")
    return parser


def _greet(sandbox: Sandbox, *, keys: Keys, notify: dict[str, str], folder: Path | None) -> None:
    base = sandbox.world.base_url
    lines = [
        f"Sandbox (no money moves): {base}",
        f"  PAYSTACK_URL={base}/paystack  PAYSTACK_SECRET_KEY={keys.paystack_secret}",
        f"  FLUTTERWAVE_URL={base}/flutterwave/v3  FLUTTERWAVE_SECRET_KEY={keys.flutterwave_secret}"
        f"  FLUTTERWAVE_WEBHOOK_SECRET={keys.flutterwave_hash}",
        f"  STRIPE_URL={base}/stripe  STRIPE_SECRET_KEY={keys.stripe_secret}  STRIPE_WEBHOOK_SECRET={keys.stripe_webhook}",
        *(f"  webhooks of {provider} go to {url}" for provider, url in notify.items() if url),
        f"  kept in {folder}" if folder else "  kept in memory only",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _serve(server: Server, courier: Courier) -> None:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    courier.start()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()
    stopping.wait()
    courier.stop()
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
