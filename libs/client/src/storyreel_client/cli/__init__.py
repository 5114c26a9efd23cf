"""The `storyreel` command: arguments in, words out. Decides nothing; asks the SDK and the ports in `session`."""
