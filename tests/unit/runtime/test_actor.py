from sagittal.runtime.actor import ACTIONS, EVERYTHING, EVERYWHERE, LOCAL, Actor


def test_an_actor_that_no_porter_has_resolved_may_do_nothing() -> None:
    actor = Actor(door="dicomweb", name="somebody", address="192.0.2.7")
    assert (actor.kind, actor.account, actor.grants, actor.roles) == ("nobody", 0, (), ())


def test_the_command_line_may_do_everything_everywhere() -> None:
    (grant,) = LOCAL.grants
    assert (grant.actions, grant.relation, grant.facilities) == (frozenset(ACTIONS), "any", EVERYWHERE)
    assert LOCAL.grants == EVERYTHING
