"""A cable that is long: what goes in at one end comes out at the other after a while.

Arguments: the names of its two ends, which are network links that it makes, and the seconds of one way.
Says `ready` when both are up, and ends when it is killed.
"""

import collections
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

# linux/if_tun.h: whole Ethernet frames, without a header of the kernel's.
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


def end(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    subprocess.run(["ip", "link", "set", name, "up"], check=True)
    return device


ends = [end(name) for name in sys.argv[1:3]]
other = {ends[0]: ends[1], ends[1]: ends[0]}
delay = float(sys.argv[3])
# All are held back as long: who came first goes first.
held = collections.deque()
print("ready", flush=True)
while True:
    wait = max(0.0, held[0][0] - time.monotonic()) if held else None
    for device in select.select(ends, [], [], wait)[0]:
        try:
            while True:
                frame = os.read(device, 65536)
                held.append((time.monotonic() + delay, other[device], frame))
        except BlockingIOError:
            pass
    while held and held[0][0] <= time.monotonic():
        _, device, frame = held.popleft()
        try:
            os.write(device, frame)
        except OSError:
            # Its end is down, as that of a cable that nobody has plugged in.
            pass
