"""What everything stands on: settings, rows, paths, errors, progress, the cache of finished work."""
