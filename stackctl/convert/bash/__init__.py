"""Read a bash script without running it: which `docker` commands does it run, and with which words?"""
