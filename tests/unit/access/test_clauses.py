"""Conditions in SQL of ours within statements of SQLAlchemy Core."""

from sqlalchemy import Column, Integer, MetaData, String, Table, and_, create_engine, insert, select

from sagittal.access.clauses import Flag, condition

BOXES = Table("boxes", MetaData(), Column("id", Integer, primary_key=True), Column("of", String))


def test_a_condition_is_compiled_once_and_holds_for_the_values_of_each_time() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        BOXES.create(connection)
        connection.execute(insert(BOXES), [{"of": one} for one in "abca"])
        for prefix in ("x", "y"):
            for one, ids in (("a", [1, 4]), ("b", [2]), ("z", [])):
                statement = select(BOXES.c.id).where(condition("boxes.of = ? OR boxes.of = ?", prefix), BOXES.c.id < 9)
                found = connection.execute(statement, {f"{prefix}_0": one, f"{prefix}_1": "-"})
                assert [row[0] for row in found] == ids


def test_two_conditions_of_one_statement_have_values_of_their_own() -> None:
    mine, other = condition("boxes.of = ?", "mine"), condition("boxes.of = ?", "other")
    with create_engine("sqlite://").connect() as connection:
        BOXES.create(connection)
        connection.execute(insert(BOXES), [{"of": one} for one in "ab"])
        statement = select(Flag(mine).label("is_mine")).select_from(BOXES).where(other)
        for one, flags in (("a", [0]), ("b", [1])):
            values = {"mine_0": "b", "other_0": one}
            assert [row[0] for row in connection.execute(statement, values)] == flags


def test_a_condition_stands_as_it_is_so_that_indexes_are_used() -> None:
    statement = select(BOXES.c.id).where(and_(condition("boxes.id = 1 OR boxes.id = 2", "x"), BOXES.c.of == "a"))
    assert "WHERE (boxes.id = 1 OR boxes.id = 2) AND boxes" in str(statement)


def test_another_text_is_another_statement() -> None:
    with create_engine("sqlite://").connect() as connection:
        BOXES.create(connection)
        connection.execute(insert(BOXES), [{"of": one} for one in "ab"])
        for sql, ids in (("1", [1, 2]), ("0", []), ("boxes.id = 2", [2])):
            assert [row[0] for row in connection.execute(select(BOXES.c.id).where(condition(sql, "x")))] == ids
