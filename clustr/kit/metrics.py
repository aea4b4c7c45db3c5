"""Where figures for Prometheus are kept, and the kit's own.

Several processes count, and a scrape reaches one of them: each writes its figures to a file of its own in the data
folder (prometheus_client's multi-process mode), and whoever is scraped adds them all up.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
os.environ.setdefault(FOLDER_VARIABLE, str(Path(settings.DATA_DIR) / "metrics"))  # read by the import below
FOLDER = Path(os.environ[FOLDER_VARIABLE])
FOLDER.mkdir(parents=True, exist_ok=True)

from prometheus_client import Counter  # noqa: E402

BOOKS_EXAMINED = Counter(
    "clustr_books_examined",
    "Times the invariants were examined by the worker.",
    ["form"],  # "recent" or "full"
)
VIOLATIONS = Counter(
    "clustr_invariant_violations", "Times an invariant was found broken, or could not be examined.", ["invariant"]
)
