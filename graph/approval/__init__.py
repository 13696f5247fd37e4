"""From a planned query to one that may run: the guard, and the person who is asked where policy says so."""
