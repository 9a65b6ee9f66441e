"""Each program that somebody comes from has a reader here: it yields what was logged there in our words, and writes nothing."""
