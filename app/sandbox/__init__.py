"""What exists in the sandbox only: the demo world, the movable clock, jobs on demand, the mailbox.

Absent in production. Business time only ever moves forward; moving it runs nothing.
"""
