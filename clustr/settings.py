"""Django's settings, derived once from the environment."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from clustr.environment import ROOT, Environment
from clustr.kit import clock, embedded
from clustr.kit.served_at import with_address
from clustr.kit.stand_ins import with_stand_in
from clustr.people import retention
from clustr.subscriptions.catalogue import DEFAULT_PACKS, DEFAULT_PLANS, read_packs
from clustr.subscriptions.sellers import read_seller

ENV = with_address(with_stand_in(Environment()))

SECRET_KEY = ENV.secret_key
DEBUG = False
ALLOWED_HOSTS = [host.strip() for host in ENV.CLUSTR_ALLOWED_HOSTS.split(",")]
BASE_URL = ENV.base_url
TRUSTED_PROXIES = [proxy.strip() for proxy in ENV.CLUSTR_TRUSTED_PROXIES.split(",") if proxy.strip()]

clock.use_offset_file(None if ENV.production else ENV.CLUSTR_DATA_DIR / "clock-offset")

ROOMS = [
    *("kit", "ledger", "people", "audit", "clusters", "payments", "notifications", "wallets", "bills"),
    *("utilities", "recurring", "subscriptions", "settlement", "web"),
]
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "django.contrib.admin.apps.SimpleAdminConfig",  # clustr.subscriptions.admin: for the platform's staff, to look at
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.mfa",
    "allauth.usersessions",
    "procrastinate.contrib.django",
    "ninja",
    "csp",
    "django_htmx",
    "lucide",
    *(f"clustr.{room}" for room in ROOMS),
    *(["django_linear_migrations"] if find_spec("django_linear_migrations") else []),
]
MIDDLEWARE = [
    "clustr.web.middleware.RequestContext",
    "clustr.web.middleware.SignInBodies",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "clustr.web.middleware.Compressed",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "clustr.people.middleware.RetryAfter",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]
ROOT_URLCONF = "clustr.urls"
WSGI_APPLICATION = "clustr.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "clustr" / "web" / "templates"],  # ahead of allauth's own: its pages wear our dress
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "clustr.web.pages.shell.look_and_feel",
            ]
        },
    }
]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LOCALE_PATHS = [ROOT / "clustr" / "web" / "locale"]
STATIC_URL = "/static/"
STATIC_ROOT = ENV.CLUSTR_DATA_DIR / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 31_536_000 if ENV.production else 300  # an address names the file's content: clustr.web.assets
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "clustr.web.assets.Named"},
}
MIGRATION_MODULES = {"admin": None}  # nothing is changed there, so that its log of changes has no table
_GREENS = "50 #f2f8f5 100 #e4f0eb 200 #cdefe4 300 #b0ebd9 400 #8fe3c9 500 #6ad5b4 600 #0f5c4a 700 #0a4637 800 #083a2e 900 #062e25 950 #04231a"
_GREYS = (
    "50 98.5/.002 100 96.7/.003 200 92.8/.005 300 87.2/.008 400 70.7/.012 500 55.1/.012 600 44.6/.012"
    " 700 37.3/.012 800 27.8/.012 900 21/.012 950 13/.012"
)


def _named(steps: str) -> dict[str, str]:
    return dict(zip(steps.split()[::2], steps.split()[1::2], strict=True))


UNFOLD = {
    "SITE_TITLE": "ClustR",
    "SITE_HEADER": "ClustR",
    "SITE_URL": "/platform/customers/",  # back to the pages
    "SITE_SYMBOL": "home",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {
        "primary": _named(_GREENS),
        "base": {step: f"oklch({of.replace('/', '% ')} 165)" for step, of in _named(_GREYS).items()},
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024

# --- The database: four logins to one PostgreSQL -----------------------------------------------------------------------
ROLE_OWNER = f"{ENV.DATABASE_ROLE_PREFIX}_owner"  # of the embedded database; a server's owner stands in DATABASE_URL
ROLE_APP = unquote(urlsplit(ENV.DATABASE_APP_URL).username or f"{ENV.DATABASE_ROLE_PREFIX}_app")
ROLE_SWEEP = unquote(urlsplit(ENV.DATABASE_SWEEP_URL).username or f"{ENV.DATABASE_ROLE_PREFIX}_sweep")
ROLE_CHECKER = unquote(urlsplit(ENV.DATABASE_CHECKER_URL).username or f"{ENV.DATABASE_ROLE_PREFIX}_checker")

# What a lock protects is read after it is had: by READ COMMITTED, whatever the server's default is.
_SAFE = (
    "-c synchronous_commit=on -c timezone=UTC -c idle_in_transaction_session_timeout=15s -c lock_timeout=3s"
    " -c default_transaction_isolation=read\\ committed"
)


def _connection(url: str, *, role: str | None, statement_timeout: str, pool: int = 0) -> dict[str, Any]:
    parts = urlsplit(url or ENV.DATABASE_URL)
    query = dict(parse_qsl(parts.query))
    if ENV.embedded:
        address = embedded.address(ENV.CLUSTR_DATA_DIR)
        host, port, name = str(address.host), str(address.port), "clustr"
        user, password = role or ROLE_OWNER, ENV.role_password(role or ROLE_OWNER)
    else:
        host = unquote(parts.hostname or query.pop("host", ""))
        port, name = str(parts.port or ""), unquote(parts.path.lstrip("/"))
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if role and not url:
            user, password = role, ENV.role_password(role)
    options: dict[str, Any] = {
        "options": f"{_SAFE} -c statement_timeout={statement_timeout}",
        "connect_timeout": 5,
        "application_name": f"clustr-{role or 'owner'}",
        "prepare_threshold": 1_000_000,  # only what asks for it: clustr.kit.prepared
        **query,  # `sslmode` and the like
    }
    if ENV.embedded:
        options["require_auth"] = "scram-sha-256"  # never tell a stranger on that socket the password
    if pool:
        options["pool"] = {"min_size": 0, "max_size": pool, "timeout": 5, "max_idle": 300}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": host,
        "PORT": port,
        "NAME": name,
        "USER": user,
        "PASSWORD": password,
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": 0,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": options,
    }


DATABASES = {
    "default": _connection(ENV.DATABASE_APP_URL, role=ROLE_APP, statement_timeout="10s", pool=ENV.DATABASE_POOL_SIZE),
    "owner": _connection(ENV.DATABASE_URL, role=None, statement_timeout="0"),
    "sweep": _connection(ENV.DATABASE_SWEEP_URL, role=ROLE_SWEEP, statement_timeout="60s"),
    "checker": _connection(ENV.DATABASE_CHECKER_URL, role=ROLE_CHECKER, statement_timeout="0"),
}

# --- People and sign-in (django-allauth) ---------------------------------------------------------------------------------
AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["clustr.people.hashers.Argon2id", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
]
PASSWORD_RESET_TIMEOUT = int(retention.INVITATION.total_seconds())  # a reset ends sooner: clustr.people.tokens
SESSION_COOKIE_AGE = int(retention.SESSION.total_seconds())
CACHES = {"default": {"BACKEND": "clustr.people.cache.PostgresCache"}}

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "start"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "clustr.people.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "clustr.people.tokens.LinkTokens"  # noqa: S105 - a class, not a secret
ACCOUNT_RATE_LIMITS = {
    "login": None,  # sign-in has its own counters: clustr.people.throttle
    "login_failed": "5/5m/key",  # second factors
    "reset_password": "120/m/ip,5/5m/key",
    "reset_password_from_key": "300/m/ip",  # one estate's people may all come from one address
}
HEADLESS_CLIENTS = ("browser", "app")
HEADLESS_TOKEN_STRATEGY = "clustr.people.tokens.AccessTokens"  # noqa: S105 - a class, not a secret
HEADLESS_JWT_ALGORITHM = "HS256"
HEADLESS_JWT_PRIVATE_KEY = ENV.derived_key("access-token")
HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN = ENV.ACCESS_TOKEN_SECONDS
HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN = SESSION_COOKIE_AGE
HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED = True
MFA_ADAPTER = "clustr.people.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "ClustR"
MFA_RECOVERY_CODES_SHOW_ONCE = True

DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENV.EMAIL_FROM
EMAIL_TIMEOUT = 20
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = ENV.CLUSTR_DATA_DIR / "mail"
_mail = urlsplit(ENV.EMAIL_URL)
if _mail.scheme == "anymail":
    EMAIL_BACKEND = f"anymail.backends.{_mail.hostname}.EmailBackend"
    ANYMAIL: dict[str, Any] = {f"{_mail.hostname}_{name}".upper(): value for name, value in parse_qsl(_mail.query)}
    ANYMAIL |= {"REQUESTS_TIMEOUT": (5, EMAIL_TIMEOUT)}
elif ENV.EMAIL_URL:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_USE_SSL = _mail.scheme == "smtps"
    EMAIL_USE_TLS = _mail.scheme == "smtp"
    EMAIL_HOST, EMAIL_PORT = _mail.hostname or "", _mail.port or (465 if EMAIL_USE_SSL else 587)
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")

# --- Jobs (procrastinate) --------------------------------------------------------------------------------------------------
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "tasks"

# --- Security of the door ----------------------------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = False  # the proxy in front does it
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENV.production and TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 31_536_000 if ENV.production else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENV.production
CSRF_FAILURE_VIEW = "clustr.web.errors.form_refused"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [BASE_URL] if ENV.production else []

SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# Payment providers: one without a key is off. `clustr.payments.providers.registry` reads these.
PAYSTACK_SECRET_KEY = ENV.PAYSTACK_SECRET_KEY
PAYSTACK_PUBLIC_KEY = ENV.PAYSTACK_PUBLIC_KEY
PAYSTACK_PREVIOUS_SECRET_KEY = ENV.PAYSTACK_PREVIOUS_SECRET_KEY
PAYSTACK_URL = ENV.PAYSTACK_URL
FLUTTERWAVE_SECRET_KEY = ENV.FLUTTERWAVE_SECRET_KEY
FLUTTERWAVE_PUBLIC_KEY = ENV.FLUTTERWAVE_PUBLIC_KEY
FLUTTERWAVE_WEBHOOK_SECRET = ENV.FLUTTERWAVE_WEBHOOK_SECRET
FLUTTERWAVE_PREVIOUS_WEBHOOK_SECRET = ENV.FLUTTERWAVE_PREVIOUS_WEBHOOK_SECRET
FLUTTERWAVE_URL = ENV.FLUTTERWAVE_URL
PAYSTACK_UTILITIES = ENV.PAYSTACK_UTILITIES
PROVIDER_TIMEOUT_SECONDS = ENV.PROVIDER_TIMEOUT_SECONDS

SUBSCRIPTION_PLANS = json.loads(ENV.SUBSCRIPTION_PLANS) if ENV.SUBSCRIPTION_PLANS else DEFAULT_PLANS
USAGE_PACKS = read_packs(json.loads(ENV.USAGE_PACKS) if ENV.USAGE_PACKS else DEFAULT_PACKS)
SUBSCRIPTION_SELLER = read_seller(ENV.SUBSCRIPTION_SELLER, country=ENV.SUBSCRIPTION_COUNTRY)

LOGGING_CONFIG = None  # structlog, set up in clustr.web.logs
DATA_DIR = ENV.CLUSTR_DATA_DIR
PROJECT_ROOT = ROOT
