"""The names of complete.py's results in `--outDir`, for writing them and for checking that they
overwrite no file of the user."""

import os
import re

# Results of a run, of each frame, of the search for image NN (counted over all batches) and its
# candidate K, and of each batch; from the second batch on, those are in `batch_01`, ...
NAMES = {
    "table": "results.csv",
    "latents": "latents.npz",
    "report": "report{page}.html",
    "image": "images/{name}.png",
    "candidates": "candidates/{name}.png",  # only with several candidates
    "photo": "photos/{name}{suffix}",  # the whole picture, if it is larger than a frame
    "log": "logs/hats_{image}{candidate}.log",  # loss and z of every iteration
    "before": "{batch}before.png",
    "masked": "{batch}masked.png",
    "lowres": "{batch}lowres.png",
    "G": "{batch}hats_imgs/{iteration}.png",  # G(z)
    "lowres G": "{batch}hats_imgs/{iteration}.lowres.png",
    "completed": "{batch}completed/{iteration}.png",  # G(z) in the hole
    "activations": "{batch}activations.npz",  # only with --deeper
    "animation": "{batch}completion.gif",
    "video": "{batch}{video}"}
# The form of each number in a name, and the number that is left out.
NUMBERS = {"page": ("-{}", 1), "image": ("{:02d}", None), "candidate": ("_{}", 0),
           "batch": ("batch_{:02d}/", 0), "iteration": ("{:04d}", None)}


def fields_of(what):
    """The fields in braces in a name."""
    return re.findall(r"\{(\w+)\}", NAMES[what])


def path(out, what, **fields):
    """The path of a result in `outDir`, for the values of its `fields_of`."""
    for field, (form, left_out) in NUMBERS.items():
        if field in fields:
            fields[field] = "" if fields[field] == left_out else form.format(fields[field])
    return os.path.join(out, NAMES[what].format(**fields))


def folder(out, what, batch=0):
    """The folder of a kind of results."""
    return os.path.dirname(path(out, what, **dict.fromkeys(fields_of(what), 0) | {"batch": batch}))
