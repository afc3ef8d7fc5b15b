// What is known of the customer and of who has their conversation. Beside the thread, or in a drawer.
import { Anchor, Button, Stack } from "@mantine/core";
import { IconHelpCircle } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { Avatar } from "@/parts/Avatar";
import { useAgentNames } from "@/parts/agentName";
import { useCaseReason } from "@/parts/caseReason";
import { customerId } from "@/parts/customer";
import { useLanguageNames } from "@/parts/languages";
import { When } from "@/parts/When";
import type { Activity, ActivityKind } from "./activity";
import classes from "./Contact.module.css";
import type { Conversation } from "./filter";
import { useNumberName } from "./names";
import { standingOf } from "./standing";
import type { Message } from "./thread";
import type { Window } from "./window";

type Props = {
  one: Conversation;
  name: string;
  window: Window;
  activities: readonly Activity[];
  messages: readonly Message[];
  /** Whether earlier messages are not loaded. */
  isPart: boolean;
  why: (turn: string) => void;
};

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Until when free text can be sent; the time that is left is in the header. */
function WindowEnd({ window, ends }: { window: Window; ends: number | null | undefined }) {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  if (window.kind !== "open") return t(`contact.window.${window.kind}`);
  if (ends == null) return null;
  const isToday = new Date(ends).toDateString() === new Date().toDateString();
  return t(isToday ? "contact.window.today" : "contact.window.tomorrow", { time: format.clock(ends) });
}

/** What brings a conversation to who has it now. */
const ways: Partial<Record<Conversation["owner"], readonly ActivityKind[]>> = {
  person: ["taken", "handedOver"],
  bot: ["handedBack", "resolved"],
};

function OwnerFact({ one, activities }: Pick<Props, "one" | "activities">) {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  // Not every change has a line: an older one says nothing of who has it now.
  const last = activities.at(-1);
  const began = last && ways[one.owner]?.includes(last.what) ? last : undefined;
  return (
    <Fact name={t("contact.handled")}>
      {t(`contact.by.${standingOf(one)}`)}
      {began && (
        <span className={classes.quiet} title={format.full(began.at)}>
          {" · "}
          {t("contact.began", { time: format.brief(began.at) })}
        </span>
      )}
    </Fact>
  );
}

/** The customer's language, as heard in their newest voice note. */
function useSpoken(messages: readonly Message[]): string | undefined {
  const languageName = useLanguageNames();
  const said = messages.findLast(({ author, heard }) => author === "customer" && heard?.language);
  // A transcriber may name a language in words: those stay.
  const code = said?.heard?.language;
  return code ? languageName(code) : undefined;
}

function Facts({ one, window, activities, messages, isPart }: Props) {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  const numberName = useNumberName();
  const agent = useAgentNames()(one.agent);
  const spoken = useSpoken(messages);
  const first = isPart ? undefined : messages[0];
  return (
    <dl className={classes.facts}>
      <OwnerFact one={one} activities={activities} />
      <Fact name={t("contact.number")}>
        <Anchor
          inherit
          renderRoot={(props) => <Link to="/numbers/$number" params={{ number: one.number_id }} {...props} />}
        >
          <bdi>{numberName(one.number_slug)}</bdi>
        </Anchor>
      </Fact>
      <Fact name={t("contact.agent")}>
        <Anchor
          inherit
          renderRoot={(props) => <Link to="/sandbox" search={{ agent: one.agent }} {...props} />}
        >
          <bdi>{agent}</bdi>
        </Anchor>
      </Fact>
      {one.last_inbound_at != null && (
        <Fact name={t("contact.wrote")}>
          <When at={one.last_inbound_at} ago />
        </Fact>
      )}
      {first && <Fact name={t("contact.since")}>{format.day(first.sent_at)}</Fact>}
      <Fact name={t("contact.free")}>
        <WindowEnd window={window} ends={one.window_ends_at} />
      </Fact>
      {spoken && <Fact name={t("contact.spoken")}>{spoken}</Fact>}
      {one.opted_in_at != null && (
        <Fact name={t("contact.optedIn")}>
          {one.opt_in_source && (
            <>
              <bdi>{one.opt_in_source}</bdi>
              <span className={classes.quiet}> · </span>
            </>
          )}
          <span className={classes.quiet} title={format.full(one.opted_in_at)}>
            {format.day(one.opted_in_at)}
          </span>
        </Fact>
      )}
      <Fact name={t("contact.optedOut")}>{t(one.opted_out ? "contact.yes" : "contact.no")}</Fact>
    </dl>
  );
}

function OpenCase({ one }: { one: Conversation }) {
  const { t } = useTranslation("inbox");
  const reasonOf = useCaseReason();
  if (!one.open_case) return null;
  return (
    <div className={classes.case}>
      <strong>{t("contact.case")}</strong>
      <bdi>{reasonOf(one.open_case)}</bdi>
      <span>
        <When at={one.open_case.created_at} ago />
        {" · "}
        <Anchor
          inherit
          c="inherit"
          underline="always"
          renderRoot={(props) => <Link to="/handoffs" {...props} />}
        >
          {t("contact.handoffs")}
        </Anchor>
      </span>
    </div>
  );
}

export function Contact(props: Props) {
  const { t } = useTranslation("inbox");
  const { one, name, messages, why } = props;
  const turn = messages.findLast(({ turn_id, direction }) => turn_id && direction === "out")?.turn_id;
  return (
    <Stack gap="md">
      <div className={classes.who}>
        <Avatar id={one.contact_id} name={name} size={56} />
        <div className={classes.name}>
          <bdi>{name}</bdi>
        </div>
        {one.contact_name && customerId(one) && (
          <span className={classes.quiet} dir="ltr">
            {customerId(one)}
          </span>
        )}
      </div>
      <OpenCase one={one} />
      <Facts {...props} />
      {turn && (
        <Button
          variant="default"
          size="xs"
          leftSection={<IconHelpCircle size={15} aria-hidden />}
          onClick={() => why(turn)}
        >
          {t("contact.why")}
        </Button>
      )}
    </Stack>
  );
}
