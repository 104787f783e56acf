"""Whom to log in as in the demo world, and who that is."""

LOGINS = (
    ("operator@beatrice.example", "the operator: organisations, top-ups, settlement, clock and mails"),
    ("hr@orobia-stampi.example", "human resources of a company: employees, programmes, grants"),
    ("approver@orobia-stampi.example", "approves the grants of that company"),
    ("employee1@orobia-stampi.example", "an employee with credit"),
    ("manager@cooperativa-serio.example", "a provider: home help, physiotherapy"),
    ("coordinator@ambito-albino.example", "the coordinator of the alliance"),
)
