"""Pages are drawn again after every change, the last one included."""

from types import SimpleNamespace

from sim.classroom.hooks import shower_of


def test_a_request_that_ends_while_the_page_is_drawn_is_drawn_once_more():
    ticket = SimpleNamespace(done=190, place=0, ended=False)
    drawn = []

    def draw(state):
        drawn.append(state)
        ticket.done, ticket.ended = 200, True  # the last campaigns finish meanwhile

    show = shower_of(ticket, draw)
    assert not show()
    assert show()
    assert drawn == [(190, 0, False), (200, 0, True)]


def test_a_state_that_has_been_drawn_is_not_drawn_again():
    drawn = []
    show = shower_of(SimpleNamespace(done=10, place=2, ended=False), drawn.append)
    assert not show() and not show()
    assert drawn == [(10, 2, False)]
