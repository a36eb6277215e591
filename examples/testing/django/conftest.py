import pytest


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings, stack):
    """Django makes its test database, one for each worker, when the server runs."""
