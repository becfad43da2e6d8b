"""Settings of hypothesis for these tests."""

import hypothesis

# The same examples in every run, and no files.
hypothesis.settings.register_profile(
    "data",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=40,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("data")
