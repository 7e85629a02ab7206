"""The list of crates that the wheel holds."""

import json
from importlib.metadata import files


def test_the_wheel_lists_the_crates_it_is_made_of() -> None:
    """The crates that read and count are in it, with versions."""
    lists = [path for path in files("car-spectral") or [] if path.match("*.dist-info/sboms/*.json")]
    assert len(lists) == 1
    found = json.loads(lists[0].read_text())
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.5")
    versions = {component["name"]: component["version"] for component in found["components"]}
    assert {
        "car-spectral",
        "car-spectral-formats",
        "ndarray",
        "numpy",
        "pyo3",
        "half",
    } <= versions.keys()
    assert all(versions.values())
