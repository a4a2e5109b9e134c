"""The package as a stranger installs it: a built wheel in an empty environment runs the demo."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from reference import ROOT


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    run(sys.executable, "-c", build, out, cwd=ROOT)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_the_studies_and_no_third_party_data(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    assert "openlupus/py.typed" in names
    for name in ("study.toml", "sources.md", "model.toml", "published.toml", "data/rs.parquet"):
        assert any(n.endswith(f"/{name}") for n in names), name
    data = {n.split("/studies/")[1].split("/")[0] for n in names if "/data/" in n}
    assert data == {(ROOT / "src/openlupus/studies/demo").read_text().strip()}
    assert not [n for n in names if n.endswith(".xpt")]


def test_the_demo_runs_from_the_wheel_in_an_empty_environment(wheel: Path, tmp_path: Path):
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        pytest.fail("uv is needed to make an empty environment; `make test` installs it")
    env = tmp_path / "env"
    python = env / "bin" / "python"
    run(uv, "venv", "--quiet", "--python", sys.executable, env, cwd=tmp_path)
    locked = ROOT / "requirements" / "run.txt"
    install = (uv, "pip", "install", "--quiet", "--python", python)
    run(*install, "--require-hashes", "-r", locked, cwd=tmp_path)
    run(*install, "--no-deps", wheel, cwd=tmp_path)
    done = run(env / "bin" / "openlupus", "demo", "--out", "out", cwd=tmp_path)
    assert "SYNTHETIC" in done.stdout
    assert (tmp_path / "out" / "report" / "index.html").stat().st_size > 50_000
