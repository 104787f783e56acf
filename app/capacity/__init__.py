"""Real capacity: slots and the seats taken in them.

Invariants: 0 <= taken <= capacity (a CHECK on the slot's own row, locked in id order); a cancelled slot has nobody in
it; an offering's slot never changes its offering or time; taken is the sum of the slot's takings that are not ended.
Only take_seats and give_back_seats (sql/takings.sql) write seats; a statement of a module above may call them inside
itself.
"""
