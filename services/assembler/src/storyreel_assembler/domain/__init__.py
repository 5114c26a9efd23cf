"""Pure rules of the cutting room: time, framing, captions, grade, sound levels, keys and the cut's state machine."""
