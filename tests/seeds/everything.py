"""Every seed, room by room."""

from tests.seeds import audit, bill_acts, bills, clusters, kit, ledger, payments, settlement, strangers, wallets
from tests.seeds.seed import Seed

SEEDS: tuple[Seed, ...] = (
    *kit.SEEDS,
    *ledger.SEEDS,
    *audit.SEEDS,
    *clusters.SEEDS,
    *payments.SEEDS,
    *settlement.SEEDS,
    *wallets.SEEDS,
    *bills.SEEDS,
    *bill_acts.SEEDS,
    *strangers.SEEDS,
)
