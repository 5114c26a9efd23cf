"""The picture that a shot starts from."""

from PIL import Image

from storyreel_engine.failures import InvalidInputError
from storyreel_engine.pipelines.pixels import fitted
from storyreel_engine.pipelines.state import Clip


def first_picture(clip: Clip) -> Image.Image:
    """The clip's picture in the shot's size.

    Raises:
        InvalidInputError: none came along.
    """
    if clip.picture is None:
        raise InvalidInputError("first_frame: this model starts from a picture, and none came along")
    return fitted(clip.picture, clip.request.width, clip.request.height)
