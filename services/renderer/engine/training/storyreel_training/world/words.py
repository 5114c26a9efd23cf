"""The words for every fact, and the vocabulary they make: known before any training, and the whole of the tokenizer."""

import re

Words = tuple[str, ...]

CHARACTER: dict[str, Words] = {
    "woman": ("woman", "woman", "girl", "young woman", "lady"),
    "man": ("man", "man", "boy", "young man", "guy"),
    "rabbit": ("rabbit", "rabbit", "bunny"),
    "cat": ("cat", "cat", "kitten"),
    "bear": ("bear", "bear", "teddy bear"),
    "dinosaur": ("dinosaur", "dinosaur", "dragon"),
    "fox": ("fox",),
    "elephant": ("elephant",),
    "frog": ("frog",),
    "owl": ("owl",),
    "penguin": ("penguin",),
    "robot": ("robot", "robot", "android"),
}
COLOUR: dict[str, Words] = {
    "red": ("red", "red", "scarlet", "crimson"),
    "orange": ("orange", "orange", "amber"),
    "yellow": ("yellow", "yellow", "golden"),
    "green": ("green", "green", "lime"),
    "teal": ("teal", "turquoise", "cyan"),
    "blue": ("blue", "blue", "navy"),
    "purple": ("purple", "purple", "violet"),
    "pink": ("pink", "pink", "magenta"),
    "white": ("white", "white", "cream"),
    "black": ("black", "black", "charcoal", "dark grey"),
}
PRODUCT: dict[str, Words] = {
    "sneaker": ("sneaker", "sneaker", "running shoe", "shoe", "trainer"),
    "bottle": ("bottle", "bottle", "drink bottle", "soda bottle"),
    "mug": ("mug", "coffee mug", "cup", "coffee cup"),
    "phone": ("phone", "smartphone", "mobile phone"),
    "bag": ("bag", "handbag", "leather bag"),
    "watch": ("watch", "wristwatch"),
    "camera": ("camera", "photo camera"),
    "headphones": ("headphones", "headphones", "headset"),
}
SETTING: dict[str, Words] = {
    "beach": ("on a beach", "on the beach", "by the sea", "on a sandy shore", "an open shore by the water", "at the ocean"),
    "city": ("in a city", "in the city", "on a city street", "downtown", "a modern city", "on an urban street"),
    "forest": ("in a forest", "in the woods", "among tall trees", "a forest trail between tall trees", "in a pine forest"),
    "kitchen": ("in a kitchen", "in the kitchen", "a bright home kitchen", "at home in the kitchen"),
    "desert": ("in a desert", "in the desert", "among cactus and sand", "a wide desert of sand"),
    "mountains": ("in the mountains", "on a snowy mountain", "in front of snowy peaks", "a mountain ridge under a wide sky"),
    "studio": ("in a studio", "in a photo studio", "a clean seamless studio backdrop", "against a studio backdrop"),
    "meadow": ("in a meadow", "in a park", "on a flower meadow", "on green hills", "in a field of flowers"),
}
TIME: dict[str, Words] = {
    "day": ("by day", "in daylight", "soft natural daylight", "at noon", "bright open sun with soft fill", "on a bright day"),
    "sunset": (
        "at sunset",
        "at golden hour",
        "at dusk",
        "golden hour, low warm sun and long soft shadows",
        "in the evening light",
    ),
    "night": ("at night", "at midnight", "under the moon", "night, neon glow and wet reflections", "on a dark night"),
    "dawn": ("at dawn", "at sunrise", "in the early morning", "dawn, cool early light with a warm edge"),
}
WEATHER: dict[str, Words] = {
    "clear": ("clear sky", "clear weather"),
    "cloudy": ("cloudy sky", "overcast", "soft overcast daylight", "under clouds"),
    "rain": ("in the rain", "rain is falling", "rainy"),
    "snow": ("snow is falling", "in falling snow", "snowing"),
    "fog": ("in the fog", "foggy", "soft haze", "misty"),
}
SIZE: dict[str, Words] = {
    "wide": ("wide shot", "wide establishing shot", "full shot"),
    "medium": ("medium shot", "mid shot"),
    "close-up": ("close-up", "close up shot", "macro detail shot", "portrait close-up"),
}
CAMERA: dict[str, Words] = {
    "static": ("locked-off static camera", "static camera", "steady camera", "the camera does not move"),
    "pan left": ("camera pans slowly to the left", "pan left", "the camera pans left"),
    "pan right": ("camera pans slowly to the right", "pan right", "the camera pans right"),
    "push in": ("slow camera push-in", "push in", "the camera moves closer", "zoom in"),
    "pull out": ("slow camera pull-out", "pull out", "the camera moves back", "zoom out"),
    "track": ("camera tracks alongside the subject", "tracking shot", "the camera follows along"),
}
ACTION: dict[str, Words] = {
    "stand": ("stands", "stands still", "waits", "is standing"),
    "walk": ("walks", "is walking", "strolls", "walks along"),
    "jump": ("jumps", "is jumping", "hops up and down", "leaps"),
    "wave": ("waves", "is waving", "waves hello", "greets us"),
    "spin": ("spins", "is spinning", "turns around", "rotates"),
    "dance": ("dances", "is dancing", "dances happily"),
    "float": ("floats", "hovers in the air", "is floating"),
    "pour": ("pours", "pours coffee", "is pouring coffee"),
}
STYLE: dict[str, Words] = {
    "animation": (
        "soft 3D animation",
        "animated film",
        "clean animation style",
        "cinematic, natural colours",
        "soft light, shallow depth of field",
    ),
    "storybook": ("storybook illustration", "watercolour storybook", "painted picture book style"),
    "comic": ("comic style", "comic with ink outlines", "bold cartoon outlines"),
    "noir": ("black-and-white noir", "monochrome film noir", "black and white film"),
}
WEARING = ("wearing", "with", "in")
PRAISE = ("a cute", "a friendly", "a happy", "our brave", "a lovely", "the charming", "a little")
PITCH = ("meet", "discover", "introducing", "say hello to", "here comes", "the new", "brand new", "fresh", "premium")
_GLUE = (
    "that yours a an the of and or to is are at on in with its set palette made for every day life you your beside "
    "next stands on podium plinth hero product shot packshot film video ad scene shows showing where while this it "
    "moment adventure story style light camera holding looks featuring subject . , : ; - ! ? ' \" text letters "
    "watermark subtitles distorted anatomy flicker jitter low quality large soft key gentle rim window from side "
    "clean simple beautiful colourful bright warm cold grey brown beige "
)
_TOKEN = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[^\sa-z0-9]")


def tokens(text: str) -> list[str]:
    """Words and marks of a text in lower case: what the tokenizer sees."""
    return _TOKEN.findall(text.lower())


def vocabulary() -> list[str]:
    """Every token of every caption, sorted."""
    tables = (CHARACTER, COLOUR, PRODUCT, SETTING, TIME, WEATHER, SIZE, CAMERA, ACTION, STYLE)
    phrases = [p for table in tables for words in table.values() for p in words]
    phrases += [*WEARING, *PRAISE, *PITCH, _GLUE, "sunglasses scarf hat bow tie crown coloured top hat cap"]
    return sorted({t for phrase in phrases for t in tokens(phrase)})
