"""The names of complete.py's results below `--outDir`: one table, for who writes them and for who
looks whether something of the user's has one of them."""

import os
import re

# Of a run, of each frame, of the search for image NN (counted over all batches) and its candidate
# K, and of each batch, which are in `outDir` or, from the second on, in `batch_01`, ...
NAMES = {
    "table": "results.csv",
    "latents": "latents.npz",
    "report": "report{page}.html",
    "image": "images/{name}.png",
    "candidates": "candidates/{name}.png",  # if there are several
    "photo": "photos/{name}{suffix}",  # of a picture that is more than one frame
    "log": "logs/hats_{image}{candidate}.log",  # loss and z of every iteration
    "before": "{batch}before.png",
    "masked": "{batch}masked.png",
    "lowres": "{batch}lowres.png",
    "G": "{batch}hats_imgs/{iteration}.png",  # G(z)
    "lowres G": "{batch}hats_imgs/{iteration}.lowres.png",
    "completed": "{batch}completed/{iteration}.png",  # G(z) in the hole
    "activations": "{batch}activations.npz",  # of a search that is --deeper
    "animation": "{batch}completion.gif",
    "video": "{batch}{video}"}
# How a number is written there, and which one is left out.
NUMBERS = {"page": ("-{}", 1), "image": ("{:02d}", None), "candidate": ("_{}", 0),
           "batch": ("batch_{:02d}/", 0), "iteration": ("{:04d}", None)}


def fields_of(what):
    """What is in braces in a name."""
    return re.findall(r"\{(\w+)\}", NAMES[what])


def path(out, what, **fields):
    """The path of a result below `outDir`, by its `fields_of`, numbers as numbers."""
    for field, (form, left_out) in NUMBERS.items():
        if field in fields:
            fields[field] = "" if fields[field] == left_out else form.format(fields[field])
    return os.path.join(out, NAMES[what].format(**fields))


def folder(out, what, batch=0):
    """The folder of such results."""
    return os.path.dirname(path(out, what, **dict.fromkeys(fields_of(what), 0) | {"batch": batch}))
