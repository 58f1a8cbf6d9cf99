"""The tree against the vectors of RFC 9162's predecessor, proofs by property, and exports that were tampered with."""

import json

import nacl.signing
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.identity.audit.log import encode_record
from sixfold.identity.audit.verify import TamperedError, export_lines, is_signed, main, verify
from sixfold.identity.domain.checkpoint import Checkpoint, LogKey, NoteError, open_note, parse_key, seal
from sixfold.identity.domain.merkle import (
    BeyondTreeError,
    MerkleTree,
    is_consistent,
    is_included,
    leaf_hash,
)

LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIGNER = nacl.signing.SigningKey(bytes(range(32)))
KEY = LogKey("sixfold.test/audit", bytes(SIGNER.verify_key))


def tree_of(leaves):
    tree = MerkleTree()
    for leaf in leaves:
        expected = tree.root_with(leaf_hash(leaf))
        tree.append(leaf_hash(leaf))
        assert tree.root() == expected
    return tree


def test_roots_are_those_of_the_published_vectors():
    tree = tree_of([bytes.fromhex(leaf) for leaf in LEAVES])
    assert [tree.root(size).hex() for size in range(1, 9)] == ROOTS
    assert MerkleTree().root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(st.integers(1, 70), st.data())
def test_every_proof_verifies_and_no_other_does(size, data):
    tree = tree_of([bytes([number]) for number in range(size)])
    index = data.draw(st.integers(0, size - 1))
    proof, root = tree.inclusion(index, size), tree.root()
    assert is_included(tree.leaf(index), index, size, proof, root)
    assert not is_included(leaf_hash(b"other"), index, size, proof, root)
    assert not is_included(tree.leaf(index), index, size, [*proof, root], root)
    first = data.draw(st.integers(1, size))
    steps = tree.consistency(first, size)
    assert is_consistent(first, size, steps, tree.root(first), root)
    if first < size:
        assert not is_consistent(first, size, steps, leaf_hash(b"other"), root)
        assert not is_consistent(first, size, steps, tree.root(first), leaf_hash(b"other"))


def test_proofs_of_what_is_not_there_are_refused():
    tree = tree_of([b"a", b"b"])
    for call in (
        lambda: tree.inclusion(2, 2),
        lambda: tree.inclusion(0, 3),
        lambda: tree.consistency(0, 2),
        lambda: tree.consistency(3, 2),
        lambda: tree.leaf(-1),
    ):
        with pytest.raises(BeyondTreeError):
            call()


def test_keys_and_notes_are_those_of_signed_note():
    # The example of Go's golang.org/x/mod/sumdb/note.
    known = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert str(parse_key(known)) == known
    assert parse_key(str(KEY)) == KEY
    with pytest.raises(NoteError):
        parse_key(known.replace("c74f20a3", "c74f20a4"))
    note = seal(Checkpoint(KEY.name, 3, bytes(32)), KEY, lambda text: SIGNER.sign(text).signature)
    assert open_note(note, KEY, is_signed) == Checkpoint(KEY.name, 3, bytes(32))
    for torn in (note.replace("\n3\n", "\n4\n"), note[:-3], note.partition("\n\n")[0], "", "x\n\ny"):
        with pytest.raises(NoteError):
            open_note(torn, KEY, is_signed)


def trail(size, signer=SIGNER):
    tree, made = MerkleTree(), []
    for index in range(size):
        record = encode_record(index, "trace-requested", 1_700_000_000_000 + index, {"case": f"K-{index}"})
        tree.append(leaf_hash(record))
        note = seal(
            Checkpoint(KEY.name, index + 1, tree.root()), KEY, lambda text: signer.sign(text).signature
        )
        made.append((record, note))
    return made


def tampered(records):
    with pytest.raises(TamperedError) as caught:
        verify(list(export_lines(KEY, records)), KEY)
    return caught.value.index


def test_a_whole_trail_verifies_and_an_edited_removed_moved_or_forged_record_is_named():
    records = trail(20)
    result = verify(list(export_lines(KEY, records)), KEY)
    assert result.size == 20
    edited = (records[7][0].replace(b"K-7", b"K-8"), records[7][1])
    assert tampered([*records[:7], edited, *records[8:]]) == 7
    assert tampered([*records[:7], *records[8:]]) == 7
    assert tampered([*records[:7], records[8], records[7], *records[9:]]) == 7
    assert tampered([*records[:7], records[6], *records[7:]]) == 7
    other = trail(20, nacl.signing.SigningKey(bytes(32)))
    assert tampered([*records[:19], other[19]]) == 19
    with pytest.raises(TamperedError):
        verify(["{}"], KEY)
    with pytest.raises(TamperedError):
        verify([], KEY)


def test_a_trail_cut_short_or_made_anew_is_shown_by_a_kept_checkpoint():
    records = trail(20)
    kept = open_note(records[14][1], KEY, is_signed)
    assert verify(list(export_lines(KEY, records)), KEY, kept).kept == 15
    with pytest.raises(TamperedError, match="15 records were signed"):
        verify(list(export_lines(KEY, records[:10])), KEY, kept)
    anew = [json.loads(line) for line in export_lines(KEY, trail(20))]
    tree, rows = MerkleTree(), []
    for index, row in enumerate(anew[1:]):
        record = row["record"].replace("K-3", "K-4").encode()
        tree.append(leaf_hash(record))
        note = seal(
            Checkpoint(KEY.name, index + 1, tree.root()), KEY, lambda text: SIGNER.sign(text).signature
        )
        rows.append((record, note))
    verify(list(export_lines(KEY, rows)), KEY)
    with pytest.raises(TamperedError, match="not the one whose checkpoint was kept"):
        verify(list(export_lines(KEY, rows)), KEY, kept)


def test_the_tool_says_it_in_its_exit_code(tmp_path, capsys):
    file, kept = tmp_path / "trail.jsonl", tmp_path / "kept"
    records = trail(5)
    file.write_text("\n".join(export_lines(KEY, records)) + "\n")
    kept.write_text(records[2][1])
    assert main(["verify", str(file), "--key", str(KEY), "--checkpoint", str(kept)]) == 0
    assert "5 records, none changed" in capsys.readouterr().out
    file.write_text(file.read_text().replace("K-2", "K-9"))
    assert main(["verify", str(file), "--key", str(KEY)]) == 1
    assert "record 2: it was edited" in capsys.readouterr().err
    assert main(["verify", str(file), "--key", "no key"]) == 2
    assert main(["verify", str(tmp_path / "absent"), "--key", str(KEY)]) == 2
