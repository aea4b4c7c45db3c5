"""Bugs in what is counted and told, and in the worker: figures that lie, secrets in a log, money that waits behind mail."""

from tests.seeds.seed import seeds_of

sow = seeds_of(("tests/kit", "tests/payments", "tests/web", "tests/house"), file="clustr/kit/lanes.py")

SEEDS = (
    sow(
        "mail-takes-moneys-places",
        "All places of the worker may be taken by e-mail that is being sent.",
        "    if money and not until_idle:\n",
        "    if False:\n",
        "test_worker.py",
    ),
    sow(
        "a-job-beside-its-like-stays-doing",
        "A job that failed while another with its key waits is neither tried again nor ended.",
        "        app.job_manager = Keeper(app.connector)\n",
        "",
        "test_worker.py",
    ),
    sow(
        "one-stalled-job-keeps-the-others",
        "A dead worker's job that cannot wait again keeps its other jobs from being queued again.",
        "    except UniqueViolation:\n        async_to_sync",
        "    except ZeroDivisionError:\n        async_to_sync",
        "test_worker.py::test_a_stalled_job_does_not_keep_others_from_being_queued_again",
        file="clustr/kit/jobs.py",
    ),
    sow(
        "figures-of-the-dead-are-dropped",
        "What a process counted goes with it: the sum falls, and Prometheus counts the rest again.",
        '                    _add(file, FOLDER / f"{kind}_ended.{MACHINE}.db")\n',
        "                    pass\n",
        "test_metrics.py",
        file="clustr/kit/metrics.py",
    ),
    sow(
        "what-is-undone-is-counted",
        "A payment is counted and told before it is committed.",
        '            log.info("payment", **facts)\n\n    database.on_commit(tell, robust=True)',
        '            log.info("payment", **facts)\n\n    tell()',
        "tests/payments/test_figures.py::test_what_is_undone_is_neither_counted_nor_told",
        file="clustr/payments/figures.py",
    ),
    sow(
        "a-failure-is-good-news",
        "A failed payment is told at INFO and not counted by its reason.",
        "        if status == TransactionStatus.FAILED:\n",
        "        if False:\n",
        "tests/payments/test_figures.py::test_failures_are_counted_by_what_clients_read",
        file="clustr/payments/figures.py",
    ),
    sow(
        "steps-are-not-told",
        "Only the beginning of a payment is counted and told.",
        "    tell_payment(transaction=transaction, before=before)\n",
        "",
        "tests/payments/test_figures.py::test_payments_by_providers",
        file="clustr/payments/commands/transactions.py",
    ),
    sow(
        "a-repeat-is-counted",
        "A payment that is asked for again with its key is counted again.",
        '    if not repeated:\n        crash_point("bills.pay.after_commit")\n',
        '    if True:\n        crash_point("bills.pay.after_commit")\n',
        "tests/payments/test_figures.py",
        file="clustr/bills/commands/paying.py",
    ),
    sow(
        "account-numbers-in-the-log",
        "Long numbers in a text of the log stay whole.",
        "    return _LONG_NUMBERS.sub(lambda found: _ending_of(found.group()), text)\n",
        "    return text\n",
        "tests/web/test_door_logs.py::test_of_numbers_the_last_four_stay",
        file="clustr/web/logs.py",
    ),
    sow(
        "figures-for-everybody",
        "/metrics is open in production where no token is set.",
        "if not expected or not hmac.compare_digest",
        "if expected and not hmac.compare_digest",
        "tests/web/test_door_health.py::test_in_production_without_a_token_there_are_none",
        file="clustr/web/metrics.py",
    ),
)
