"""What holds for every test: no property is failed for a slow machine's sake, and examples are the same each run."""

from hypothesis import HealthCheck, settings

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("house")
