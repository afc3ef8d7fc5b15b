// A fake OpenAI-compatible server with scripted answers: chat (whole and streamed), transcriptions, models.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { body, json, listen } from "./graph.js";

export type Chat = { model: string; temperature?: number; messages: { role: string; content: string }[]; stream?: boolean };

/** Returns the customer's words at the end of a chat request. */
export const question = ({ messages }: Chat) =>
  (messages.at(-1)?.content ?? "").split("\nThe customer writes:\n").at(-1) ?? "";

export class Model {
  url = "";
  readonly chats: Chat[] = [];
  /** Returns the answer to a chat request. */
  answer: (chat: Chat) => string = () => "We open at nine [1].";
  /** Milliseconds between two words of a streamed answer. */
  pause = 5;
  /** The second half of a streamed answer waits for this. */
  half: Promise<void> = Promise.resolve();
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
