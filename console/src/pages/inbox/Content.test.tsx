import { MantineProvider } from "@mantine/core";
import i18n from "i18next";
import { renderToStaticMarkup } from "react-dom/server";
import { beforeAll, expect, test, vi } from "vitest";
import { begin } from "@/i18n";
import { Content } from "./Content";
import type { Message } from "./thread";

beforeAll(async () => {
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
  await begin();
  await i18n.loadNamespaces("inbox");
});

test("an entry of a card that is no address as a whole is drawn without a link to a part of it", () => {
  const emails = ["c@example.com", "c@example.com?bcc=x@evil.example", "ask c@example.com", "www.c.example"];
  const message: Message = {
    id: "msg_1",
    sent_at: 1,
    direction: "in",
    author: "customer",
    kind: "contacts",
    content: { type: "contacts", names: [], cards: [{ emails: emails.map((email) => ({ email })) }] },
    state: "stored",
  };
  const box = document.createElement("div");
  box.innerHTML = renderToStaticMarkup(
    <MantineProvider>
      <Content message={message} conversation="cnv_1" />
    </MantineProvider>,
  );
  expect([...box.querySelectorAll("a")].map((link) => link.getAttribute("href"))).toEqual([
    "mailto:c@example.com",
  ]);
  for (const email of emails) expect(box.textContent).toContain(email);
});

test("a document says how large it is, or why it is not stored", () => {
  const shown = (file: Partial<NonNullable<Message["media"]>>) => {
    const message: Message = {
      id: "msg_2",
      sent_at: 1,
      direction: "in",
      author: "customer",
      kind: "document",
      content: { type: "media", kind: "document" },
      media: { kind: "document", name: "offer.pdf", ...file },
      state: "stored",
    };
    return renderToStaticMarkup(
      <MantineProvider>
        <Content message={message} conversation="cnv_1" />
      </MantineProvider>,
    );
  };
  expect(shown({ state: "stored", size: 2_500 })).toMatch(/2\.5\skB/);
  const large = shown({ state: "too_large", reason: "it has 40 MB" });
  expect(large).toContain("Too large to be stored");
  expect(large).toContain("it has 40 MB");
  expect(shown({})).not.toContain("stored");
});
