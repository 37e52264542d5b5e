"""The search for a good roster: places filled one by one, hardest first, then changed as long as any change is better.

It is deterministic: ties are settled by order, and nothing depends on time or chance. Against the best roster of all,
found by trying everything on small cases, see `tests/property/test_roster_laws.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

from services.routing.rules.roster_board import Board, Place, Problem

DEEPEST = 3
"""How many may change their shifts so that one more place is filled."""
FEWEST, MOST, EFFORT = 3, 32, 400
"""How many beginnings are tried: so many at least, so many at most, and the effort that is spread over the places."""


def search(problem: Problem) -> Board:
    """The best roster of several beginnings, each made better until no change is; the first of equals.

    The fewer places, the more beginnings: few places leave few ways to be even, and the search is soon done.
    """
    beginnings = _beginnings(problem)
    tries = max(FEWEST, min(MOST, EFFORT // (1 + len(problem.places))))
    boards = []
    for order in islice(beginnings, tries):
        board = Board(problem)
        for place in order:
            able = [k for k in range(len(problem.people)) if board.may(place.slot, k)]
            if able:
                board.put(place, min(able, key=lambda k: (place.slot in problem.unwished[k], board.surplus(k), k)))
        improve(board)
        boards.append(board)
    return min(boards, key=Board.cost)


def _beginnings(problem: Problem) -> Iterator[list[Place]]:
    """The places in ever other orders: hardest first, most leads first, as they come, then stepping through them."""
    worth = [sum(problem.leads[n] for n in problem.segments[slot]) for slot in range(len(problem.slots))]
    places = list(problem.places)
    yield sorted(places, key=lambda place: (-len(problem.cannot[place.slot]), -worth[place.slot], place))
    yield sorted(places, key=lambda place: (-worth[place.slot], place))
    yield places
    for step in count(2):
        yield sorted(places, key=lambda place: ((places.index(place) * step) % (len(places) + 1), place))


def improve(board: Board) -> None:
    """Fill what is empty by chains of changes, then change and exchange places, as long as any of it is better."""
    while _fill(board) or _hand_over(board) or _exchange(board):
        pass


def _fill(board: Board) -> bool:
    better = False
    for place in board.empty():
        better |= _chain(board, place, DEEPEST, frozenset()) or _instead(board, place)
    return better


def _chain(board: Board, place: Place, depth: int, moved: frozenset[Place]) -> bool:
    """Fill a place, if need be by moving somebody's other place to a third; nothing is changed if that fails."""
    people = sorted(range(len(board.problem.people)), key=lambda k: (board.surplus(k), k))
    for k in people:
        if board.may(place.slot, k):
            board.put(place, k)
            return True
    if depth <= 1:
        return False
    for k in people:
        if k in board.problem.cannot[place.slot]:
            continue
        for other in _to_be_moved(board, place.slot, k):
            if other in moved:
                continue
            board.take(other)
            if board.may(place.slot, k):
                board.put(place, k)
                if _chain(board, other, depth - 1, moved | {place, other}):
                    return True
                board.take(place)
            board.put(other, k)
    return False


def _to_be_moved(board: Board, slot: int, k: int) -> list[Place]:
    """The places one of which he would have to give up for a place of `slot`."""
    if blocking := board.in_the_way(slot, k):
        return blocking if len(blocking) == 1 else []
    week = board.problem.weeks[slot]
    return [place for other, place in sorted(board.of[k].items()) if board.problem.weeks[other] == week]


def _instead(board: Board, place: Place) -> bool:
    """Fill a place by leaving another empty, if that is better: at a time when fewer leads are expected."""
    for k in range(len(board.problem.people)):
        if k in board.problem.cannot[place.slot]:
            continue
        for other in _to_be_moved(board, place.slot, k):
            before = board.cost()
            board.take(other)
            if board.may(place.slot, k):
                board.put(place, k)
                if board.cost() < before:
                    return True
                board.take(place)
            board.put(other, k)
    return False


def _hand_over(board: Board) -> bool:
    """Give single places to somebody else where that is better."""
    better = False
    for place in list(board.has):
        for k in range(len(board.problem.people)):
            held = board.has[place]
            if k == held or k in board.problem.cannot[place.slot]:
                continue
            if not board.worth_trying(held, k, board.brings(place), place.slot):
                continue
            before = board.cost()
            board.take(place)
            if board.may(place.slot, k):
                board.put(place, k)
                if board.cost() < before:
                    better = True
                    continue
                board.take(place)
            board.put(place, held)
    return better


def _exchange(board: Board) -> bool:
    """Let two exchange places where that is better."""
    better = False
    places = list(board.has)
    cannot = board.problem.cannot
    for n, one in enumerate(places):
        for other in places[n + 1 :]:
            mine, his = board.has[one], board.has[other]
            if mine == his or one.slot == other.slot or his in cannot[one.slot] or mine in cannot[other.slot]:
                continue
            if not board.worth_trying(mine, his, board.brings(one) - board.brings(other), one.slot, other.slot):
                continue
            before = board.cost()
            board.take(one)
            board.take(other)
            if board.may(one.slot, his):
                board.put(one, his)
                if board.may(other.slot, mine):
                    board.put(other, mine)
                    if board.cost() < before:
                        better = True
                        continue
                    board.take(other)
                board.take(one)
            board.put(one, mine)
            board.put(other, his)
    return better
