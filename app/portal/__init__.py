"""Pages for people: what the API answers, drawn as HTML. Owns nothing: every page calls the API's own endpoints.

A page's address is the API's without `/v1`. It runs on the same edge, in one transaction, under the same permission,
audit entry and database role as the endpoint that it stands for.
"""
