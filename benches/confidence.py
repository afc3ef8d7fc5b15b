"""Fits and checks the probability that the documents found hold the answer, on the shared data.

    python3 benches/confidence.py ../shared XQUAD    # XQUAD: a checkout of github.com/google-deepmind/xquad

prints the values of the tables in src/pipeline/retrieve/confidence.rs as fitted now, and by set how far off
the score is, a fit that has not seen the set's group, and the program's confidence. A group is one text:
XQuAD is the same in twelve languages.

The population: half of the questions are answered by the documents, a sixth are about their topic but their
documents were taken away (every third), a third are about other things. XQuAD, FaQuAD and SQuAD2-es are
halved; the questions of the other half are the other things. A question counts as answered if one of its
documents is among the first five passages. Needs numpy, and `frontdesk` (FRONTDESK=PATH, else
target/release/frontdesk).
"""

import argparse
import csv
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

FOUND = 5
# Fitted on documents; sentences sorted by intent (hint3, clinc150) only check the words, but of English
# documents there are too few. Of covidfaq's entries several answer the same question: none is taken away, and
# it only checks.
DOCUMENTS = ["stackfaq", "faquad-pt", "squad2-es", "xquad"]
BINS = np.linspace(0, 1, 11)
# In confidence.rs: SCORES.
KNOTS = np.array([0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
XQUAD = "en es de ar hi zh ru el ro th tr vi".split()


def lines(file):
    return [json.loads(line) for line in file.open(encoding="utf-8")]


def read(folder):
    rows = [row.split("\t") for row in (folder / "qrels/test.tsv").read_text().splitlines()[1:]]
    right = {}
    for query, text, *_ in rows:
        right.setdefault(query, set()).add(text)
    texts = lines(folder / "corpus.jsonl")
    asked = [(q["_id"], q["text"], right[q["_id"]]) for q in lines(folder / "queries.jsonl") if q["_id"] in right]
    return texts, asked


def divide(texts, asked, here, other):
    """Returns the documents, and the questions that they answer, of their topic, and of other things."""
    here = {text["_id"] for text in here}
    kept = [text for at, text in enumerate(t for t in texts if t["_id"] in here) if at % 3]
    ids = {text["_id"] for text in kept}
    answered = [(i, q, right & ids) for i, q, right in asked if right & ids]
    near = [q for _, q, right in asked if right <= here - ids]
    off = other if other is not None else [q for _, q, right in asked if not right & here]
    return kept, answered, near, off


def squad(file):
    """Returns the texts, the questions and each text's article of a file in SQuAD's format."""
    texts, asked, articles = [], [], {}
    for article, of in enumerate(json.loads(file.read_text(encoding="utf-8"))["data"]):
        for paragraph in of["paragraphs"]:
            text = f"p{len(texts)}"
            articles[text] = article
            texts.append({"_id": text, "title": "", "text": paragraph["context"]})
            asked += [(one["id"], one["question"], {text}) for one in paragraph["qas"]]
    return texts, asked, articles


def hint3(folder):
    """Returns the training sentences and the questions with their intents."""
    rows = []
    for file in ("curekart_train.csv", "curekart_test.csv"):
        with (folder / file).open(encoding="utf-8") as opened:
            rows.append([(row[0], row[1]) for row in list(csv.reader(opened))[1:]])
    return rows


def by_intent(known, asks, off):
    """As `divide`: the documents are ten sentences of each intent, and every third intent is taken away."""
    intents = {}
    for text, intent in known:
        intents.setdefault(intent, []).append(text)
    kept = {intent: texts[:10] for at, (intent, texts) in enumerate(intents.items()) if at % 3}
    ids = {intent: {f"{intent} {at}" for at in range(len(texts))} for intent, texts in kept.items()}
    texts = [
        {"_id": f"{intent} {at}", "title": "", "text": text}
        for intent, of in kept.items() for at, text in enumerate(of)
    ]
    answered = [(str(at), q, ids[intent]) for at, (q, intent) in enumerate(asks) if intent in kept]
    return texts, answered, [q for q, intent in asks if intent not in kept], off


def desks(data, xquad):
    """Yields name, group, language, documents, answered, near, off."""
    retrieval = data / "retrieval"
    with (data / "intents/banking77/test.csv").open(encoding="utf-8") as file:
        banking = [row["text"] for row in csv.DictReader(file)][::8]
    clinc = json.loads((data / "intents/clinc150/train_val.json").read_text())
    chatter = banking + [row[0] for part in ("oos_val", "oos_train") for row in clinc[part]]
    for name in ("stackfaq-threads", "stackfaq-answers-only"):
        texts, asked = read(retrieval / name)
        yield name, "stackfaq", "en", *divide(texts, asked, texts, chatter)
    texts, asked = read(retrieval / "covidfaq")
    yield "covidfaq", "covidfaq", "en", texts, asked, [], chatter
    yield "hint3", "hint3", "en", *by_intent(*hint3(data / "intents/hint3-curekart"), chatter)
    known = {part: [tuple(row) for row in clinc[part]] for part in clinc}
    outside = [text for part in ("oos_val", "oos_train") for text, _ in known[part]]
    yield "clinc150", "clinc150", "en", *by_intent(known["train"], known["val"][::3], outside)
    for name, language in (("faquad-pt", "pt"), ("squad2-es", "es")):
        texts, asked = read(retrieval / name)
        half = len(texts) // 2
        for here in (texts[:half], texts[half:]):
            yield name, name, language, *divide(texts, asked, here, None)
    for language in XQUAD:
        texts, asked, articles = squad(xquad / f"xquad.{language}.json")
        for odd in (0, 1):
            here = [text for text in texts if articles[text["_id"]] % 2 == odd]
            yield f"xquad-{language}", "xquad", language, *divide(texts, asked, here, None)


def ask(program, models, desk, home):
    """Returns raw score, probability, kind (0 answered, 1 near, 2 off) and whether it was found."""
    _, _, _, texts, answered, near, off = desk
    folder = Path(tempfile.mkdtemp(dir=home))
    (folder / "qrels").mkdir()

    def write(name, rows):
        with (folder / name).open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    write("corpus.jsonl", texts)
    write("queries.jsonl", ({"_id": i, "text": q} for i, q, _ in answered))
    kinds = [1] * len(near) + [2] * len(off)
    write("unanswerable.jsonl", ({"_id": str(at), "text": q} for at, q in enumerate(near + off)))
    pairs = (f"{i}\t{text}\t1\n" for i, _, right in answered for text in right)
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(pairs))
    details = folder / "details.jsonl"
    subprocess.run(
        [program, "eval", "retrieval", str(folder), "--details", str(details)],
        env={**os.environ, "FRONTDESK_MODELS": models}, cwd=home, check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    found = lines(details)
    kinds = np.array([0] * (len(found) - len(kinds)) + kinds)
    score = np.array([one.get("score", one["confidence"]) for one in found])
    sure = np.array([one["confidence"] for one in found])
    label = np.array([one["place"] is not None and one["place"] < FOUND for one in found])
    return score, sure, kinds, label & (kinds == 0)


def weigh(kinds):
    """Returns the weights of the population; without questions about the topic, other things are half."""
    weights = np.zeros(len(kinds))
    for kind, share in enumerate((1 / 2, 1 / 6, 1 / 3)):
        weights[kinds == kind] = share / max(1, (kinds == kind).sum())
    weights[kinds > 0] *= 0.5 / weights[kinds > 0].sum()
    return weights


def reliability(sure, label, weights):
    """Returns expected calibration error, Brier score, and (predicted, seen, weight) by bin."""
    place = np.clip(np.digitize(sure, BINS) - 1, 0, len(BINS) - 2)
    bins = []
    for at in range(len(BINS) - 1):
        one = weights * (place == at)
        total = one.sum()
        if total > 0:
            bins.append(((sure * one).sum() / total, (label * one).sum() / total, total))
    whole = weights.sum()
    error = sum(total * abs(said - seen) for said, seen, total in bins) / whole
    return error, ((sure - label) ** 2 * weights).sum() / whole, bins


def fit(score, label, weights):
    """Returns the probability at each knot: least squares by piecewise lines, never falling."""
    span = np.clip(np.digitize(score, KNOTS) - 1, 0, len(KNOTS) - 2)
    part = (score - KNOTS[span]) / (KNOTS[span + 1] - KNOTS[span])
    design = np.zeros((len(score), len(KNOTS)))
    rows = np.arange(len(score))
    design[rows, span] = 1 - part
    design[rows, span + 1] += part
    root = np.sqrt(weights)[:, None]
    # Steps from knot to knot, none below 0, by projected gradient.
    steps = np.tril(np.ones((len(KNOTS), len(KNOTS))))
    matrix, target = (design @ steps) * root, label * root[:, 0]
    gram, aim = matrix.T @ matrix, matrix.T @ target
    rise = np.full(len(KNOTS), 0.05)
    for _ in range(200_000):
        rise = np.maximum(rise - (gram @ rise - aim) / np.linalg.norm(gram, 2), [0] + [0.01] * (len(KNOTS) - 1))
    rise[0] = 0
    return np.clip(steps @ rise, 0, 1)


def pool(seen, groups):
    """Returns scores, labels and weights of groups; all groups count the same, and all sets of one."""
    parts = []
    for group in groups:
        sets = [found for (of, _), found in seen.items() if of == group]
        parts += [(score, label, weigh(kinds) / len(sets)) for score, _, kinds, label in sets]
    return [np.concatenate(column) for column in zip(*parts)]


def report(seen, fitted):
    groups = [group for group in fitted if any(of == group for of, _ in seen)]
    table = fit(*pool(seen, groups))
    print("  fitted: " + ", ".join(f"{value:.2f}" for value in table))
    print(f"  {'':22} {'':>6} {'score':>11} {'left out':>11} {'program':>11}   calibration error / Brier, in %")
    for group in dict.fromkeys(of for of, _ in seen):
        others = fit(*pool(seen, [other for other in groups if other != group]))
        for (of, name), (score, sure, kinds, label) in seen.items():
            if of != group:
                continue
            weights = weigh(kinds)
            cells = []
            for said in (score, np.interp(score, KNOTS, others), sure):
                error, brier, _ = reliability(said, label, weights)
                cells.append(f"{error * 100:4.1f} / {brier * 100:4.1f}")
            print(f"  {name:22} {len(score):>6} {' '.join(cells)}")
    score, label, weights = pool(seen, groups)
    sure = np.concatenate([sure for group in groups for (of, _), (_, sure, _, _) in seen.items() if of == group])
    for name, said in (("score", score), ("program", sure)):
        error, brier, bins = reliability(said, label, weights)
        print(f"  all fitted, {name}: {error * 100:.1f} / {brier * 100:.1f}; said -> seen (share of questions)")
        print("    " + ", ".join(f"{a:.2f} -> {b:.2f} ({w / weights.sum() * 100:.0f})" for a, b, w in bins))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("xquad", type=Path)
    wanted = parser.parse_args()
    program = os.path.abspath(os.environ.get("FRONTDESK", "target/release/frontdesk"))
    models = str((wanted.shared / "models").resolve())
    with tempfile.TemporaryDirectory() as home:
        english = [*DOCUMENTS, "hint3", "clinc150"]
        for leg, path, fitted in (("words only", "/none", DOCUMENTS), ("with MiniLM, English", models, english)):
            seen = {}
            for desk in desks(wanted.shared / "data", wanted.xquad):
                name, group, language = desk[:3]
                if path == "/none" or language == "en":
                    seen.setdefault((group, name), []).append(ask(program, path, desk, home))
            print(leg)
            report({key: tuple(map(np.concatenate, zip(*folds))) for key, folds in seen.items()}, fitted)


if __name__ == "__main__":
    main()
