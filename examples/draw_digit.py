"""Draw a digit and watch a convolutional network read it while you draw.

    python examples/draw_digit.py                  trains on MNIST once (or the sample), then starts
    python examples/draw_digit.py model.npz        a model of yours, from train_mnist.py --save
    python examples/draw_digit.py --data sample    trains on the sample inside the package, offline
    python examples/draw_digit.py --no-browser     only prints the address of the page

The page shows how the drawing is made like an image of MNIST, the ten probabilities, the feature
maps of each layer, and which pixels the answer hangs on. It is served from 127.0.0.1 by Python's
own http.server and asks nothing of the internet. Ctrl-C ends the program.

Result, 2026-11-22: trained on all of MNIST (6 epochs of about 4 s on two cores), the network reads
all of 88 test drawings (22 ways to draw a digit, four times each, at any place and in any size) if
they are prepared as MNIST's digits were, and 48 of them if they are only scaled to 28 x 28; so says
`pytest -m slow tests/test_draw_digit.py`. With the sample (12 epochs) it reads a little less.
"""

import argparse
import sys
import threading
import webbrowser
from pathlib import Path

from draw_digit.network import get_model, share_read  # the folder draw_digit beside this file
from draw_digit.server import Server

from numcnn.errors import DivergedError, NumcnnError


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; a wrong one ends the program with status 2."""
    parser = argparse.ArgumentParser(
        description="Draw a digit on a page and watch a convolutional network read it.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "model",
        nargs="?",
        type=Path,
        metavar="model.npz",
        help="a model from (28, 28, 1) to ten probabilities; without one, the model kept in the "
        "folder --out is taken, or trained and kept there",
    )
    parser.add_argument(
        "--data",
        default="auto",
        metavar="{auto,sample,DIR}",
        help="what to train on. auto: all of MNIST, from the cache or the internet; sample: the "
        "small set inside the package; DIR: a folder with the four MNIST files",
    )
    parser.add_argument("--epochs", type=at_least_one, help="passes over the images")
    parser.add_argument("--out", type=Path, default=Path("results"), help="where a model is kept")
    parser.add_argument(
        "--raw-pixels", action="store_true", help="model.npz was trained on pixels 0..255, not 0..1"
    )
    parser.add_argument("--port", type=port, default=0, help="0 takes one that is free")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page")
    options = parser.parse_args(arguments)
    if options.raw_pixels and options.model is None:
        parser.error("--raw-pixels needs model.npz: the model trained here takes pixels 0..1")
    return options


def at_least_one(text: str) -> int:
    """Return a positive integer from the command line."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def port(text: str) -> int:
    """Return the number of a port from the command line."""
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"must lie between 0 and 65535, got {number}")
    return number


def run(options: argparse.Namespace) -> None:
    """Get the model, start the server, open the page, and serve until Ctrl-C."""
    model = get_model(options.model, options.data, options.out, options.epochs)
    share = share_read(model, options.raw_pixels)
    print(f"The model reads {100 * share:.1f} % of 1,000 test images of MNIST.")
    if share < 0.5:
        print("That is not much: was it trained on other pictures, or needs --raw-pixels?")
    with Server(model, options.port, options.raw_pixels) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        try:
            print(f"Draw a digit at {address} (Ctrl-C here ends it)", flush=True)
            if not options.no_browser:  # a browser for terminals would wait for our answer
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nThe page is closed.")


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return 0 when Ctrl-C ends the page, 130 before that, 1 after an error."""
    options = parse(arguments)
    try:
        run(options)
    except KeyboardInterrupt:
        print("\nStopped by Ctrl-C before there was a page.", file=sys.stderr)
        return 130
    except (NumcnnError, DivergedError, OSError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
