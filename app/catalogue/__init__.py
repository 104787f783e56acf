"""What can be booked: providers, sites, offerings in categories, prices with validity, service areas.

Invariants: an offering's site is its provider's own; two prices of one offering never hold on the same day.
"""
