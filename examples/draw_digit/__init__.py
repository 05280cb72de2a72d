"""The parts of `python examples/draw_digit.py`, in the order in which they are best read.

as_mnist.py   from a drawing of any size to an image like those of MNIST
network.py    the network: trained, kept, loaded, checked
look.py       what the page is told about a drawing: probabilities, feature maps, saliency
server.py     a small web server for this machine alone
page.html, page.css, page.js, icon.svg   the page
"""
