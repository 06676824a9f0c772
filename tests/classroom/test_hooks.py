"""Pages are drawn again after every change, the last one included."""

from reacton.utils import equals

from sim.classroom.hooks import shower_of


class Request:
    """Stand-in for a ticket: as a ticket, it equals only itself."""

    def __init__(self, done, place, ended):
        self.done, self.place, self.ended = done, place, ended


def test_a_request_that_ends_while_the_page_is_drawn_is_drawn_once_more():
    ticket = Request(190, 0, False)
    drawn = []

    def draw(state):
        drawn.append(state)
        ticket.done, ticket.ended = 200, True  # the last campaigns finish meanwhile

    show = shower_of(ticket, draw)
    assert not show()
    assert show()
    assert drawn == [(ticket, 190, 0, False), (ticket, 200, 0, True)]


def test_a_state_that_has_been_drawn_is_not_drawn_again():
    drawn = []
    ticket = Request(10, 2, False)
    show = shower_of(ticket, drawn.append)
    assert not show() and not show()
    assert drawn == [(ticket, 10, 2, False)]


def test_a_request_that_ends_before_the_page_follows_it_does_not_look_like_the_one_before():
    drawn = []
    for ticket in (Request(200, 0, True), Request(200, 0, True)):
        assert shower_of(ticket, drawn.append)()
    assert not equals(*drawn)  # a page is not drawn again for an equal state
