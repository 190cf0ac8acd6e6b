"""Where the faces that align.py finds go, and which of them are there already."""

import collections
import os

from dcgan.files import naming, record
from dcgan.messages import UserError
from dcgan.pictures import reading

NO_FACE, SEVERAL = "no face", "several faces"  # why a picture has no aligned face


def made_of(path, settings):
    """What a face is made of, as its folder's record keeps it.

    Args:
        path: the picture.
        settings: the `faces.alignment.Alignment`.
    """
    try:
        status = os.stat(path)
        state = {"bytes": status.st_size, "time": status.st_mtime_ns}
    except OSError:  # whoever reads it will say so
        state = {"bytes": None, "time": None}
    return {"source": os.path.abspath(path), "name": os.path.relpath(path, settings.inputDir),
            **state, "landmarks": settings.landmarks, "size": settings.size,
            "margin": settings.margin}


def remember(path, settings, result):
    """Record in `outputDir` that a picture has no aligned face: `NO_FACE` or `SEVERAL`."""
    record.at(settings.outputDir).write({"remark": made_of(path, settings) | {
        "fallbackLfw": settings.fallbackLfw, "rules": reading.RULES, "result": result}})


def known_without(files, settings):
    """`{picture: NO_FACE or SEVERAL}` of those in which an earlier call has found no face to align,
    and this one would find none."""
    remarks = [each for each in record.at(settings.outputDir).remarks
               if each.get("rules") == reading.RULES
               and settings.fallbackLfw in (None, each["fallbackLfw"])
               and (each["result"] == NO_FACE or settings.skipMulti)]
    results = {key: each["result"] for each in remarks for key in _states(each)}
    found = {path: [results[key] for key in _states(made_of(path, settings)) if key in results]
             for path in files}
    return {path: result[0] for path, result in found.items() if result}


def _states(made):
    """A picture as it is, by its path, or, in a folder that was moved, by its name in there."""
    state = made["bytes"], made["time"]
    return (made["source"], *state), (made["name"], *state)


def plan(files, settings):
    """Give each picture a place for its face: `outputDir/FOLDER/NAME.png`, no two the same.

    A picture keeps the place that its face has had before, and takes none that the face of another
    picture has, be that one of another call.

    Args:
        files: the pictures.
        settings: the `faces.alignment.Alignment`.

    Returns:
        `(picture, output)` of every one whose face is not there yet, of this picture as it is and
        with these landmarks and this size.

    Raises:
        UserError: something of the user's is in the place of one.
    """
    recorded = {name: {"margin": 0.0} | entry["of"]  # earlier versions had no other
                for name, (*_, entry) in record.at(settings.outputDir).entries.items()
                if "of" in entry and os.path.lexists(os.path.join(settings.outputDir, name))}
    places = {}  # of faces, by each of the two ways to know their pictures again
    for name, each in recorded.items():
        for key in _keys(each):
            places[os.path.dirname(name), key] = name
    made, stems = [made_of(path, settings) for path in files], _stems(files, settings)
    names = [next((places[os.path.dirname(stem), key] for key in _keys(each)
                   if (os.path.dirname(stem), key) in places), None)
             for each, stem in zip(made, stems)]
    new = iter(naming.unique_names(
        [stem for stem, name in zip(stems, names) if name is None],
        taken=[os.path.splitext(name)[0] for name in recorded]))
    names = [name or f"{next(new)}.png" for name in names]
    jobs = [(path, os.path.join(settings.outputDir, name))
            for path, name, each in zip(files, names, made)
            if not each.items() - {("source", each["source"])} <= recorded.get(name, {}).items()]
    record.require_free({output: path for path, output in jobs}, files,
                        f"outputDir {settings.outputDir}: ")
    return jobs


def margin_of(folder):
    """The margin that align.py recorded for the faces in a folder; None if it recorded none.

    Raises:
        UserError: the faces have different margins.
    """
    margins = {entry["of"].get("margin", 0.0)
               for *_, entry in record.at(folder).entries.values()
               if "landmarks" in entry.get("of", {})}
    if len(margins) > 1:
        raise UserError(f"--dataset {folder}: its faces were aligned with different margins, "
                        f"{', '.join(map(str, sorted(margins)))}; align each into a folder of its "
                        "own")
    return next(iter(margins), None)


def _keys(made):
    """A picture is known by its path, or, in a folder that was moved, by all else."""
    return made["source"], (made["name"], made["bytes"], made["time"])


def _stems(files, settings):
    """The places without suffix that the pictures would have, were there no others."""
    stems = [os.path.splitext(os.path.relpath(path, settings.inputDir))[0] for path in files]
    if settings.flat:
        names = collections.Counter(os.path.basename(stem).casefold() for stem in stems)
        stems = [name if names[name.casefold()] == 1 else stem.replace(os.sep, "-")
                 for stem in stems for name in [os.path.basename(stem)]]
    return stems
