// A fake OpenAI-compatible server with scripted answers: chat (whole and streamed), transcriptions, models, embeddings,
// and rankings as Cohere's.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { body, json, listen } from "./graph.js";

export type Chat = { model: string; temperature?: number; messages: { role: string; content: string }[]; stream?: boolean };

/** Returns the customer's words at the end of a chat request. */
export const question = ({ messages }: Chat) =>
  (messages.at(-1)?.content ?? "").split("\nThe customer writes:\n").at(-1) ?? "";

/** A vector of its letters, so that texts with common letters are similar. */
function embedding(text: string): number[] {
  const counts = Array.from({ length: 26 }, () => 1);
  for (const letter of text.toLowerCase()) {
    const at = letter.charCodeAt(0) - 97;
    if (at >= 0 && at < 26) counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}

/** The share of the query's words that a text has, by their first five letters. */
function alike(query: string, text: string): number {
  const words = query.toLowerCase().match(/\w{4,}/g) ?? [];
  return words.filter((word) => text.toLowerCase().includes(word.slice(0, 5))).length / Math.max(words.length, 1);
}

export class Model {
  url = "";
  readonly chats: Chat[] = [];
  /** Returns the answer to a chat request. */
  answer: (chat: Chat) => string = () => "We open at nine [1].";
  /** Milliseconds between two words of a streamed answer. */
  pause = 5;
  /** The second half of a streamed answer waits for this. */
  half: Promise<void> = Promise.resolve();
  /** Embeddings wait for this. */
  embeds: Promise<void> = Promise.resolve();
  /** Names of the models that it lists. */
  names = ["fake-model", "fake-model-large"];
  transcript = "Hello, when do you open on Sundays?";
  private readonly server = createServer((request, response) => void this.serve(request, response));

  async start() {
    this.url = `${await listen(this.server)}/v1`;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async serve(request: IncomingMessage, response: ServerResponse) {
    const path = request.url ?? "";
    if (path.endsWith("/models")) {
      const data = this.names.map((id) => ({ id, object: "model", owned_by: "fake" }));
      return json(response, { object: "list", data });
    }
    if (path.endsWith("/audio/transcriptions")) {
      await body(request);
      return json(response, { text: this.transcript, language: "english", duration: 2.5 });
    }
    if (path.endsWith("/embeddings")) {
      const { input, model } = JSON.parse((await body(request)).toString()) as { input: string | string[]; model: string };
      await this.embeds;
      const data = [input].flat().map((text, index) => ({ object: "embedding", index, embedding: embedding(text) }));
      return json(response, { object: "list", model, data, usage: { prompt_tokens: 9, total_tokens: 9 } });
    }
    if (path.endsWith("/rerank")) {
      const { query, documents } = JSON.parse((await body(request)).toString()) as { query: string; documents: string[] };
      const scored = documents.map((text, index) => ({ index, relevance_score: alike(query, text) }));
      return json(response, { results: scored.sort((a, b) => b.relevance_score - a.relevance_score) });
    }
    if (!path.endsWith("/chat/completions")) return json(response, { error: { message: "no such route" } }, 404);
    const chat = JSON.parse((await body(request)).toString()) as Chat;
    this.chats.push(chat);
    const text = this.answer(chat);
    const words = text.split(/(?<= )/);
    const usage = { prompt_tokens: 120, completion_tokens: words.length, total_tokens: 120 + words.length };
    const head = { id: "chatcmpl-fake", created: Math.floor(Date.now() / 1000), model: chat.model };
    if (!chat.stream) {
      const choice = { index: 0, finish_reason: "stop", message: { role: "assistant", content: text } };
      return json(response, { ...head, object: "chat.completion", choices: [choice], usage });
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    const say = (piece: object) => response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", ...piece })}\n\n`);
    for (const [at, word] of words.entries()) {
      if (at === Math.floor(words.length / 2)) await this.half;
      say({ choices: [{ index: 0, delta: { content: word }, finish_reason: null }] });
      await new Promise((next) => setTimeout(next, this.pause));
    }
    say({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    say({ choices: [], usage });
    response.end("data: [DONE]\n\n");
  }
}
