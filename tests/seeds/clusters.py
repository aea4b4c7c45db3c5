"""Bugs in who belongs to an estate, where money depends on it."""

from tests.seeds.seed import seeds_of

sow = seeds_of(("tests/clusters", "tests/bills", "tests/house"), file="clustr/clusters/migrations/0001_estates.py")

SEEDS = (
    sow(
        "changes-not-tallied",
        "Who leaves is not tallied: bills count members who are gone.",
        "FOR EACH STATEMENT EXECUTE FUNCTION clusters_tally_change();",
        "FOR EACH STATEMENT WHEN (false) EXECUTE FUNCTION clusters_tally_change();",
        "test_tallies.py",
    ),
    sow(
        "joiners-not-tallied",
        "Who joins is not tallied.",
        "FOR EACH STATEMENT EXECUTE FUNCTION clusters_tally_add();",
        "FOR EACH STATEMENT WHEN (false) EXECUTE FUNCTION clusters_tally_add();",
        "test_tallies.py",
    ),
    sow(
        "billed-although-gone-at-issue",
        "Who left in the instant of issue is billed.",
        "AND (left_at IS NULL OR left_at > issued)",
        "AND (left_at IS NULL OR left_at >= issued)",
        "tests/bills/test_create_cluster_wide_bill.py",
    ),
    sow(
        "leaver-of-the-instant-not-counted",
        "Who joins or leaves in the instant that is asked about is not counted.",
        "AND t.at >= date_trunc('day', until, 'UTC') AND t.at <= until",
        "AND t.at >= date_trunc('day', until, 'UTC') AND t.at < until",
        "tests/bills/test_create_cluster_wide_bill.py",
        "test_tallies.py",
    ),
    sow(
        "memberships-may-be-deleted",
        "The trigger that keeps memberships was forgotten.",
        "CREATE TRIGGER kept BEFORE DELETE ON clusters_membership FOR EACH ROW EXECUTE FUNCTION kit_refuse_change();\n",
        "",
        "test_tallies.py",
    ),
    sow(
        "members-change-side-by-side",
        "Commands that change who belongs to a cluster do not wait for each other.",
        "WHERE id = %s FOR NO KEY UPDATE",
        "WHERE id = %s",
        "test_members.py::test_who_changes_members_waits_for_whoever_does",
        "test_import_roster.py",
        file="clustr/clusters/commands/enrolment.py",
        races=("test_office.py::test_an_invitation_is_accepted_once",),
    ),
    sow(
        "payer-leaves-unbilled",
        "A payer's membership is ended before the bill they paid.",
        "    if member.resident and left_at is not None and (old is None or left_at < old):\n",
        "    if False:\n",
        "tests/bills/test_departures.py",
        file="clustr/clusters/commands/members.py",
        races=("test_office.py::test_who_is_removed_from_before_a_bill_pays_nothing_on_it",),
    ),
)
