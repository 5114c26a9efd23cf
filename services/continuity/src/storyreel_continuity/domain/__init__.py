"""What continuity measures and decides, as pure values: colour, camera, comparison, order of shots. No I/O, no clock."""
