"""The ground the tests stand on."""

from sqlalchemy import text


async def test_a_room_enters_its_database_with_its_own_role(db_of):
    async with db_of("routing") as db:
        assert (await db.execute(text("select current_user"))).scalar_one() == "estafeta_routing"
