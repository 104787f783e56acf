"""The one list of routers, in URL order, and of the modules whose jobs and sweeps the worker runs."""

from fastapi import APIRouter

from app.jobs import Sweep
from app.ledger import jobs as ledger_jobs
from app.mail import jobs as mail_jobs
from app.sandbox import endpoints as sandbox

ROUTERS: tuple[APIRouter, ...] = ()
SANDBOX_ROUTERS: tuple[APIRouter, ...] = (sandbox.router,)
JOBS = (ledger_jobs, mail_jobs)
SWEEPS: tuple[Sweep, ...] = tuple(sweep for module in JOBS for sweep in getattr(module, "SWEEPS", ()))
