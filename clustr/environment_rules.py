"""What is wrong with the settings: what cannot mean anything, and what is not safe in production. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_SERVICE = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_ENCRYPTED = {"require", "verify-ca", "verify-full"}
_FEWEST_DIFFERENT = 16
"""Different characters of a secret, or bytes of a key; one made at random has many more."""

PAYSTACK_URL = "https://api.paystack.co"
FLUTTERWAVE_URL = "https://api.flutterwave.com/v3"
STRIPE_URL = "https://api.stripe.com"
_SHORTEST_WEBHOOK_SECRET = 16
_KEY_SHAPES = {
    "PAYSTACK_SECRET_KEY": re.compile(r"sk_(test|live)_[A-Za-z0-9]{6,}", re.ASCII),
    "PAYSTACK_PUBLIC_KEY": re.compile(r"pk_(test|live)_[A-Za-z0-9]{6,}", re.ASCII),
    "PAYSTACK_PREVIOUS_SECRET_KEY": re.compile(r"sk_(test|live)_[A-Za-z0-9]{6,}", re.ASCII),
    "STRIPE_SECRET_KEY": re.compile(r"[sr]k_(test|live)_[A-Za-z0-9]{6,}", re.ASCII),
    "STRIPE_PUBLISHABLE_KEY": re.compile(r"pk_(test|live)_[A-Za-z0-9]{6,}", re.ASCII),
    "FLUTTERWAVE_SECRET_KEY": re.compile(r"FLWSECK(_TEST)?-[A-Za-z0-9-]{6,}-X", re.ASCII),
    "FLUTTERWAVE_PUBLIC_KEY": re.compile(r"FLWPUBK(_TEST)?-[A-Za-z0-9-]{6,}-X", re.ASCII),
}


def base_url_problems(url: str) -> Iterator[str]:
    parts = _split(url)
    if url and (parts is None or parts.scheme not in ("http", "https") or not parts.hostname):
        yield "CLUSTR_BASE_URL must be a URL with a host"


def email_url_problems(url: str) -> Iterator[str]:
    parts = _split(url)
    if url and (parts is None or parts.scheme not in ("smtp", "smtps", "anymail") or not parts.hostname):
        yield "EMAIL_URL must be smtp://host (STARTTLS), smtps://host, or anymail://service?its=settings"
    elif url and parts and parts.scheme == "anymail" and not (_SERVICE.fullmatch(parts.hostname or "") and parts.query):
        yield "EMAIL_URL names a mail service and its settings: anymail://postmark?server_token=..."


def proxy_problems(proxies: str, *, production: bool) -> Iterator[str]:
    for entry in filter(None, map(str.strip, proxies.split(","))):
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            yield "CLUSTR_TRUSTED_PROXIES must be addresses or networks, comma-separated"
        else:
            if production and network.prefixlen == 0:
                yield "CLUSTR_TRUSTED_PROXIES must not be everybody"


def database_url_problems(name: str, url: str, *, production: bool) -> Iterator[str]:
    """A database's URL names its server, by host or socket, and its database; far away only over TLS."""
    if not url:
        return
    parts = _split(url)
    if parts is None or parts.scheme not in ("postgresql", "postgres"):
        yield f"{name} must be a postgresql:// URL"
        return
    query = dict(parse_qsl(parts.query))
    hosts = [unquote(host) for host in (parts.hostname, query.get("host"), query.get("hostaddr")) if host]
    if not hosts or not parts.path.strip("/"):
        yield f"{name} must name a host or a socket, and a database"
    elif production and not all(map(_is_here, hosts)) and query.get("sslmode") not in _ENCRYPTED:
        yield f"{name} names another machine: it needs sslmode=verify-full, or at least require"


def provider_key_problems(keys: dict[str, str], *, production: bool, test_keys_allowed: bool) -> Iterator[str]:
    """Keys of one provider by setting: each of its shape, all of one mode; live ones in production, and only there."""
    modes = set()
    for name, key in keys.items():
        shape = _KEY_SHAPES[name].fullmatch(key)
        if key and shape is None:
            yield f"{name} does not look like one"
        elif shape is not None:
            modes.add("test" if "test" in (shape[1] or "").lower() else "live")
    provider = next(iter(keys)).partition("_")[0]
    if len(modes) > 1:
        yield f"the {provider} keys must be all of test mode, or all live"
    if "live" in modes and not production:
        yield f"live {provider} keys move real money: they need CLUSTR_ENV=production"
    if "test" in modes and production and not test_keys_allowed:
        yield f"{provider} test keys pay nothing: production refuses them without PROVIDER_TEST_KEYS_IN_PRODUCTION"


def webhook_secret_problems(*, key: str, secret: str, previous: str, provider: str = "FLUTTERWAVE") -> Iterator[str]:
    """A static webhook secret: needed with the key, long enough to guess nothing, not the key itself."""
    if key and not secret:
        yield f"{provider}_SECRET_KEY is set without {provider}_WEBHOOK_SECRET"
    for held in filter(None, (secret, previous)):
        if len(held) < _SHORTEST_WEBHOOK_SECRET or not held.isascii() or not held.isprintable() or " " in held:
            yield f"{provider}_WEBHOOK_SECRET needs at least 16 characters, without spaces"
        if held == key:
            yield f"{provider}_WEBHOOK_SECRET must not be the secret key"


def provider_url_problems(name: str, url: str, *, own: str, production: bool) -> Iterator[str]:
    """A provider's API is at an http address; in production at the provider's own host, over TLS."""
    parts, own_parts = _split(url), _split(own)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        yield f"{name} must be a URL with a host"
    elif production and own_parts and (parts.scheme, parts.netloc) != (own_parts.scheme, own_parts.netloc):
        yield f"{name} must be at {own} in production"


def too_uniform(secret: Collection[str] | bytes) -> bool:
    """Whether a secret was typed rather than made: it has few different characters or bytes."""
    return len(set(secret)) < _FEWEST_DIFFERENT


def _is_here(hosts: str) -> bool:
    return all(host.startswith("/") or host == "localhost" or _is_loopback(host) for host in hosts.split(","))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts
