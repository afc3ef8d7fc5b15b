"""Makes folders for `frontdesk eval answers` of data in SQuAD's format: a paragraph is a document, a gold answer a fact.

    python3 benches/short_documents.py OUT xquad.es.json          # OUT/documents, OUT/questions.jsonl
    python3 benches/short_documents.py OUT ../shared/data/retrieval/squad2-es   # its unanswerable questions

500 questions are drawn, always the same.
"""

import json
import random
import sys
from pathlib import Path


def lines(file):
    return [json.loads(line) for line in file.open(encoding="utf-8")]


def read(source):
    """Returns the paragraphs, and the questions with their accepted answers."""
    if source.is_dir():
        texts = [text["text"] for text in lines(source / "corpus.jsonl")]
        return texts, [(one["text"], []) for one in lines(source / "unanswerable.jsonl")]
    texts, asked = [], []
    for article in json.loads(source.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            texts.append(paragraph["context"])
            for one in paragraph["qas"]:
                answers = sorted({answer["text"].replace("|", " ").strip() for answer in one["answers"]})
                answers = [answer for answer in answers if any(c.isalnum() for c in answer)]
                if answers:
                    asked.append((one["question"], ["|".join(answers)]))
    return texts, asked


def main():
    out, source = map(Path, sys.argv[1:])
    (out / "documents").mkdir(parents=True)
    texts, asked = read(source)
    for at, text in enumerate(texts):
        (out / f"documents/p{at}.md").write_text(text.strip() + "\n", encoding="utf-8")
    random.Random(19).shuffle(asked)
    with (out / "questions.jsonl").open("w", encoding="utf-8") as file:
        for question, facts in asked[:500]:
            file.write(json.dumps({"question": question, "facts": facts}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
