"""Keep the sign-in tables of django-allauth and its sessions from everybody but the runtime role.

A session's key is as good as its owner's password; whoever checks the books needs none of this.
"""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

TABLES = "django_session, account_emailaddress, account_emailconfirmation, mfa_authenticator, usersessions_usersession"


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("people", "0001_people"),
        ("sessions", "0001_initial"),
        ("account", "0001_initial"),
        ("mfa", "0001_initial"),
        ("usersessions", "0001_initial"),
    ]
    operations: ClassVar = [sql(f"REVOKE ALL ON {TABLES} FROM {{sweep}}, {{checker}}, PUBLIC")]
