from tests.grants.conftest import desk, fresh_stage, stage

__all__ = ["desk", "fresh_stage", "stage"]
