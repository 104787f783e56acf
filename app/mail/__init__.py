"""Outgoing mail: a row in the transaction that causes it, a job that sends it.

Owns `outgoing_mail`. Subjects and texts name no service, provider, relative or visit: a mailbox is not private.
Texts live in templates/it and templates/en; the first line of a template is the subject.
"""
