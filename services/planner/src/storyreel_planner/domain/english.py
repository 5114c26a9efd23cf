"""What of English the prompt writer needs to know: word forms, negation, and words that name nothing to look at.

Used by `vocabulary`. Lists are closed classes (articles, prepositions ...) or the plain words that briefs are full of;
whatever is not listed is taken for something that somebody wants to see.
"""

import re
from functools import lru_cache
from unicodedata import normalize

from snowballstemmer import stemmer  # type: ignore[import-untyped]  # the package carries no types

ARTICLES = frozenset({"a", "an", "the"})
CLAUSE_ENDS = frozenset('.,;:!?()[]{}"…—–/|\n')
LINKS = frozenset({"and", "or", "nor", "&"})
_PREPOSITIONS = """
    about above across after against along alongside amid among around as at before behind below beneath beside besides
    between beyond by down during for from in inside into like near next of off on onto out outside over past per round
    since through throughout to toward towards under underneath until up upon via with within
"""
PREPOSITIONS = frozenset(_PREPOSITIONS.split())
CONTRASTS = frozenset({"but", "only", "just", "instead", "rather", "yet", "however", "while", "who", "which", "that", "then"})
PHRASE_ENDS = ARTICLES | PREPOSITIONS | LINKS | CONTRASTS
NEGATORS = frozenset({"no", "not", "never", "without", "neither", "nor", "none", "cannot", "avoid", "except", "minus"})
NEGATING_PAIRS = frozenset({("instead", "of"), ("rather", "than"), ("free", "of"), ("free", "from"), ("other", "than")})
NOT_NEGATING = frozenset({("not", "only"), ("not", "just")})

_FUNCTION = """
    all also am another any anybody anyone anything are because been being both can could did do does each eight either
    enough ever every everybody everyone everything few first five four had has have he her here hers herself him himself
    his how i if is it its itself less lot many may me might more most much must my myself nine nobody nothing now once one
    other others our ours own same second seven several shall she should six so some somebody someone something still such
    ten than their theirs them themselves there these they third this those though three too two us very was we well were
    what when where whether why will would you your yours yourself
"""
_FILM = """
    ad advert advertisement bokeh brand brief campaign caption clip commercial content depth field film focus footage frame
    hero image intro logo movie outro picture product promo scene screen second sequence shot spot story storyboard style
    subject teaser title trailer video view viewer viral visual
"""
_PLAIN_NOUNS = """
    action air area back background beginning bit bottom center centre corner day detail edge end everyday expression feel
    feeling foreground front gesture group half hour idea kind left life line look middle minute moment mood pair part piece
    place point quality reaction rest right row set shape side sort space stage stuff surface texture thing time tone top
    touch vibe way word world year
"""
_PLAIN_VERBS = """
    add appear arrive ask become begin bring call carry catch come cover create cut describe end enjoy enter fall feature
    feel fill find finish follow get give glide go grab hang happen head help hit hold introduce invite keep land lead leave
    let lift like line live love make meet move need notice offer open pass pick place play present put reach rest reveal
    rise rush see seem sell set shift show start stay step stop suggest surround sway take tell turn use wait want wear
"""
_PLAIN_ADJECTIVES = """
    alive amazing authentic beautiful best better big bold brand bright busy calm charming clean clear close cold colorful
    colourful cool cosy cozy crisp cute dark deep dramatic dry easy elegant empty energetic exciting famous fast fine free
    fresh friendly full funny general gentle golden good great happy hard high hot huge large light little lively long loose
    lovely low main mid modern natural neat new next nice old open perfect playful premium pretty proud pure quick quiet
    rapid ready real rich rough round shallow sharp short simple single sleek slow small smart smooth soft special stunning
    subtle sunny sweet tall tiny true ultimate vibrant vivid warm wet whole wide wild young
"""
_LY_NOUNS = frozenset({"family", "butterfly", "jelly", "lily", "belly", "bully", "dolly", "holly", "assembly", "monopoly"})
_ADJECTIVE_ENDS = ("ful", "ous", "able", "ible", "less", "istic")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[^\w\s]|\n")
_HYPHEN = re.compile(r"(?<=\w)[-\u2010\u2011](?=\w)")
_stemmer = stemmer("english")


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """The word without its ending, so that plurals and verb forms are one: cities, city; waving, waves, wave."""
    return str(_stemmer.stemWord(word.casefold()))


def tokens(text: str) -> list[str]:
    """Words and marks of a text, compatibility forms folded (NFKC); hyphens part words as spaces do."""
    plain = normalize("NFKC", text).replace("\u2019", "'")
    return _WORD.findall(_HYPHEN.sub(" ", plain))


_PLAIN = frozenset(
    stem(word) for words in (_FUNCTION, _FILM, _PLAIN_NOUNS, _PLAIN_VERBS, _PLAIN_ADJECTIVES) for word in words.split()
)


@lru_cache(maxsize=8192)
def is_plain(word: str) -> bool:
    """Whether a word names nothing of its own to look at: function words, film words, plain adjectives, adverbs, numbers."""
    low = word.casefold()
    if not any(c.isalpha() for c in low) or low in PHRASE_ENDS or low in NEGATORS:
        return True
    adverb = low.endswith("ly") and len(low) > 3 and low not in _LY_NOUNS
    return adverb or "'" in low or low.endswith(_ADJECTIVE_ENDS) or stem(low) in _PLAIN
