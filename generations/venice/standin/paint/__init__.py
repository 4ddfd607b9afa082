"""How the stand-in's pictures are made: light, moods and scenes, drawn with Pillow alone."""
