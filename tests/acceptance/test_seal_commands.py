"""`sojourn seal`, `prove` and `check-proof` as people and programs run them."""

import json
import shlex
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from application.transition_service import TransitionService
from tests.support.attempts import register
from tests.support.command_line import document, run, run_on, run_program


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The public key in PEM, whose private one signs."""
    key = Ed25519PrivateKey.generate()
    (tmp_path / "seal.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "seal.pub").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    monkeypatch.setenv("SOJOURN_SEAL_KEY", str(tmp_path / "seal.pem"))
    return tmp_path / "seal.pub"


def test_seal_prove_and_check(service: TransitionService, tmp_path: Path, keys: Path) -> None:
    register(service, "t1", "t2")
    proof = tmp_path / "proof.json"

    sealed = document(service, "seal")
    assert sealed["sealed_to"] == 2
    assert document(service, "prove", "1", "-o", str(proof)) == {
        "position": 1, "root": sealed["root"], "sealed_to": 2
    }  # fmt: skip

    for trust in (["--root", sealed["root"]], ["--key", str(keys)], ["--key", sealed["public_key"]]):
        checked = run_program("check-proof", str(proof), *trust, "--json")
        assert checked.status == 0, checked
        answer = json.loads(checked.stdout)
        assert (answer["valid"], answer["event"]["stream"]) == (True, "task:t1")
        assert document(service, "verify", *trust)["trusted_to"] == 2

    wrong = run_program("check-proof", str(proof), "--root", "0" * 64, "--json")
    assert wrong.status == 1
    assert json.loads(wrong.stdout)["valid"] is False
    assert run(service, "verify", "--root", "0" * 64).exit_code == 1


def test_what_people_read(service: TransitionService, tmp_path: Path) -> None:
    assert run(service, "seal").stdout == "The log has no events that can be sealed.\n"
    register(service, "t1")

    lines = run(service, "seal").stdout.splitlines()
    assert lines[0] == "Sealed up to position 1: 1 seal added."
    assert run(service, "seal").stdout.splitlines()[0] == "Sealed up to position 1: nothing to add."
    written = run(service, "prove", "1", "-o", str(tmp_path / "proof.json")).stdout.splitlines()
    [command] = [line.removeprefix("Check it with: sojourn ") for line in written if line.startswith("Check it")]
    checked = run_program(*shlex.split(command))
    assert (checked.status, checked.stdout.splitlines()[0]) == (
        0, "The proof is valid: the sealed log has this event."
    )  # fmt: skip
    assert "The seals reach position 1; --root or --key compares" in run(service, "verify").stdout


def test_a_case_carries_its_proof(service: TransitionService, tmp_path: Path) -> None:
    register(service, "t1", "t2")
    root = document(service, "seal")["root"]
    case = str(tmp_path / "w.sojourn")

    lines = run(service, "bundle", "--workflow", "w", "-o", case).stdout.splitlines()
    [command] = [line.partition(" with: sojourn ")[2] for line in lines if line.startswith("Prove 2 of its events")]
    checked = run_program(*shlex.split(command))
    assert (checked.status, checked.stdout) == (0, "The case is proven: the sealed log has each of its 2 events.\n")
    assert json.loads(run_program("check-proof", case, "--root", root, "--json").stdout) == {
        "valid": True, "workflow": "w", "events": 2, "why": None
    }  # fmt: skip
    wrong = run_program("check-proof", case, "--root", "0" * 64)
    assert (wrong.status, wrong.stdout) == (
        1, "The case is not proven: its seals do not lead to the root or the key that was given.\n"
    )  # fmt: skip


def test_verify_goes_on_after_the_seal_that_was_verified(
    service: TransitionService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_HOME", str(tmp_path))
    register(service, "t1", "t2")
    sealed = document(service, "seal")
    nothing = run_on(service.dsn, "verify", "--since-seal")
    assert nothing.status == 2
    assert "no verified seal of this log is recorded in" in nothing.stderr
    assert document(service, "verify", "--since-seal", "--root", sealed["root"])["since"] == 2
    register(service, "t3")

    assert run(service, "verify", "--since-seal").stdout.splitlines() == [
        "Replayed 1 event after position 2, and compared 1 entity: the log is legal, and the projections agree with "
        "it.",
        "The seals reach position 2; --root or --key compares them with what you kept.",
        f"The root of the last seal is {sealed['root']}.",
    ]

    (record,) = (tmp_path / "verified").iterdir()
    record.write_text("{}")
    assert "no verified seal of this log is recorded in" in run_on(service.dsn, "verify", "--since-seal").stderr
    assert document(service, "verify")["since"] == 0
    assert json.loads(record.read_text()) == {"root": sealed["root"], "position": 2}


def test_what_cannot_be_used_is_a_sentence(
    service: TransitionService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(service, "t1")
    (tmp_path / "not.json").write_text('{"proof": 2}')
    root = ["--root", "0" * 64]
    no_key = "is not an Ed25519 public key: a PEM file, or 64 hexadecimal digits; make one with `openssl genpkey"
    for arguments, sentence in (
        (["check-proof", "not.json"], "neither --root nor --key is given; name what you kept"),
        (["check-proof", str(tmp_path / "not.json"), *root], "is not a proof: proof is not as it must be; write it"),
        (["check-proof", str(tmp_path / "none.json"), *root], "is not a proof: No such file or directory; write it"),
        (["check-proof", str(tmp_path), *root], "is not a proof: Is a directory; write it"),
        (["check-proof", "p.json", "--root", "12"], "root '12' is not 64 hexadecimal digits; give it as"),
        (["check-proof", "p.json", "--key", str(tmp_path / "not.json")], no_key),
    ):
        done = run_program(*arguments)
        assert (done.status, done.stdout) == (2, "")
        assert sentence in done.stderr, done.stderr
    done = run_on(service.dsn, "prove", "1", "-o", str(tmp_path / "proof.json"))
    assert done.status == 2
    assert "position 1 is not that of a sealed event: the log is sealed up to position 0; run `sojourn" in done.stderr
    assert not (tmp_path / "proof.json").exists()
    monkeypatch.setenv("SOJOURN_SEAL_KEY", str(tmp_path / "not.json"))
    assert "is not an unencrypted Ed25519 private key in PEM" in run_on(service.dsn, "seal").stderr
