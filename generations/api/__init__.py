"""What programs see: the endpoints of OpenAI's and Venice's dialects, and their own jobs."""
