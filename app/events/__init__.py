"""What happened: one row per committed change, written in the same transaction, thin (ids, no personal data).

Owns `event` and `event_position`, which only the functions `record_event`, `number_events` and `forget_events` write.
Events are unnumbered when written, so that no row is hot; the sequencer numbers what is committed: 1, 2, 3 ... for each
organisation that may see it, never a smaller number after a larger one was to be seen. They are kept for 30 days.
Whoever reads the feed sees the types that its permissions show (`vocabulary.py`).
"""
