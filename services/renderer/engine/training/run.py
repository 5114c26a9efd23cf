"""`python training/run.py --stage keyframe ...`: the one command of the studio model's training (see README.md)."""

from storyreel_training.command import main

if __name__ == "__main__":
    raise SystemExit(main())
