"""Telling an organisation's own software what happened: endpoints, signed messages, deliveries.

Owns `webhook_endpoint` and `webhook_delivery`. What is sent is an event of the feed and nothing else. Invariants: an
endpoint gets only types that whoever chose them may see; of one object its events arrive in order; a message is sent
again until it is answered with 2xx, for about three days, always with the same id and body; one endpoint has one
message in flight, so that nobody waits for another's receiver; nothing but a checked public address is connected to.
"""
