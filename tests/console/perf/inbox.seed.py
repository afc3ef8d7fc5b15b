#!/usr/bin/env python3
"""Fills the database of a stopped desk with conversations: inbox.seed.py DATABASE CONVERSATIONS MESSAGES_EACH

The desk must have migrated it already and have one number. Used by inbox.mjs."""
import json
import sqlite3
import sys
import time

path, conversations, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
db = sqlite3.connect(path)
db.execute("pragma synchronous = off")
db.execute("pragma cache_size = -400000")
workspace = db.execute("select id from workspaces").fetchone()[0]
number = db.execute("select id from numbers where workspace_id = ?", (workspace,)).fetchone()[0]
now = int(time.time() * 1000)
MINUTE = 60_000

NAMES = "Ada Grace Emmy Julia Sofia Maryam Katherine Hedy Rosalind Chien Lise Marie Vera Jane Barbara Rita".split()
FAMILIES = "Lovelace Hopper Noether Robinson Kovalevskaya Mirzakhani Johnson Lamarr Franklin Wu Meitner Curie Rubin".split()
ASKED = ["When do you open on Saturday?", "Where is my order {n}? It should have been here last week.", "¿Hacen envíos a las islas?",
         "متى يصل طلبي؟", "Can I return a book that I have read?", "Thank you very much."]
SAID = ["We open at nine in the morning.", "Your order {n} left our warehouse on Tuesday and should arrive tomorrow.",
        "Yes. It takes three to five working days.", "You can return it within thirty days."]


def contacts():
    for i in range(conversations):
        name = f"{NAMES[i % len(NAMES)]} {FAMILIES[i % len(FAMILIES)]} {i}"
        yield (f"con_{i:026d}", workspace, f"4477{i:08d}", name, now, now)


def newest(i):
    """The first conversations are the most recent ones."""
    return now - i * MINUTE


def threads():
    for i in range(conversations):
        owner = "person" if i % 50 == 7 else "nobody" if i % 500 == 9 else "bot"
        at = newest(i)
        yield (f"conv_{i:026d}", workspace, number, f"con_{i:026d}", owner, at, at, 3 if i % 40 == 3 else 0,
               1 if owner == "person" and i % 100 == 7 else 0, 1 if i % 200 == 7 else 0, now, now)


def messages():
    for i in range(conversations):
        for j in range(each):
            inbound = (each - j) % 2 == 1
            words = (ASKED if inbound else SAID)[(i + j) % (6 if inbound else 4)].format(n=i)
            at = newest(i) - (each - 1 - j) * 3 * MINUTE
            yield (f"msg_{i:016d}{j:010d}", workspace, f"conv_{i:026d}", number, "in" if inbound else "out",
                   "customer" if inbound else "bot", f"wamid.{i}.{j}", "text", json.dumps({"type": "text", "body": words}),
                   words, "answered" if inbound else "read", 0 if inbound else 4, at, at, at)


def cases():
    for i in range(7, conversations, 200):
        yield (f"esc_{i:026d}", workspace, f"conv_{i:026d}", "the customer said: human", "I want a human", "open", newest(i))


with db:
    db.executemany("insert into contacts (id, workspace_id, wa_id, name, created_at, updated_at) values (?,?,?,?,?,?)", contacts())
    db.executemany("""insert into conversations (id, workspace_id, number_id, contact_id, owner, last_inbound_at, last_message_at,
        unread, unanswered, open_cases, created_at, updated_at) values (?,?,?,?,?,?,?,?,?,?,?,?)""", threads())
    db.executemany("""insert into messages (id, workspace_id, conversation_id, number_id, direction, author, provider_id, kind,
        content, body, state, state_rank, sent_at, created_at, updated_at) values (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)""", messages())
    db.executemany("""insert into escalations (id, workspace_id, conversation_id, reason, question, state, created_at)
        values (?,?,?,?,?,?,?)""", cases())
db.execute("analyze")
db.commit()
db.close()
