"""What we can answer: the language, the phrasebook by its digits, the chosen sentence large, and free translation."""

from __future__ import annotations

from functools import lru_cache

from rich.text import Text

from hub.errors import ConfigError
from hub.messages import TRANSCRIPT_NOTICE
from hub.phrasebook.book import UNCHECKED, Language, Phrase, Phrasebook, Topic, load_phrasebook, shown
from hub.tui.drawings import View
from hub.tui.lines import BAD, DOUBT, QUIET, STRONG, cell, put, stack
from hub.tui.speech import SpeechPage, heard_language


@lru_cache(maxsize=1)
def phrasebook() -> Phrasebook | None:
    """Return the phrasebook; None where its tables are damaged, which the screen says."""
    try:
        return load_phrasebook()
    except ConfigError:
        return None


def answer_language(page: SpeechPage, book: Phrasebook) -> Language:
    """Return the language to answer in: the chosen one, or the one heard last, or the first there is."""
    code = page.language or heard_language(page, book.languages)
    return book.languages.get(code) or next(iter(book.languages.values()))


def open_topic(page: SpeechPage, book: Phrasebook) -> Topic | None:
    """Return the topic whose sentences the digits choose; None while they choose a topic."""
    return next((topic for topic in book.topics if topic.topic == page.topic), None)


def chosen_phrase(page: SpeechPage, book: Phrasebook) -> Phrase | None:
    """Return the chosen sentence in the language to answer in."""
    language = answer_language(page, book).language
    return next((each for each in book.phrases(language) if each.phrase == page.phrase), None)


def draw_answering(view: View) -> Text:
    """Return the language with its mark, the chosen sentence, the translation, and what the digits choose."""
    page, book = view.state.speech, phrasebook()
    if book is None:
        return put(("The phrasebook cannot be read: see patrol-hub phrase list", BAD))
    language = answer_language(page, book)
    lines = [put("answer in ", (language.name, STRONG), " ◀ ▶"), _mark(page, language)]
    lines += [*_chosen(page, book), *_free(page), Text("")]
    topic = open_topic(page, book)
    if topic is None:
        lines += [put(cell(f"{number} {each.title}", view.width)) for number, each in enumerate(book.topics, start=1)]
    else:
        lines.append(put((f"{topic.title} (0 topics)", STRONG)))
        for number, (name, english) in enumerate(topic.sentences.items(), start=1):
            style = "reverse" if name == page.phrase else ""
            lines.append(put((cell(f"{number} {english}", view.width), style)))
    return stack(lines)


def _mark(page: SpeechPage, language: Language) -> Text:
    """Return who signed the language. Until the hub says that somebody did, nobody has."""
    signed = page.answering.signed if page.answering is not None else ()
    who = next((each.value for each in signed if each.name == language.language), "")
    return put((f"signed by {who}", QUIET)) if who else put((UNCHECKED, DOUBT))


def _chosen(page: SpeechPage, book: Phrasebook) -> list[Text]:
    phrase = chosen_phrase(page, book)
    if phrase is None:
        return []
    # The book's own sentences: `put` would take the joints out of Persian words.
    lines = [Text(""), Text(shown(phrase.text), STRONG)]
    if phrase.romanised:
        lines.append(Text(shown(phrase.romanised)))
    saying = " (being said …)" if page.saying == phrase.phrase else ""
    return [*lines, put((f"{phrase.english}{saying}", QUIET))]


def _free(page: SpeechPage) -> list[Text]:
    if not page.asked:
        return []
    lines = [Text(""), put((f"your words: {page.asked}", QUIET))]
    if page.made is None:
        said = put(("no translation: ", BAD), page.refused) if page.refused else put(("translating …", DOUBT))
        return [*lines, said]
    lines.append(put((page.made.text, STRONG)))
    if page.made.unknown:
        lines.append(put(("NOT TRANSLATED: ", BAD), ", ".join(page.made.unknown)))
    return [*lines, put((f"{TRANSCRIPT_NOTICE} ({page.made.translator}, to {page.made.target})", DOUBT))]
