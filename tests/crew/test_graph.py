"""Order and context follow from position."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.crew.graph import Frontier, Node, Shape, is_chain, task_graph


@st.composite
def shapes(draw):
    number = draw(st.integers(1, 8))
    made = []
    for position in range(number):
        named = st.lists(st.integers(0, position - 1), unique=True) if position else st.just([])
        context = draw(st.none() | named)
        is_async = draw(st.booleans())
        waits_for_all = not is_async and draw(st.booleans())
        made.append(Shape(is_async, None if context is None else tuple(context), waits_for_all))
    return tuple(made)


def test_plain_tasks_see_all_that_came_before():
    graph = task_graph((Shape(), Shape(), Shape()))
    assert [node.sees for node in graph] == [(), (0,), (0, 1)]


def test_an_async_task_sees_the_synchronous_ones_and_what_they_joined():
    graph = task_graph((Shape(), Shape(is_async=True), Shape(is_async=True), Shape(), Shape(is_async=True)))
    assert [node.sees for node in graph] == [(), (0,), (0,), (0, 1, 2), (0, 1, 2, 3)]


def test_a_context_waits_for_no_async_task_that_it_does_not_name():
    graph = task_graph((Shape(is_async=True), Shape(is_async=True), Shape(context=(1,)), Shape(is_async=True)))
    assert graph[2] == Node(frozenset({1}), (1,))
    assert graph[3].sees == (1, 2)


def test_an_empty_context_is_none_at_all_but_order_stays():
    assert task_graph((Shape(), Shape(context=())))[1] == Node(frozenset({0}), ())


def test_a_task_that_waits_for_all_joins_async_tasks_whatever_it_sees():
    shapes = (Shape(is_async=True), Shape(is_async=True), Shape(context=(0,), waits_for_all=True), Shape(is_async=True))
    graph = task_graph(shapes)
    assert graph[2] == Node(frozenset({0, 1}), (0,))
    assert graph[3].sees == (0, 1, 2)


@pytest.mark.parametrize("named", [1, 2])
def test_a_context_that_does_not_come_before_is_refused(named):
    with pytest.raises(ValueError, match="does not come before"):
        task_graph((Shape(), Shape(context=(named,)), Shape()))


@given(shapes())
def test_everything_seen_is_waited_for_and_comes_before(graph_shapes):
    for position, node in enumerate(task_graph(graph_shapes)):
        assert set(node.sees) <= node.waits
        assert all(seen < position for seen in node.waits)


@given(shapes(), st.randoms(use_true_random=False))
def test_every_order_of_ending_runs_each_task_once_and_synchronous_ones_in_order(graph_shapes, chance):
    nodes = task_graph(graph_shapes)
    started: list[int] = []
    running: list[int] = []
    ended: list[int] = []
    frontier = Frontier(nodes)
    new = frontier.first()
    while len(ended) < len(nodes):
        started += new
        running += new
        assert running, "nothing is under way and not all have ended"
        ended.append(running.pop(chance.randrange(len(running))))
        assert nodes[ended[-1]].waits <= set(ended)
        new = frontier.after(ended[-1])
    synchronous = [position for position in started if not graph_shapes[position].is_async]
    assert sorted(started) == list(range(len(nodes)))
    assert synchronous == sorted(synchronous)


@given(shapes())
def test_a_chain_is_where_each_task_ended_lets_just_the_next_one_start(graph_shapes):
    nodes = task_graph(graph_shapes)
    frontier = Frontier(nodes)
    freed = [frontier.first(), *[frontier.after(number) for number in range(len(nodes))]]
    one_by_one = [*[[number] for number in range(len(nodes))], []]
    assert is_chain(nodes) == (freed == one_by_one)
