// After an update the server is newer than the open pages, which must still show values that they do not know.
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import i18n from "i18next";
import type { ReactNode } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { beforeAll, expect, test } from "vitest";
import { begin } from "@/i18n";
import { RunAgain } from "./pages/evals/RunAgain";
import { RunState } from "./pages/evals/RunState";
import { VerdictBadge } from "./pages/evals/Verdict";
import { Bubble } from "./pages/inbox/Bubble";
import { Content } from "./pages/inbox/Content";
import type { Conversation } from "./pages/inbox/filter";
import { Facts } from "./pages/inbox/Head";
import { Row, useRowWords } from "./pages/inbox/Row";
import { Ticks } from "./pages/inbox/State";
import type { Message } from "./pages/inbox/thread";
import { OriginLabel } from "./pages/knowledge/DocumentRow";
import { Parts } from "./pages/models/Parts";

/** An unchecked value, as the server sends it. */
const newer = JSON.parse('"newer"');

const message: Message = {
  id: "msg_1",
  sent_at: 1,
  direction: "out",
  author: newer,
  kind: newer,
  content: JSON.parse('{"type":"newer"}'),
  state: newer,
};
const file: Message = { ...message, content: JSON.parse('{"type":"media","kind":"newer"}') };
const unread: Message = { ...message, content: JSON.parse('"{"') };

const conversation: Conversation = {
  id: "cnv_1",
  last_message_at: 1,
  updated_at: 1,
  last_author: newer,
  last_kind: newer,
  last_state: newer,
  number_id: "num_1",
  number_slug: "main",
  contact_id: "con_1",
  owner: newer,
  unread: 0,
  waiting: false,
  provider: newer,
  has_window: true,
  staff: false,
  agent: "demo",
  opted_out: false,
};

function ConnectionLine() {
  const words = useRowWords();
  return <Row one={conversation} q="" open={false} reachable tail="" words={words} />;
}

const nothing = () => {};

function MessageBubble() {
  return (
    <Bubble
      message={message}
      conversation="cnv_1"
      customer="Ana"
      first
      quotable={false}
      found={false}
      quote={nothing}
      why={nothing}
      find={nothing}
    />
  );
}

const draw = (shown: ReactNode) =>
  renderToStaticMarkup(
    <MantineProvider>
      <QueryClientProvider client={new QueryClient()}>{shown}</QueryClientProvider>
    </MantineProvider>,
  );

beforeAll(async () => {
  await begin();
  await i18n.loadNamespaces(["inbox", "knowledge", "evals", "models"]);
});

const marked = {
  Bubble: <MessageBubble />,
  Row: <ConnectionLine />,
  Head: <Facts one={conversation} window={{ kind: "free" }} />,
  From: <OriginLabel from={newer} />,
  VerdictBadge: <VerdictBadge verdict={newer} />,
};

test.each(Object.entries(marked))("%s shows a question mark for a word that is new", (_, shown) => {
  expect(draw(shown)).toContain("tabler-icon-help-circle");
});

test("states that are not known are said without a sign", () => {
  expect(draw(<RunState state={newer} />)).toContain("newer");
  expect(draw(<Ticks state={newer} />)).not.toContain("tabler-icon");
});

test("a file of an unknown kind can be saved, and content that was not read says so", () => {
  expect(draw(<Content message={file} conversation="cnv_1" />)).toContain("/api/v1/messages/msg_1/media");
  expect(draw(<Content message={unread} conversation="cnv_1" />)).toContain("cannot be shown here (newer)");
});

test("a task of models that is new is shown without a choice", () => {
  const part = { task: newer, role: newer, name: "large", origin: newer };
  const settings = { agents: [], answering: newer, folder: "", local: [], parts: [part], unpriced: false };
  expect(draw(<Parts settings={settings} />)).toContain("large");
  expect(draw(<Parts settings={settings} />)).not.toContain("<button");
});

test("a run that is done is not green when cases did not pass", () => {
  const counts = { passed: 6, failed: 45, errors: 1, skipped: 0 };
  expect(draw(<RunState state="done" counts={counts} />)).toContain("46 did not pass");
  expect(draw(<RunState state="done" counts={{ ...counts, failed: 0, errors: 0 }} />)).toContain("Done");
});

test("a run is not begun again where the server cannot read how it is wanted", () => {
  const run = { id: "run_1", suite: "demo", state: "done" as const, created_at: 1, agents: [] };
  const again = (wanted: string) =>
    draw(<RunAgain run={{ ...run, wanted: JSON.parse(wanted) }} isPending={false} start={nothing} />);
  expect(again("null")).toContain('disabled=""');
  expect(again('{"suite":"demo","first":3}')).not.toContain('disabled=""');
});
