"""Fringe benefits (rule code C3_FRINGE): what a person has had of them from an employer in a tax year, and the limit.

Above the limit the whole amount is taxable, not the excess, so credit is used under it only with the person's yes, and
never beyond what is left. A tax year's benefits are: credit held and used under C3 for services of that year (by the
day of the service), and what payroll says it gave besides (by the year that it names; the rule of 12 January, which is
unconfirmed, is payroll's to apply there).
Invariants: one row of `fringe_year` for each person at an employer and tax year, also over several employments; its
sums are those of `fringe_use` and `fringe_benefit`; credit grows in it only up to the limit, while what payroll posts
is a fact and is never refused. The limit follows the person's register of relatives (children who depend on her) until
the year has ended, when it is tested once. Only payroll posts and reads what
was given besides; the database role of HR has no right to any of these tables.
"""
