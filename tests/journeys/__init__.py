"""What people do, in a real browser, on a demonstration that really runs: web, worker, database and the sandbox."""
