"""The unit of work of one request: who calls, in which role, at what time, under which key; commit before the answer.

It knows no format: `EdgeRoute` leaves reading the key, drawing a refusal and guarding the body to its faces (JSON in
`http/`, pages in `portal/`).
"""
