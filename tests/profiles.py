"""Colour profiles as small as they can be, made of the numbers that define them."""

import struct

import numpy as np

GAMMA = 563 / 256  # 2.2, as a profile can write it
# Display P3's red, green and blue, and sRGB's, in XYZ under D50.
P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657],
               [-0.00105, 0.04189, 0.78407]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061],
                 [0.01392, 0.09708, 0.71410]])


def profile(kind, space, pcs, tags):
    """An ICC profile of version 2, from `{signature: data}`."""
    place, table, body = 128 + 4 + 12 * len(tags), struct.pack(">L", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4sLL", name, place + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">L4sL4s4s4s12s4s28s12s48s", place + len(body), b"", 0x02100000, kind, space,
                       pcs, b"", b"acsp", b"", numbers(0.9642, 1, 0.8249), b"")
    return head + table + body


def numbers(*values):
    return struct.pack(f">{len(values)}l", *(round(value * 65536) for value in values))


def xyz(values):
    return b"XYZ " + bytes(4) + numbers(*values)


CURVE = b"curv" + bytes(4) + struct.pack(">LH", 1, round(GAMMA * 256))


def rgb_profile(matrix=P3):
    return profile(b"mntr", b"RGB ", b"XYZ ", {
        b"wtpt": xyz((0.9642, 1, 0.8249)), b"rXYZ": xyz(matrix[:, 0]), b"gXYZ": xyz(matrix[:, 1]),
        b"bXYZ": xyz(matrix[:, 2]), b"rTRC": CURVE, b"gTRC": CURVE, b"bTRC": CURVE})


def grey_profile(gamma=1.0):
    curve = b"curv" + bytes(4) + struct.pack(">LH", 1, round(gamma * 256))
    return profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": xyz((0.9642, 1, 0.8249)), b"kTRC": curve})


def cmyk_profile():
    """Of inks that are all grey: each takes a quarter of the lightness."""
    linear = bytes(range(256))
    grid = b"".join(bytes([round(255 * (1 - bin(inks).count("1") / 4)), 128, 128])
                    for inks in range(16))
    lut = (b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + numbers(1, 0, 0, 0, 1, 0, 0, 0, 1)
           + 4 * linear + grid + 3 * linear)
    return profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": xyz((0.9642, 1, 0.8249)), b"A2B0": lut})


def p3_as_srgb(pixels):
    """`[..., 3]` bytes of `rgb_profile` as sRGB, floats from 0 to 255."""
    linear = np.linalg.inv(SRGB) @ P3 @ ((pixels[..., np.newaxis] / 255) ** GAMMA)
    return encoded(np.clip(linear[..., 0], 0, 1))


def encoded(linear):
    """Linear light from 0 to 1 as sRGB has it, from 0 to 255."""
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
