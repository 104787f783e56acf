"""What an employee contests of a booking, and what the operator decides (schema care).

Invariants: a unit is disputed at most once, and frozen while that is open; a dispute is decided once, by another person
than who opened it, with a reason, and what was given back is what was decided. The words of both sides are sealed.
"""
