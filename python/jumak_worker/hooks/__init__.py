"""What a configuration file of gunicorn has in Python: its settings, its hooks, and the objects that hooks get."""
