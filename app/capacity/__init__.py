"""Real capacity: slots and the seats taken in them.

Invariants: 0 <= taken <= capacity (a CHECK on the slot's own row, locked in id order); a cancelled slot has nobody in
it; an offering's slot never changes its offering or time. Seats are taken and given back by bookings only.
"""
