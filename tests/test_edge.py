from tests.world import World


async def test_world_stands(world: World) -> None:
    await world.operator()
    company = await world.company()
    await world.fund(company, 100_00)
    person = await world.employee(company)
    await world.provider()
    posted = await world.scalar("SELECT posted_cents FROM ledger.account WHERE id = :id", id=company.account_id)
    assert posted == 100_00
    assert await world.scalar("SELECT company_id FROM employee WHERE id = :id", id=person.employee_id) == company.id
