"""Thresholds as data; an adapter reads them from YAML. Units stand in the names."""

from pydantic import BaseModel, ConfigDict, Field

Range = tuple[float, float]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PaletteThresholds(_Data):
    """Colour against the shot before and against the bible."""

    neighbour_max_delta_e2000: float = Field(gt=0)
    across_scenes_factor: float = Field(ge=1)
    bible_min_colors: int = Field(ge=1)
    bible_max_delta_e2000: float = Field(gt=0)
    chromatic_min_c: float = Field(ge=0)
    chromatic_min_share: float = Field(ge=0, le=1)


class LightingRange(_Data):
    """What some words of the bible's lighting allow."""

    words: list[str] = Field(min_length=1)
    range_stops: Range


class ExposureThresholds(_Data):
    """Light against the shot before and against the bible's lighting."""

    neighbour_max_stops: float = Field(gt=0)
    across_scenes_factor: float = Field(ge=1)
    bible_max_stops: float = Field(ge=0)
    range_stops: Range
    lighting: list[LightingRange] = []

    def allowed(self, lighting: str) -> Range:
        """Range of exposure for the bible's lighting, stops from 18 % grey."""
        said = lighting.casefold()
        return next((entry.range_stops for entry in self.lighting if any(w in said for w in entry.words)), self.range_stops)


class CameraThresholds(_Data):
    """Motion against the plan's camera."""

    static_max_percent_width_per_s: float = Field(gt=0)
    static_max_zoom_percent_per_s: float = Field(gt=0)
    move_min_percent_width_per_s: float = Field(gt=0)
    zoom_min_percent_per_s: float = Field(gt=0)


class Thresholds(_Data):
    """All of them."""

    palette: PaletteThresholds
    exposure: ExposureThresholds
    camera: CameraThresholds
    wait_for_neighbour_s: float = Field(gt=0)
