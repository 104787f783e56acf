"""Beatrice: a territorial welfare platform (companies, credit, local care, booking, settlement)."""
