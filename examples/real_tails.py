"""Models and tails that nobody cut, as predictions for `analyze`: languages of translations,
sections of packages.

    python3 examples/real_tails.py languages --out out/real-tails    # needs py3langid, Debian's iso-codes
    python3 examples/real_tails.py sections --out out/real-tails     # needs scikit-learn, Debian's lists of packages

`languages`: py3langid 0.4.0, a naive Bayes model that others trained, is given the translations of
Debian's iso-codes, each with the language of its file; what stands in several languages, or has
fewer than 8 letters, is left out, and so are languages with fewer than 10 strings.

`sections`: the first line of each Debian package's description, and its section. Words and pairs of
words are hashed, a linear model is trained on the packages of four fifths of the source packages,
and judged on the others, so that siblings of one source never stand on both sides; a line that
stands there twice is judged once. Two models: as it is, and with the logarithm of each section's
share taken off its score (logit adjustment, Menon et al. 2021).

Writes .npz files of `logits` and `labels`, the names of the classes, the training counts where
there are any, and prints the commands that analyse them. Versions are printed, for the strings
change with them.
"""

import argparse
import gettext
import hashlib
import subprocess
import sys
from collections import Counter, defaultdict
from importlib.metadata import version
from pathlib import Path

import numpy as np

LOCALES = Path("/usr/share/locale")
LEAST_LETTERS = 8
LEAST_STRINGS = 10
# Codes of the catalogues by the codes of the model.
SAME_LANGUAGE = {"nb": "no", "fil": "tl"}
TEST_PART = 5
FEATURES = 2**16


def debian_version(package: str) -> str:
    """Gives the version of an installed package."""
    query = ["dpkg-query", "--show", "--showformat=${Version}", package]
    return subprocess.run(query, capture_output=True, text=True, check=True).stdout


def translations() -> dict[str, list[str]]:
    """Gives the strings of iso-codes that stand in one language only, by language."""
    found = defaultdict(set)
    for file in sorted(LOCALES.glob("*/LC_MESSAGES/iso_*.mo")):
        locale = file.parts[-3].split("@")[0].split("_")[0]
        with file.open("rb") as opened:
            catalogue = gettext.GNUTranslations(opened)._catalog
        texts = (text for key, text in catalogue.items() if isinstance(key, str) and key and text != key)
        found[SAME_LANGUAGE.get(locale, locale)].update(texts)
    languages = Counter(text for texts in found.values() for text in texts)

    def is_kept(text: str) -> bool:
        return languages[text] == 1 and sum(letter.isalpha() for letter in text) >= LEAST_LETTERS

    kept = {language: sorted(filter(is_kept, texts)) for language, texts in sorted(found.items())}
    return {language: texts for language, texts in kept.items() if len(texts) >= LEAST_STRINGS}


def languages(out: Path) -> None:
    """Writes what py3langid says of the translations."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE)
    names = model.labels
    places = {name: place for place, name in enumerate(names)}
    texts = translations()
    if not texts:
        sys.exit(f"no iso_*.mo below {LOCALES}: install Debian's package iso-codes")
    known = [(places[language], text) for language in texts if language in places for text in texts[language]]
    left_out = {language: len(found) for language, found in texts.items() if language not in places and found}
    logits = np.empty((len(known), len(names)), dtype=np.float32)
    for row, (_, text) in enumerate(known):
        for name, score in model.rank(text):
            logits[row, places[name]] = score
        if row % 5000 == 0:
            print(f"\r{row:,} of {len(known):,} strings", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    labels = np.array([label for label, _ in known])
    np.savez(out / "languages.npz", logits=logits, labels=labels)
    (out / "languages.txt").write_text("\n".join(names) + "\n")
    counts = np.bincount(labels, minlength=len(names))
    print(f"py3langid {version('py3langid')}, iso-codes {debian_version('iso-codes')}")
    print(f"{len(known):,} strings of {np.count_nonzero(counts)} languages, {counts.max():,} to {counts[counts > 0].min()}")
    print(f"left out, unknown to the model: {sum(left_out.values()):,} strings of {len(left_out)} languages")
    print(f"analyze --predictions {out}/languages.npz --class-names {out}/languages.txt --weights none --out {out}/languages")


def packages() -> list[tuple[str, str, str]]:
    """Gives source package, section and first line of the description of every package."""
    listed = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True).stdout
    found = []
    for entry in listed.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in entry.splitlines() if ": " in line and line[0] != " ")
        text = fields.get("Description", fields.get("Description-en"))
        if text and "Section" in fields:
            source = fields.get("Source", fields["Package"]).split(" ")[0]
            found.append((source, fields["Section"].split("/")[-1], text))
    return found


def is_test(source: str) -> bool:
    """Tells whether a source package is among those that are judged on."""
    return hashlib.sha256(source.encode()).digest()[0] % TEST_PART == 0


def sections(out: Path) -> None:
    """Trains a linear model of the sections, and writes what it says of packages it has not seen.
    """
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import LogisticRegression

    found = packages()
    if not found:
        sys.exit("apt-cache knows no package: run apt-get update")
    train = [package for package in found if not is_test(package[0])]
    test = [package for package in found if is_test(package[0])]
    counts = Counter(section for _, section, _ in train)
    names = [name for name, _ in counts.most_common()]
    places = {name: place for place, name in enumerate(names)}
    seen = {text for _, _, text in train}
    once = {text: (source, section, text) for source, section, text in test if section in places and text not in seen}
    test = list(once.values())
    vectorizer = HashingVectorizer(n_features=FEATURES, ngram_range=(1, 2), alternate_sign=False)
    labels = [np.array([places[section] for _, section, _ in part]) for part in (train, test)]
    features = [vectorizer.transform(text for _, _, text in part) for part in (train, test)]
    solver = LogisticRegression(C=10.0, max_iter=50, tol=1e-3, solver="saga", random_state=0)
    model = solver.fit(features[0], labels[0])
    logits = model.decision_function(features[1]).astype(np.float32)
    shares = np.array([counts[name] for name in names]) / len(train)
    adjusted = logits - np.log(shares).astype(np.float32)
    np.savez(out / "sections.npz", logits=logits, labels=labels[1])
    np.savez(out / "sections-adjusted.npz", logits=adjusted, labels=labels[1])
    (out / "sections.txt").write_text("\n".join(names) + "\n")
    (out / "sections-counts.txt").write_text("\n".join(str(counts[name]) for name in names) + "\n")
    listed = hashlib.sha256(repr(sorted(found)).encode()).hexdigest()
    print(f"scikit-learn {version('scikit-learn')}, {len(found):,} packages, SHA-256 of the list {listed}")
    print(f"{len(names)} sections, {counts[names[0]]:,} to {counts[names[-1]]} training packages, {len(test):,} judged")
    print(
        f"analyze --predictions {out}/sections.npz {out}/sections-adjusted.npz --train-counts {out}/sections-counts.txt "
        f"--class-names {out}/sections.txt --name plain adjusted --out {out}/sections"
    )


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["languages", "sections"])
    parser.add_argument("--out", type=Path, default=Path("out/real-tails"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    {"languages": languages, "sections": sections}[arguments.what](arguments.out)


if __name__ == "__main__":
    main()
