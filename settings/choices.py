"""Functions that a setting chooses by name, such as the masks."""


def register(functions):
    """A decorator that puts a function into a dict, under its name."""
    def put(function):
        functions[function.__name__] = function
        return function

    return put


def help_of(functions):
    """What each function of a dict does, for `--help`: its docstring."""
    def text(function):
        words = " ".join(function.__doc__.split()).rstrip(".").replace("`", "")
        return words[0].lower() + words[1:]

    return "; ".join(f"{name}: {text(function)}" for name, function in functions.items())
