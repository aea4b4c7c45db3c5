"""Bugs in who is told what, how often, and where webhooks go."""

from tests.seeds.seed import seeds_of

ROOM = "clustr/notifications"
QUERIES, FAN_OUT = f"{ROOM}/queries.py", f"{ROOM}/commands/fanning_out.py"
MAIL = f"{ROOM}/channels/email.py"
NOTICES, CHOICES, DELIVERING = "test_notify.py", "test_choosing.py", "test_delivering.py"
EVERY, WEBHOOKS = "test_every_notice.py", "test_webhooks.py"
OUT = "tests/kit/test_calling_out.py"

sow = seeds_of(("tests/notifications",), file=QUERIES)

SEEDS = (
    sow(
        "notice-for-a-stranger",
        "Everybody of the estate reads what one member was told.",
        "e.cluster_id = %(cluster)s AND e.user_id = %(user)s AND",
        "e.cluster_id = %(cluster)s AND e.user_id IS NOT NULL AND",
        NOTICES,
    ),
    sow(
        "office-notice-for-any-staff",
        "Whoever holds any permission reads what the office is told.",
        "AND e.permission = held AND",
        "AND e.permission IS NOT NULL AND",
        NOTICES,
    ),
    sow(
        "who-left-before-reads-on",
        "Whoever was ever a member reads what a later bill's members were told.",
        "  AND clusters_reaches(m.role, m.joined_at, m.left_at, e.reach_from, e.reach_until, e.reach_at_issue)\n",
        "",
        NOTICES,
    ),
    sow(
        "mail-to-who-left-before",
        "Mail goes to members whom the bill does not reach.",
        "    AND clusters_reaches(m.role, m.joined_at, m.left_at, e.reach_from, e.reach_until, e.reach_at_issue)\n",
        "",
        NOTICES,
        EVERY,
        file=FAN_OUT,
    ),
    sow(
        "mail-to-staff-without-the-permission",
        "All staff get the office's mail, whatever they were granted.",
        " AND m.permissions @> ARRAY[due.permission]",
        "",
        EVERY,
        file=FAN_OUT,
    ),
    sow(
        "preference-ignored",
        "Mail comes whatever a person chose.",
        "coalesce(p.enabled, choice.enabled)",
        "choice.enabled",
        CHOICES,
        file=FAN_OUT,
    ),
    sow(
        "security-notice-switched-off",
        "A choice silences even what is about the safety of money.",
        "CASE WHEN choice.fixed THEN choice.enabled ELSE coalesce(p.enabled, choice.enabled) END",
        "coalesce(p.enabled, choice.enabled)",
        CHOICES,
        file=FAN_OUT,
    ),
    sow(
        "security-notice-hidden-in-the-list",
        "A choice hides security notices in the list.",
        "sorted((set(off) - fixed) | silent)",
        "sorted(set(off) | silent)",
        CHOICES,
    ),
    sow(
        "dead-senders-mail-again",
        "What a dead worker may have handed over is handed over again.",
        "    repeatable = False",
        "    repeatable = True",
        DELIVERING,
        file=MAIL,
    ),
    sow(
        "lost-connection-is-not-sent",
        "A connection lost in the middle counts as not sent, and the mail is sent again.",
        "        return MaybeSent(type(error).__name__) if isinstance(error, smtplib.SMTPException | OSError) else error",
        "        return NotSent(type(error).__name__, again=True) if isinstance(error, OSError | smtplib.SMTPException) else error",
        DELIVERING,
        file=MAIL,
    ),
    sow(
        "claim-is-no-claim",
        "Two workers take the same message.",
        "  ORDER BY next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED",
        "  ORDER BY next_try_at LIMIT 1",
        DELIVERING,
        file=f"{ROOM}/commands/delivering.py",
    ),
    sow(
        "trouble-is-asked-for-every-message",
        "A mail server in trouble is asked once for each message that waits.",
        "if ending.again_at is not None or time.monotonic() >= ends_at:",
        "if time.monotonic() >= ends_at:",
        DELIVERING,
        file=f"{ROOM}/commands/delivering.py",
    ),
    sow(
        "same-key-tells-twice",
        "What is told once a day is told as often as its job runs.",
        "CREATE UNIQUE INDEX notifications_event_once ON",
        "CREATE INDEX notifications_event_once ON",
        NOTICES,
        file=f"{ROOM}/migrations/0001_notifications.py",
    ),
    sow(
        "refund-told-as-payment",
        "Money that goes back is told as money that came.",
        "    WHERE p.amount_minor > 0;",
        "    ;",
        EVERY,
        file="clustr/bills/migrations/0003_telling.py",
    ),
    sow(
        "reminder-to-who-has-paid",
        "Members who have paid are reminded all the same.",
        "SELECT s.paid_minor < s.due_minor AND s.dispute_id IS NULL FROM",
        "SELECT true FROM",
        EVERY,
        file="clustr/bills/telling.py",
    ),
    sow(
        "html-from-a-title",
        "What somebody wrote is HTML in others' mail.",
        "{{ text.body|linebreaks }}",
        "{{ text.body|safe|linebreaks }}",
        "test_texts.py",
        file=f"{ROOM}/templates/notifications/mail.html",
    ),
    sow(
        "signature-without-the-body",
        "A webhook's signature says nothing about its body.",
        ".encode() + body\n",
        ".encode()\n",
        WEBHOOKS,
        file=f"{ROOM}/signing.py",
    ),
    sow(
        "deaf-endpoint-is-called-for-ever",
        "An endpoint that never takes anything stays switched on.",
        "if status == GONE or now - endpoint.failing_since >= DISABLE_AFTER:",
        "if status == GONE:",
        WEBHOOKS,
        file=f"{ROOM}/commands/calling.py",
    ),
    sow(
        "a-name-that-leads-also-inside",
        "One public address among a name's suffices.",
        "not all(map(is_public, addresses))",
        "not any(map(is_public, addresses))",
        OUT,
        file="clustr/kit/calling_out.py",
    ),
    sow(
        "checked-and-then-resolved-again",
        "The name is resolved a second time after it was checked (DNS rebinding).",
        "            host = self._address_of(host, port)",
        "            self._address_of(host, port)",
        OUT,
        file="clustr/kit/deadline.py",
    ),
)
