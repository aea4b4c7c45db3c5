"""Every seed, room by room."""

from tests.seeds import (
    audit,
    bill_acts,
    bills,
    chain,
    clusters,
    kit,
    ledger,
    notifications,
    one_call,
    payments,
    pins,
    recurring,
    settlement,
    strangers,
    subscriptions,
    utilities,
    wallets,
    watching,
)
from tests.seeds.seed import Seed

SEEDS: tuple[Seed, ...] = (
    *kit.SEEDS,
    *ledger.SEEDS,
    *audit.SEEDS,
    *chain.SEEDS,
    *clusters.SEEDS,
    *payments.SEEDS,
    *notifications.SEEDS,
    *settlement.SEEDS,
    *wallets.SEEDS,
    *pins.SEEDS,
    *bills.SEEDS,
    *bill_acts.SEEDS,
    *one_call.SEEDS,
    *recurring.SEEDS,
    *strangers.SEEDS,
    *utilities.SEEDS,
    *subscriptions.SEEDS,
    *watching.SEEDS,
)
