"""Rows of the tables that the measurements are printed as."""


def row(*cells):
    print("|", " | ".join(map(str, cells)), "|", flush=True)


def head(*names):
    row(*names)
    row(*["---"] * len(names))
