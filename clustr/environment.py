"""Every environment variable ClustR reads, typed and checked once. `docs/settings.md` lists them for people."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from clustr import environment_rules as rules

ROOT = Path(__file__).resolve().parent.parent


class UnsafeSettings(ValueError):
    """The settings are not safe for production."""


class Environment(BaseSettings):
    """The process's settings. In production anything unsafe refuses to start; elsewhere secrets are made and kept in
    the data folder."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True, hide_input_in_errors=True)

    CLUSTR_ENV: Literal["demo", "test", "production"] = Field(
        "demo", description="What this process is for: `demo`, `test` or `production`."
    )
    CLUSTR_DATA_DIR: Path = Field(
        ROOT / ".clustr", description="Embedded PostgreSQL, generated secrets, and outgoing mail of a demonstration."
    )
    CLUSTR_SECRET_KEY: str = Field("", description="Signs sessions and tokens; at least 50 characters.")
    CLUSTR_PIN_PEPPERS: str = Field(
        "", description="`id:hex` pairs, comma-separated, the newest first: what wallet PINs are mixed with."
    )
    CLUSTR_ENCRYPTION_KEYS: str = Field(
        "",
        description="`id:hex` pairs of 32-byte keys, comma-separated, the newest first: seal bank and meter numbers.",
    )
    CLUSTR_ALLOWED_HOSTS: str = Field("localhost,127.0.0.1,[::1]", description="Host names served, comma-separated.")
    CLUSTR_BASE_URL: str = Field(
        "", description="Where people reach this server; used in links. Empty: `http://127.0.0.1:$PORT`."
    )
    CLUSTR_TRUSTED_PROXIES: str = Field(
        "", description="Addresses or networks whose X-Forwarded-For is believed, comma-separated."
    )
    CLUSTR_METRICS_TOKEN: str = Field("", description="Bearer token that opens /metrics in production.")
    CLUSTR_DEMO_MEMBERS: int = Field(5000, ge=10, description="Residents of Palm Grove, the demonstration estate.")
    CLUSTR_LOG_LEVEL: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    DATABASE_URL: str = Field("", description="PostgreSQL >= 15, as the owner of the schema; empty: embedded.")
    DATABASE_APP_URL: str = Field("", description="The runtime role's login; empty: derived from DATABASE_URL.")
    DATABASE_SWEEP_URL: str = Field("", description="The sweep role's login; empty: derived from DATABASE_URL.")
    DATABASE_CHECKER_URL: str = Field("", description="The checker role's login; empty: derived from DATABASE_URL.")
    DATABASE_POOL_SIZE: int = Field(16, ge=1, description="Connections each process keeps at most.")
    DATABASE_ROLE_PREFIX: str = Field(
        "clustr", pattern=r"^[a-z][a-z0-9_]{0,30}$", description="Prefix of the three roles ClustR makes."
    )
    PORT: int = Field(8000, ge=1, le=65535, description="Where bin/run serves, on the loopback address.")
    WEB_WORKERS: int = Field(2, ge=1, description="Web processes.")
    WEB_THREADS: int = Field(8, ge=1, description="Threads of each web process.")
    EMAIL_URL: str = Field(
        "",
        description="`smtp://user:password@host:587` (STARTTLS), `smtps://`, or a service through django-anymail with its settings: `anymail://postmark?server_token=...`; empty: mail is written to the data folder.",
    )
    SMS_SENDER: Literal["", "console"] = Field(
        "", description="Offer notices by SMS: `console` writes them to the log, for trying out; empty: not offered."
    )
    WHATSAPP_SENDER: Literal["", "console"] = Field("", description="The same for WhatsApp.")
    EMAIL_FROM: str = Field("ClustR <no-reply@localhost>", description="Sender of the system's mail.")
    THROTTLE_MONEY_PER_MINUTE: int = Field(120, ge=1, description="Money POSTs (and their like) per user and minute.")
    THROTTLE_MONEY_BURST: int = Field(40, ge=1, description="How many of them may come at once.")
    THROTTLE_NAMES_PER_MINUTE: int = Field(
        10, ge=1, description="Questions whose bank account it is, per user and minute."
    )
    THROTTLE_NAMES_PER_ESTATE: int = Field(60, ge=1, description="The same per estate and minute.")
    THROTTLE_ADDRESS_PER_MINUTE: int = Field(20_000, ge=1, description="Requests per address and minute.")
    THROTTLE_SIGN_IN_PER_ACCOUNT: int = Field(5, ge=1, description="Wrong passwords of an account in five minutes.")
    THROTTLE_SIGN_IN_PER_ADDRESS: int = Field(600, ge=1, description="Wrong passwords from an address in five minutes.")
    ACCESS_TOKEN_SECONDS: int = Field(3600, ge=60, description="Life of an API client's access token.")
    IDEMPOTENCY_DAYS: int = Field(30, ge=30, description="How long first answers are kept for repeats.")
    PAYSTACK_SECRET_KEY: str = Field("", description="`sk_test_...` or `sk_live_...`; empty: Paystack is off.")
    PAYSTACK_PUBLIC_KEY: str = Field("", description="`pk_...` of the same mode.")
    PAYSTACK_PREVIOUS_SECRET_KEY: str = Field(
        "", description="While the secret key is changed: the one before, whose signatures still count."
    )
    PAYSTACK_URL: str = Field(rules.PAYSTACK_URL, description="Paystack's API.")
    FLUTTERWAVE_SECRET_KEY: str = Field(
        "", description="`FLWSECK_TEST-...-X` or `FLWSECK-...-X`; empty: Flutterwave is off."
    )
    FLUTTERWAVE_PUBLIC_KEY: str = Field("", description="`FLWPUBK...` of the same mode.")
    FLUTTERWAVE_WEBHOOK_SECRET: str = Field(
        "", description='The "secret hash" of its dashboard, at least 16 characters; needed with the secret key.'
    )
    FLUTTERWAVE_PREVIOUS_WEBHOOK_SECRET: str = Field(
        "", description="While the webhook secret is changed: the one before, which still counts."
    )
    FLUTTERWAVE_URL: str = Field(rules.FLUTTERWAVE_URL, description="Flutterwave's API, version 3.")
    STRIPE_SECRET_KEY: str = Field("", description="`sk_test_...` or `sk_live_...`; empty: plans are not sold by card.")
    STRIPE_PUBLISHABLE_KEY: str = Field("", description="`pk_...` of the same mode.")
    STRIPE_WEBHOOK_SECRET: str = Field(
        "", description="`whsec_...` of the endpoint `/payments/webhooks/stripe/`; needed with the secret key."
    )
    STRIPE_PREVIOUS_WEBHOOK_SECRET: str = Field(
        "", description="While the webhook secret is changed: the one before, whose signatures still count."
    )
    STRIPE_API_VERSION: str = Field(
        "",
        pattern=r"^(20[0-9]{2}-[0-9]{2}-[0-9]{2}(\.[a-z]+)?)?$",
        description="The version of Stripe's API to speak; empty: that of its library. Both shapes are read.",
    )
    STRIPE_URL: str = Field(rules.STRIPE_URL, description="Stripe's API.")
    PROVIDER_TIMEOUT_SECONDS: int = Field(
        35, ge=5, le=120, description="How long a payment provider may take to answer; Flutterwave gives up after 28."
    )
    PROVIDER_CALLS_AT_ONCE: int = Field(
        4, ge=1, description="Calls of one process to one provider at the same time; fewer than its threads."
    )
    PROVIDER_TEST_KEYS_IN_PRODUCTION: bool = Field(
        False, description="Allow test keys in production, for rehearsals: nothing paid with them is real."
    )
    AUDIT_ANCHOR_DIR: str = Field(
        "",
        description="Where the trail's signed anchors are written; best where the database's machine cannot write. Empty: the data folder.",
    )
    AUDIT_ANCHOR_KEYS: str = Field(
        "",
        description="`id:hex` pairs of 32-byte keys, comma-separated, the newest first: sign anchors. Empty: derived from the secret key.",
    )
    CLUSTR_CRASH_AT: str = Field(
        "", description="For tests: where to crash (`clustr/kit/crashpoints.py`); production refuses it."
    )
    PIN_RESET_MINUTES: int = Field(10, ge=1, le=10, description="Life of a PIN reset code.")
    TRANSFER_LIMIT_RAISE_HOURS: int = Field(
        24, ge=1, description="How long after it was raised or removed a limit of transfers counts as it was."
    )
    PAYOUT_COOLING_HOURS: int = Field(
        24, ge=0, description="How long money waits before it is sent to a bank account that was never paid before."
    )
    CALLBACK_ORIGINS: str = Field(
        "",
        description="Origins, comma-separated, that payers may be sent back to besides ClustR's own: `https://app.example`.",
    )
    PAYOUT_PROVIDER: str = Field(
        "", description="The provider that sends money to bank accounts; empty: the first one that has keys."
    )
    SETTLES_TO_BANK: str = Field(
        "",
        description="Providers, comma-separated, that pay what they take to your own bank on purpose: `paystack`. Of others, each such"
        " settlement is a case, because it is estates' money that left the balance they are paid from.",
    )
    PAYOUTS_BEYOND_COVER: bool = Field(
        False,
        description="Send payouts, and buy utilities, beyond what providers hold for the estate by the books: set it where you"
        " answer for it that estates pay out more than came in. Otherwise they wait.",
    )
    PROVIDER_FEES: str = Field(
        "paystack:NGN:150:100.00:2000.00:2500.00,flutterwave:NGN:140:0:2000.00:0",
        description="What providers take of a payment, to be added where the payer bears it: `provider:CURRENCY:basis"
        " points:fixed:cap:fixed from`, comma-separated, amounts in major units.",
    )
    PAYSTACK_UTILITIES: Literal["", "bill", "flutterwave"] = Field(
        "",
        description="Utilities through Paystack: empty: not offered; `bill`: by its endpoint `/bill`, which it does not"
        " publish; `flutterwave`: sold by Flutterwave in its stead.",
    )
    UTILITY_QUOTE_MINUTES: int = Field(
        10, ge=1, le=10, description="How long the validation of a customer number, and a quote for it, count."
    )
    UTILITY_DAILY_LIMIT: str = Field(
        "1000000.00",
        pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?$",
        description="What one member may buy of utilities within 24 hours, in major units of the estate's currency.",
    )
    UTILITY_HIGH_AMOUNT: str = Field(
        "50000.00",
        pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?$",
        description="From which amount on a purchase needs a PIN, and a number that is not new.",
    )
    UTILITY_COOLING_MINUTES: int = Field(
        60, ge=0, description="How long a customer number is new: nothing of UTILITY_HIGH_AMOUNT is bought for it."
    )
    UTILITY_PURCHASES_PER_MINUTE: int = Field(
        6, ge=1, description="Purchases per member; half as many for each number, twenty times as many for each device."
    )
    UTILITY_VALIDATIONS_PER_MINUTE: int = Field(
        10, ge=1, description="Validations of customer numbers per member, and twenty times as many for each device."
    )
    SUBSCRIPTION_PLANS: str = Field(
        "",
        description="The plans on offer, as JSON by code; empty: those of `clustr/subscriptions/catalogue.py`."
        " `bin/manage sync_plans` takes them over.",
    )
    USAGE_PACKS: str = Field(
        "",
        description="Units that subscribers buy in advance by card, as JSON by code; empty: those of"
        " `clustr/subscriptions/catalogue.py`.",
    )
    SUBSCRIPTION_TAX_RATES: str = Field(
        "NG:750", description="Tax on subscriptions by country, in basis points: `NG:750` is 7.5 %. Others pay none."
    )
    SUBSCRIPTION_COUNTRY: str = Field(
        "NG", pattern=r"^[A-Z]{2}$", description="Where ClustR sells from; taxed so is who gave no billing address."
    )
    SUBSCRIPTION_SELLER: str = Field(
        "",
        description="Who issues the invoices, as JSON: `name`, `line1`, `city` and `tax_id` must be there, the rest of"
        " `clustr/subscriptions/sellers.py` (bank account, contact, `legal_id`) may. Empty: a seller for trying."
        " In production no plan with a price is put on sale before this is set.",
    )
    SUBSCRIPTION_CLEARING: str = Field(
        "",
        pattern=r"^([A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*)?$",
        description="Where a tax authority clears invoices: `package.module:Class` of its adapter"
        " (`clustr/subscriptions/clearing.py`). Empty: invoices are not cleared.",
    )
    SUBSCRIPTION_SAVE_COUPON: str = Field(
        "", max_length=40, description="The coupon that is offered to who is about to cancel a plan. Empty: none."
    )
    SUBSCRIPTION_INVOICE_DUE_DAYS: int = Field(
        14, ge=1, le=90, description="Days to pay an invoice that is paid by bank transfer."
    )
    PIN_RESET_COOLING_HOURS: int = Field(24, ge=0, description="How long after a PIN reset nothing can be withdrawn.")

    RECURRING_MAX_FAILURES: int = Field(
        3, ge=1, le=20, description="How often a recurring payment may fail in a row before it pauses itself."
    )
    RECURRING_RETRY_HOURS: int = Field(
        6,
        ge=1,
        le=72,
        description="How long after its first failure a recurring payment is tried again; doubled each time.",
    )
    RECURRING_REMINDER_DAYS: int = Field(
        3, ge=1, le=30, description="How many days ahead members are reminded of a recurring payment."
    )
    BILL_REMINDER_DAYS: str = Field(
        "7,1",
        pattern=r"^[1-9][0-9]{0,2}(,[1-9][0-9]{0,2})*$",
        description="How many days before its due date members are reminded of a bill they owe, comma-separated.",
    )

    @property
    def production(self) -> bool:
        return self.CLUSTR_ENV == "production"

    @property
    def bill_reminder_days(self) -> list[int]:
        """How many days before a due date members are reminded, the longest first."""
        return sorted({int(days) for days in self.BILL_REMINDER_DAYS.split(",")}, reverse=True)

    @property
    def base_url(self) -> str:
        """Where people reach this server, without a trailing slash."""
        return (self.CLUSTR_BASE_URL or f"http://127.0.0.1:{self.PORT}").rstrip("/")

    @property
    def callback_origins(self) -> frozenset[str]:
        """Where payers may be sent back to: ClustR's own origin, and those that were allowed."""
        return frozenset({self.base_url, *filter(None, (part.strip() for part in self.CALLBACK_ORIGINS.split(",")))})

    @property
    def settles_to_bank(self) -> frozenset[str]:
        return frozenset(name.strip() for name in self.SETTLES_TO_BANK.split(",") if name.strip())

    @property
    def embedded(self) -> bool:
        """Whether ClustR runs its own PostgreSQL."""
        return not (self.DATABASE_URL or self.DATABASE_APP_URL)

    @property
    def may_make_demonstration(self) -> bool:
        """Whether this process may make people with a known password: never in production, and on a server of somebody's
        own only where CLUSTR_ENV was set on purpose."""
        return not self.production and (self.embedded or "CLUSTR_ENV" in self.model_fields_set)

    @model_validator(mode="after")
    def _refuse_what_is_unsafe(self) -> Environment:
        problems = [*self._what_means_nothing()]
        if self.production:
            problems += [
                message
                for unsafe, message in (
                    (len(self.CLUSTR_SECRET_KEY) < 50, "CLUSTR_SECRET_KEY needs at least 50 characters"),
                    (rules.too_uniform(self.CLUSTR_SECRET_KEY), "CLUSTR_SECRET_KEY must be made at random"),
                    (not self.CLUSTR_PIN_PEPPERS, "CLUSTR_PIN_PEPPERS must be set"),
                    (not self.CLUSTR_ENCRYPTION_KEYS, "CLUSTR_ENCRYPTION_KEYS must be set"),
                    (self.embedded, "DATABASE_URL must name a server; the embedded one is for trying and testing"),
                    ("*" in self.CLUSTR_ALLOWED_HOSTS, "CLUSTR_ALLOWED_HOSTS must not contain *"),
                    (not self.CLUSTR_BASE_URL.startswith("https://"), "CLUSTR_BASE_URL must be https"),
                    (not self.EMAIL_URL, "EMAIL_URL must be set"),
                    (bool(self.CLUSTR_CRASH_AT), "CLUSTR_CRASH_AT must not be set"),
                    (bool(self.SMS_SENDER or self.WHATSAPP_SENDER), "SMS_SENDER and WHATSAPP_SENDER write to the log"),
                    (not self.CLUSTR_TRUSTED_PROXIES, "CLUSTR_TRUSTED_PROXIES must name what speaks TLS in front"),
                )
                if unsafe
            ]
        if problems:
            raise UnsafeSettings("; ".join(dict.fromkeys(problems)))
        # A malformed key must stop the start, not the first PIN.
        keys = {"CLUSTR_PIN_PEPPERS": self.peppers, "CLUSTR_ENCRYPTION_KEYS": self.encryption_keys}
        keys["AUDIT_ANCHOR_KEYS"] = self.anchor_keys
        for name, held in keys.items():
            if self.production and any(map(rules.too_uniform, held.values())):
                raise UnsafeSettings(f"{name} must be made at random")
        return self

    def _what_means_nothing(self) -> Iterator[str]:
        yield from rules.base_url_problems(self.CLUSTR_BASE_URL)
        yield from rules.email_url_problems(self.EMAIL_URL)
        yield from rules.proxy_problems(self.CLUSTR_TRUSTED_PROXIES, production=self.production)
        for name in ("DATABASE_URL", "DATABASE_APP_URL", "DATABASE_SWEEP_URL", "DATABASE_CHECKER_URL"):
            yield from rules.database_url_problems(name, getattr(self, name), production=self.production)
        yield from self._problems_of_providers()

    def _problems_of_providers(self) -> Iterator[str]:
        allowed = self.PROVIDER_TEST_KEYS_IN_PRODUCTION
        own_urls = {"PAYSTACK": rules.PAYSTACK_URL, "FLUTTERWAVE": rules.FLUTTERWAVE_URL, "STRIPE": rules.STRIPE_URL}
        for provider, own in own_urls.items():
            public = f"{provider}_PUBLIC_KEY" if provider != "STRIPE" else "STRIPE_PUBLISHABLE_KEY"
            names = (f"{provider}_SECRET_KEY", public, f"{provider}_PREVIOUS_SECRET_KEY")
            keys = {name: getattr(self, name) for name in names if name in type(self).model_fields}
            yield from rules.provider_key_problems(keys, production=self.production, test_keys_allowed=allowed)
            url = f"{provider}_URL"
            yield from rules.provider_url_problems(url, getattr(self, url), own=own, production=self.production)
        for name in sorted(self.settles_to_bank - {provider.lower() for provider in own_urls}):
            yield f"SETTLES_TO_BANK: there is no provider {name!r}."
        yield from rules.webhook_secret_problems(
            key=self.FLUTTERWAVE_SECRET_KEY,
            secret=self.FLUTTERWAVE_WEBHOOK_SECRET,
            previous=self.FLUTTERWAVE_PREVIOUS_WEBHOOK_SECRET,
        )
        yield from rules.webhook_secret_problems(
            provider="STRIPE",
            key=self.STRIPE_SECRET_KEY,
            secret=self.STRIPE_WEBHOOK_SECRET,
            previous=self.STRIPE_PREVIOUS_WEBHOOK_SECRET,
        )

    @cached_property
    def _kept_secrets(self) -> dict[str, str]:
        """Secrets made on first use and kept in the data folder, readable by its owner only."""
        path = self.CLUSTR_DATA_DIR / "secrets.json"
        if not path.exists():
            self.CLUSTR_DATA_DIR.mkdir(parents=True, exist_ok=True)
            made = {
                "secret_key": secrets.token_urlsafe(64),
                "pin_pepper": secrets.token_hex(32),
                "encryption_key": secrets.token_hex(32),
            }
            partial = path.with_name(f".secrets.{os.getpid()}")
            partial.touch(mode=0o600)
            partial.write_text(json.dumps(made))
            try:
                os.link(partial, path)
            except FileExistsError:
                pass  # another process made them first; theirs are read below
            finally:
                partial.unlink()
        kept: dict[str, str] = json.loads(path.read_text())
        return kept

    @cached_property
    def secret_key(self) -> str:
        return self.CLUSTR_SECRET_KEY or self._kept_secrets["secret_key"]

    def role_password(self, role: str) -> str:
        """The password of a database role that ClustR makes itself: derived from the secret key, kept nowhere."""
        return self.derived_key(f"database-role:{role}")

    def derived_key(self, purpose: str) -> str:
        """A key of its own for each purpose, derived from the secret key."""
        return hmac.new(self.secret_key.encode(), purpose.encode(), hashlib.sha256).hexdigest()

    @cached_property
    def peppers(self) -> dict[str, bytes]:
        """Pepper by key id, the one for new PINs first."""
        return _keys(self.CLUSTR_PIN_PEPPERS or f"generated:{self._kept_secrets['pin_pepper']}")

    @cached_property
    def encryption_keys(self) -> dict[str, bytes]:
        """Encryption key by key id, the one for new values first."""
        return _keys(self.CLUSTR_ENCRYPTION_KEYS or f"generated:{self._kept_secrets['encryption_key']}")

    @cached_property
    def anchor_keys(self) -> dict[str, bytes]:
        """Seed of a signing key by key id, the one for new anchors first."""
        return _keys(self.AUDIT_ANCHOR_KEYS or f"derived:{self.derived_key('audit-anchor')}")


def _keys(text: str) -> dict[str, bytes]:
    pairs = (part.strip().partition(":") for part in text.split(","))
    keys = {name: bytes.fromhex(value) for name, _, value in pairs}
    if any(len(key) != 32 or not name for name, key in keys.items()):
        raise UnsafeSettings("a pepper or encryption key is `id:` and 64 hexadecimal digits")
    return keys
