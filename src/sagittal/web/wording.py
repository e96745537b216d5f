"""What pages say to people goes through here, so that it can be said in their language."""


def _(text: str, /, **values: object) -> str:
    """A text for people, with its `%(name)s` filled in. So far there is one language.

    >>> _("wait %(seconds)s s", seconds=5)
    'wait 5 s'
    """
    return text % values if values else text
