"""Whom to log in as in the demo world, and who that is."""

LOGINS = (
    ("operator@beatrice.example", "the operator: organisations, top-ups, settlement, clock and mails"),
    ("finance@beatrice.example", "approves what the operator prepares: settlement, high top-ups, bank accounts"),
    ("hr@orobia-stampi.example", "human resources of a company: employees, programmes, grants"),
    ("approver@orobia-stampi.example", "approves the grants of that company"),
    ("payroll@orobia-stampi.example", "payroll of that company: what payslips need, month by month"),
    ("employee1@orobia-stampi.example", "an employee with credit"),
    ("employee2@orobia-stampi.example", "an employee who has booked for her family"),
    ("manager@cooperativa-serio.example", "a provider: home help, physiotherapy"),
    ("coordinator@ambito-albino.example", "the coordinator of the alliance"),
)
