"""What a payslip needs of credit, person by person: lines, periods closed for ever, the company's own codes.

Whoever knows of something that a payslip must show (claims, fringe, bonus conversions, bookings) calls `record`; this
room imports none of them and cannot read what a line's source is. Only the role payroll reads lines: HR's database role
has no right to any of these tables.
Invariants, kept by the database: a line never changes, and belongs to the month of its event, or, where that is closed,
to the first open month after it (`delta_of` names its own then); a source is recorded under a kind twice only under
another sequence number; a closed period has the lines that it had when it was closed.
"""
