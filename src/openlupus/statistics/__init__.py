"""Statistics from arrays alone: numpy in, frozen values out. Import the module that you need."""
