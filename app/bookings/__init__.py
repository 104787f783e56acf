"""Where capacity and credit meet: quotes, bookings, units and their funding legs (schema care).

Invariants: a quote makes one booking, which executes exactly its legs; a unit is one place in one slot, paid wholly by
credit or wholly by own money; only listed state changes happen (a trigger refuses others and keeps the history).
Credit moves only through credit.place / release / capture / refund; what is owed for it through payables.owe.
"""
