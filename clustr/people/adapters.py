"""Where allauth asks ClustR: who may sign up, how mail goes out, from where a request comes, when to slow somebody down."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal.httpkit import is_headless_request
from allauth.core.internal.ratelimit import respond_429
from allauth.headless.internal.restkit.response import ErrorResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from clustr.kit import clock
from clustr.people import commands, links, policies, throttle, tokens
from clustr.people.models import User

_TOO_MANY = {"too_many_login_attempts", "rate_limited"}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """People are invited by an estate; a password is only ever set through a link in their mail."""

    error_messages: ClassVar = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": gettext_lazy(
            "The e-mail address or the password is wrong. Check both and try again."
        ),
    }

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return policies.client_address(
            remote=request.META.get("REMOTE_ADDR", ""),
            forwarded_for=request.META.get("HTTP_X_FORWARDED_FOR", ""),
            trusted=settings.TRUSTED_PROXIES,
        )

    # --- signing in -----------------------------------------------------------------------------------------------------

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        with throttle.one_at_a_time(email=credentials.get("email", "")):
            user: AbstractBaseUser | None = super().authenticate(request, **credentials)
        if isinstance(user, User) and user.is_active:
            # Passwords are set through mailed links only, so whoever knows one has proved the address. allauth wants
            # to see that as a row; it is made now, not for each of a million invited people.
            commands.confirm_address(user=user)
        return user

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        self._attempt = throttle.take_attempt(email=credentials.get("email", ""), address=self.get_client_ip(request))
        if self._attempt.wait_seconds is not None:
            _refuse_as_too_many(request, self._attempt.wait_seconds)

    def _rollback_login_failed_rl_usage(self) -> None:
        throttle.give_back(self._attempt)

    def _delete_login_attempts_cached_email(self, _request: HttpRequest, **credentials: Any) -> None:
        throttle.forget_attempts(email=credentials.get("email", ""))

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        super().set_password(user, password)
        throttle.forget_attempts(email=getattr(user, "email", ""))

    def validation_error(self, code: str, *args: Any) -> ValidationError:
        """allauth answers 400 where somebody has tried too often; here that is 429, with the time to wait."""
        if code in _TOO_MANY and context.request is not None:
            _refuse_as_too_many(context.request, throttle.WINDOW_SECONDS)
        error: ValidationError = super().validation_error(code, *args)
        return error

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """A new address is taken unless it became somebody else's while the link was under way."""
        try:
            with transaction.atomic():
                return bool(super().confirm_email(request, email_address))
        except IntegrityError:
            if is_headless_request(request):
                taken = ErrorResponse(request, exception=self.validation_error("email_taken"))
                raise ImmediateHttpResponse(taken) from None
            return False

    # --- mail -----------------------------------------------------------------------------------------------------------

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Put the mail in the outbox; it leaves with the worker once this transaction has committed."""
        user = context.get("user")
        commands.mail_address(
            address=email,
            user_id=user.pk if isinstance(user, User) else None,
            template=f"people/mail/{template_prefix.rsplit('/', 1)[-1]}",
            values=context,
            now=clock.now(),
        )

    def send_notification_mail(self, template_prefix: str, user: AbstractBaseUser, *args: Any, **kwargs: Any) -> None:
        values = {"user": user, **(kwargs.pop("context", None) or {})}
        super().send_notification_mail(template_prefix, user, values, *args, **kwargs)

    def get_reset_password_from_key_url(self, key: str) -> str:
        return links.password_link(key)

    def get_email_confirmation_url(self, _request: HttpRequest, emailconfirmation: Any) -> str:
        return links.confirmation_link(emailconfirmation.key)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second-factor secrets are encrypted where they lie."""

    error_messages: ClassVar = DefaultMFAAdapter.error_messages | {
        "incorrect_code": gettext_lazy(
            "This code does not count. Write the one that your app shows now: it changes every half minute."
        ),
    }

    def encrypt(self, text: str) -> str:
        return tokens.encrypt_second_factor(text)

    def decrypt(self, encrypted_text: str) -> str:
        return tokens.decrypt_second_factor(encrypted_text)


def _refuse_as_too_many(request: HttpRequest, wait_seconds: int) -> NoReturn:
    response = respond_429(request)
    response["Retry-After"] = str(wait_seconds)
    raise ImmediateHttpResponse(response)
