"""How fast the main requests are, as ratios to what PostgreSQL alone does: `python -m tests.bench`."""
