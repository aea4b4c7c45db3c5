"""Every seed, room by room."""

from tests.seeds import audit, bills, clusters, kit, ledger, payments, wallets
from tests.seeds.seed import Seed

SEEDS: tuple[Seed, ...] = (
    *kit.SEEDS,
    *ledger.SEEDS,
    *audit.SEEDS,
    *clusters.SEEDS,
    *payments.SEEDS,
    *wallets.SEEDS,
    *bills.SEEDS,
)
