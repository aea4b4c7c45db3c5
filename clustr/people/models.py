"""Who people are: the only place personal identity is kept, the mail waiting to go out, and whom we were asked to forget."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from clustr.kit.ids import new_id

NAME_LENGTH = 200
PHONE_LENGTH = 40
EMAIL_LENGTH = 254


class UserManager(BaseUserManager["User"]):
    """Finds people by e-mail. People are made by `commands.register_people` only."""


class User(AbstractBaseUser):
    """A person, of no, one or several estates. One row is all a person costs until they sign in."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(max_length=EMAIL_LENGTH)
    name = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    phone = models.CharField(max_length=PHONE_LENGTH, blank=True, default="")
    is_platform_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, blank=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        db_table = "people_user"
        constraints = [
            models.UniqueConstraint(fields=["email"], name="people_user_email_unique"),
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="people_user_email_lower_case"),
            models.CheckConstraint(
                condition=models.Q(erased_at__isnull=True)
                | models.Q(name="Erased person", phone="", is_active=False, is_platform_staff=False),
                name="people_user_erased_is_empty",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email


class Mail(models.Model):
    """A mail that waits to be sent and is deleted once it was: links in it are secrets, so no job carries its text."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user_id = models.UUIDField(null=True)
    address = models.EmailField(max_length=EMAIL_LENGTH)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "people_mail"
        indexes = [models.Index(fields=["created_at"], name="people_mail_created_at")]

    def __str__(self) -> str:
        return self.subject


class Erasure(models.Model):
    """Whom we were asked to forget, kept without identity so that a restored backup can be made to forget them again."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user_id = models.UUIDField(unique=True)
    at = models.DateTimeField()
    reason = models.CharField(max_length=500)
    by = models.UUIDField(null=True)
    basis = models.CharField(max_length=500)

    class Meta:
        db_table = "people_erasure"

    def __str__(self) -> str:
        return f"erasure of {self.user_id}"
