"""The one world of the tests, made by the product's own actions: parties, people, credit, care."""

from tests.world.base import START
from tests.world.caller import Caller, client_at, problem
from tests.world.care import Care
from tests.world.parties import Party
from tests.world.people import Person

__all__ = ["START", "Caller", "Party", "Person", "World", "client_at", "problem"]


class World(Care):
    """All of it: each part is a file of this folder."""
