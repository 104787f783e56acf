"""Programmes, top-ups, grants, lots and entitlements, and the planner that spreads credit over units."""
