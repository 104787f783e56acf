"""Accounts, transfers and holds; knows nothing of welfare.

A transfer moves a positive amount from one account to another and never changes; a correction is a new transfer that
names the one it reverses. A hold reserves an amount on one account for another and ends once: captured (by a transfer,
all or part of it), released or expired. Guarded accounts keep a balance that never goes below what is held; open
accounts keep none and are never locked. All of this is enforced by the database (`sql/`), for every client, and so
is which way money goes for which reason: a new one is a row of `sql/routes.sql`.

Lock order: guarded accounts by id, then holds, then whatever the caller locks. A transaction which runs several ledger
statements on different accounts calls `lock_accounts` with all of them first.
"""
