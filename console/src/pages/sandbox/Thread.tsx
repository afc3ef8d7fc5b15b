// The conversation, oldest first. It stays scrolled to its end unless the reader has scrolled up.
import { Box, Text, VisuallyHidden } from "@mantine/core";
import { memo, useLayoutEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { FormattedText } from "@/parts/FormattedText";
import { plain } from "@/parts/whatsapp";
import { CompareFigures } from "./CompareFigures";
import { ReplyView } from "./ReplyView";
import classes from "./Sandbox.module.css";
import type { Reply, Turn } from "./turn";

const wordsOf = (reply: Reply) => reply.outcome?.bubbles.join("\n\n") ?? reply.text;

function Customer({ turn }: { turn: Turn }) {
  const { t } = useTranslation("sandbox");
  const note = turn.replies[0]?.outcome?.trace.transcribe?.notes[0];
  return (
    <div className={classes.customer}>
      <VisuallyHidden>{t("conversation.customer")}: </VisuallyHidden>
      {turn.voice && (
        // biome-ignore lint/a11y/useMediaCaption: what was said is below it as text, once it is heard.
        <audio
          src={turn.voice.url}
          controls
          preload="metadata"
          aria-label={t("voice.play")}
          style={{ display: "block", maxWidth: "100%", height: 40, width: 260 }}
        />
      )}
      {note && (
        <Text size="sm" mt={4} dir="auto">
          <Text span inherit c="dimmed" fz="xs">
            {note.transcript ? t("voice.heard") : t("voice.notHeard")}:{" "}
          </Text>
          {note.transcript ?? note.error}
        </Text>
      )}
      {turn.text && (
        <Text size="sm" dir="auto">
          <FormattedText text={turn.text} />
        </Text>
      )}
    </div>
  );
}

const TurnView = memo(function TurnView({
  agent,
  turn,
  marks,
}: {
  agent: string;
  turn: Turn;
  marks: boolean;
}) {
  const { t } = useTranslation("sandbox");
  const [first, second] = turn.replies;
  const both = first && second && first.state === "done" && second.state === "done";
  const differ = both && marks && wordsOf(first) !== wordsOf(second);
  return (
    <li>
      <Customer turn={turn} />
      <Box mt={10}>
        <VisuallyHidden>{t("conversation.bot")}: </VisuallyHidden>
        <div className={second ? classes.sides : undefined}>
          {turn.replies.map((reply, side) => (
            <ReplyView
              // biome-ignore lint/suspicious/noArrayIndexKey: a side is its place.
              key={side}
              at={position(agent, turn.id, side)}
              reply={reply}
              named={!!second}
              other={differ ? marked(side, first, second) : undefined}
            />
          ))}
        </div>
        {both && <CompareFigures replies={[first, second]} />}
      </Box>
    </li>
  );
});

const position = (agent: string, id: string, side: number) => ({ agent, id, side });

function marked(side: number, first: Reply, second: Reply) {
  return side === 0
    ? { text: wordsOf(second), show: "before" as const }
    : { text: wordsOf(first), show: "after" as const };
}

type Props = { agent: string; turns: Turn[]; marks: boolean };

export function Thread({ agent, turns, marks }: Props) {
  const { t } = useTranslation("sandbox");
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const count = useRef(turns.length);
  useLayoutEffect(() => {
    // One's own message always scrolls into view.
    if (turns.length > count.current) atEnd.current = true;
    count.current = turns.length;
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [turns]);
  const follow = () => {
    const at = box.current;
    if (at) atEnd.current = at.scrollHeight - at.scrollTop - at.clientHeight < 60;
  };
  return (
    <div ref={box} className={classes.scroll} onScroll={follow} tabIndex={-1}>
      <ul className={classes.thread} aria-label={t("conversation.title")}>
        {turns.map((turn) => (
          <TurnView key={turn.id} agent={agent} turn={turn} marks={marks} />
        ))}
      </ul>
      <ReplyAnnouncement turns={turns} />
    </div>
  );
}

/** Announces the newest reply to screen readers once it is complete. */
function ReplyAnnouncement({ turns }: { turns: Turn[] }) {
  const { t } = useTranslation("sandbox");
  const last = turns.at(-1);
  const done = last?.replies.filter(({ state }) => state === "done") ?? [];
  const said =
    last && done.length === last.replies.length
      ? done.map((reply) => {
          const words = plain(wordsOf(reply));
          const text = words ? t("conversation.replied", { text: words }) : t("conversation.noReply");
          return done.length > 1 ? `${reply.side.name}. ${text}` : text;
        })
      : [];
  return (
    <VisuallyHidden aria-live="polite" role="status" data-testid="spoken">
      {said.join(" ")}
    </VisuallyHidden>
  );
}
