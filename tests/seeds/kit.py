"""Bugs in what every room stands on: tenancy, the schema's helpers, money, jobs."""

from tests.seeds.seed import seeds_of

sow = seeds_of(("tests/kit", "tests/house", "tests/ledger", "tests/bills"), file="clustr/kit/schema.py")

SEEDS = (
    sow(
        "security-not-forced",
        "Row-level security is enabled and not forced: the owner's functions see every estate.",
        "ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        "ENABLE ROW LEVEL SECURITY",
        "tests/house/test_catalogue.py",
    ),
    sow(
        "security-not-enabled",
        "Row-level security was written and never switched on.",
        '        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",\n',
        "",
        "tests/house/test_catalogue.py",
    ),
    sow(
        "every-estate-is-seen",
        "The tenant policy shows every row.",
        "ON {table} USING ({cluster} = {{tenant}}) WITH CHECK",
        "ON {table} USING (true) WITH CHECK",
        "tests/house/test_catalogue.py",
    ),
    sow(
        "rows-are-written-for-others",
        "The tenant policy takes a row of another estate.",
        "WITH CHECK ({cluster} = {{tenant}})",
        "WITH CHECK (true)",
        "tests/house/test_catalogue.py",
    ),
    sow(
        "append-only-switched-off-by-replicas",
        "The triggers of append-only tables do not fire for whoever sets the replication role.",
        "ENABLE ALWAYS TRIGGER append_only, ENABLE ALWAYS TRIGGER append_only_truncate",
        "ENABLE TRIGGER append_only, ENABLE TRIGGER append_only_truncate",
        "tests/house/test_catalogue.py",
    ),
    sow(
        "append-only-but-for-delete",
        "Append-only tables refuse UPDATE and let DELETE through.",
        "BEFORE UPDATE OR DELETE ON {table}",
        "BEFORE UPDATE ON {table}",
        "tests/house/test_catalogue.py",
        "tests/audit/test_trail.py",
    ),
    sow(
        "cluster-stays-on-the-connection",
        "The cluster is set for the connection, not for the transaction.",
        'cursor.execute("SELECT set_config(%s, %s, true)", [SETTING',
        'cursor.execute("SELECT set_config(%s, %s, false)", [SETTING',
        "test_tenancy.py",
        file="clustr/kit/tenancy.py",
    ),
    sow(
        "another-cluster-joins-the-transaction",
        "A command of one cluster runs in another's transaction.",
        "        if active != cluster_id:\n",
        "        if False:\n",
        "test_tenancy.py",
        file="clustr/kit/tenancy.py",
    ),
    sow(
        "deadlock-is-an-error",
        "A deadlock is not run again.",
        '_TRANSIENT = ("40001", "40P01")',
        '_TRANSIENT = ("40001",)',
        "test_tenancy.py",
        file="clustr/kit/tenancy.py",
    ),
    sow(
        "amount-by-float",
        "An amount is read as a float.",
        'minor = int(whole + fraction.ljust(DECIMALS[currency], "0"))',
        "minor = int(float(text) * 10 ** DECIMALS[currency])",
        "test_money.py",
        file="clustr/kit/money.py",
    ),
    sow(
        "shares-lose-the-rest",
        "What is left of a division goes to nobody.",
        "extra = set(by_remainder[:missing])",
        "extra = set()",
        "test_money.py",
        file="clustr/kit/money.py",
    ),
    sow(
        "naira-and-cedis-add-up",
        "Amounts of two currencies are added.",
        "        if self.currency != other.currency:\n",
        "        if False:\n",
        "test_money.py",
        file="clustr/kit/money.py",
    ),
    sow(
        "job-outside-the-transaction",
        "A job is deferred on procrastinate's own connection: it stays although its cause is undone.",
        "job_manager=here(),",
        "job_manager=django_app.job_manager,",
        "test_jobs.py",
        file="clustr/kit/jobs.py",
    ),
)
