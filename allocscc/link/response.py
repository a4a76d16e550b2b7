"""Response files of linkers (`@file`): as libiberty reads them, and written so that it reads the same."""

import os

# libiberty's ISSPACE knows no others; a no-break space is part of a name.
_BLANKS = r" \t\n\v\f\r"
_WORD = rf"(?:\\.|'(?:\\.|[^'\\])*'?|\"(?:\\.|[^\"\\])*\"?|[^{_BLANKS}'\"\\])+"


def expand_response_files(argv: list[str], cwd: str, depth: int = 0) -> list[str]:
    """Replace each `@file` that can be read by the words in it, as libiberty's `expandargv` does; also nested."""
    words: list[str] = []
    for word in argv:
        text = _response_text(word, cwd) if word.startswith("@") and depth < 20 else None
        if text is None:
            words.append(word)
        else:
            words += expand_response_files(split_response(text), cwd, depth + 1)
    return words


def _response_text(word: str, cwd: str) -> str | None:
    path = os.path.join(cwd, word[1:])
    try:
        if not os.path.isfile(path):
            return None
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except (OSError, ValueError):
        return None


def split_response(text: str) -> list[str]:
    """The words of a response file under GNU quoting: quotes group, a backslash takes the next character as it is."""
    import re  # 9 ms that a link without a response file does not pay

    words: list[str] = []
    for match in re.finditer(_WORD, text, re.S):
        words.append(_unquote(match[0]))
    return words


def _unquote(word: str) -> str:
    if "\\" not in word and "'" not in word and '"' not in word:
        return word
    out, quote, at = [], "", 0
    while at < len(word):
        char = word[at]
        if char == "\\" and at + 1 < len(word):
            at += 1
            out.append(word[at])
        elif quote:
            if char == quote:
                quote = ""
            else:
                out.append(char)
        elif char in "'\"":
            quote = char
        else:
            out.append(char)
        at += 1
    return "".join(out)


def quote_response(words: list[str]) -> str:
    """A response file's text that `split_response` reads back as the same words."""
    import re

    text = "\n".join(words) + "\n"
    if words and "" not in words and text.count("\n") == len(words) and not re.search(r"""[ \t\v\f\r'"\\]""", text):
        return text  # what nearly all are like, and thousands of words
    return "".join(re.sub(rf"([{_BLANKS}'\"\\])", r"\\\1", word) + "\n" if word else "''\n" for word in words)
