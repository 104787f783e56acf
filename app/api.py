"""The one list of routers, in URL order."""

from fastapi import APIRouter

ROUTERS: tuple[APIRouter, ...] = ()
SANDBOX_ROUTERS: tuple[APIRouter, ...] = ()
