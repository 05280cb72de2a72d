"""Chromium without a window, driven through a pipe: enough of the DevTools protocol for our tests.

A message is JSON and ends with a zero byte: {"id", "method", "params"} there, {"id", "result"} or
{"method", "params"}, an event, back (chromedevtools.github.io/devtools-protocol). Chromium reads
from file descriptor 3 and writes to 4.
"""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
import time

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FLAGS = """--headless --disable-gpu --disable-dev-shm-usage --no-first-run --disable-sync
    --disable-background-networking --disable-component-update --disable-extensions
    --disable-default-apps --hide-scrollbars --force-color-profile=srgb --remote-debugging-pipe
    --disable-renderer-backgrounding --disable-background-timer-throttling"""
START = """import os, sys
reads, writes, *command = sys.argv[1:]
os.dup2(int(reads), 3)
os.dup2(int(writes), 4)
os.execv(command[0], command)"""
LONGEST = 300  # seconds that a whole browser may live, so that none outlives a test that hangs


class Browser:
    """One page in one browser; `complaints` and `requested` grow as the page does things."""

    def __init__(self, folder):
        to_browser, from_browser = os.pipe(), os.pipe()
        ends = [fcntl.fcntl(fd, fcntl.F_DUPFD, 64) for fd in (to_browser[0], from_browser[1])]

        flags = [*FLAGS.split(), f"--user-data-dir={folder}"]
        if os.geteuid() == 0:  # Chromium's sandbox is not for root
            flags.append("--no-sandbox")
        self.program = subprocess.Popen(
            [sys.executable, "-c", START, *map(str, ends), CHROMIUM, *flags, "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=ends,
            start_new_session=True,
        )
        for fd in (*ends, to_browser[0], from_browser[1]):
            os.close(fd)
        self.writer, self.reader = to_browser[1], from_browser[0]
        self.rest, self.count, self.session = b"", 0, None
        self.complaints, self.requested = [], []
        self.guard = threading.Timer(LONGEST, self.program.kill)
        self.guard.daemon = True
        self.guard.start()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        """End the browser; its process is gone afterwards."""
        self.guard.cancel()
        self.program.kill()
        self.program.wait()
        os.close(self.writer)
        os.close(self.reader)

    def call(self, method, **params):
        """Return the result of a command."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.writer, data) :]
        while True:
            reply = self.next_message()
            if reply.get("id") == self.count:
                assert "error" not in reply, f"{method}: {reply['error']}"
                return reply["result"]
            self.note(reply)

    def next_message(self):
        """Return what the browser says next."""
        while b"\0" not in self.rest:
            data = os.read(self.reader, 1 << 20)
            assert data, "the browser has ended"
            self.rest += data
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def note(self, event):
        """Remember what the page complains of and what it asks for."""
        method, params = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"])
        elif method == "Log.entryAdded":
            self.complaints.append(params["entry"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(params["args"])

    def js(self, expression):
        """Return the value of an expression of JavaScript, awaited."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, expression):
        """Wait until an expression of JavaScript is true."""
        for _ in range(2000):  # counted, not timed: processes may be paused
            if self.js(expression):
                return
            time.sleep(0.02)
        raise AssertionError(f"never true in the page: {expression}")

    def mouse(self, kind, x, y):
        """Move, press or release the mouse."""
        button = "none" if kind == "mouseMoved" else "left"
        self.call(
            "Input.dispatchMouseEvent",
            type=kind,
            x=x,
            y=y,
            button=button,
            buttons=int(kind != "mouseReleased"),
            clickCount=1,
        )

    def touch(self, kind, *points):
        """Put down, move or lift fingers."""
        touches = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        self.call("Input.dispatchTouchEvent", type=kind, touchPoints=touches)

    def key(self, key, code=None, text="", number=0, modifiers=0):
        """Press a key and let it go."""
        named = {"key": key, "code": code or key, "modifiers": modifiers}
        named |= {"windowsVirtualKeyCode": number} if number else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **named)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def look_like(self, width, height, scheme="light", phone=False):
        """Take a size, a colour scheme, and whether there are fingers instead of a mouse."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def screenshot(self, path):
        """Write a picture of the whole page to a PNG file."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))
