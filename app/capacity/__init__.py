"""When something can be booked: slots with a number of places.

Invariants: 0 <= taken <= capacity on every slot, always (a CHECK, whatever the load); a cancelled slot has nobody.
"""
