// The conversation's header: the customer, the owner, the time left in the window, and the actions.
import { ActionIcon, Button, Group, Title, Tooltip } from "@mantine/core";
import { IconAlertCircle, IconArrowLeft, IconBan, IconClock, IconId } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { RefObject } from "react";
import { useTranslation } from "react-i18next";
import { useCaseReason } from "@/parts/caseReason";
import { When } from "@/parts/When";
import { actsOf, isBlocked, type ThreadAction, type useActs } from "./actions";
import type { Conversation } from "./filter";
import list from "./inbox.module.css";
import { Status } from "./Status";
import { statusOf, waitsSince } from "./standing";
import classes from "./thread.module.css";
import { useNow, useWaited } from "./waited";
import { useLeft, type Window } from "./window";

/** A window that closes within this time is marked, in milliseconds. */
const SOON = 3_600_000;

/** Who has the conversation, in full words. */
function OwnerStatus({ one }: { one: Conversation }) {
  const { t } = useTranslation("inbox");
  const waited = useWaited();
  const now = useNow();
  const status = statusOf(one);
  const since = waitsSince(one);
  return (
    <Status
      status={status}
      label={t(`owner.${status}`)}
      waited={since === undefined ? undefined : waited(since, now)}
      testId="owner"
    />
  );
}

export function Facts({ one, window }: { one: Conversation; window: Window }) {
  const { t } = useTranslation("inbox");
  const left = useLeft();
  return (
    <div className={classes.facts}>
      <OwnerStatus one={one} />
      {window.kind === "open" && (
        <span className={window.left < SOON ? classes.soon : undefined} title={t("window.about")}>
          <IconClock size={14} aria-hidden />
          {t("window.left", { left: left(window.left) })}
        </span>
      )}
      {window.kind === "closed" && (
        <span className={classes.soon}>
          <IconClock size={14} aria-hidden />
          {t("window.closed")}
        </span>
      )}
      {window.kind === "optedOut" && (
        <span className={classes.wrong}>
          <IconBan size={14} aria-hidden />
          {t("window.optedOut")}
        </span>
      )}
    </div>
  );
}

function Actions({ one, acts }: { one: Conversation; acts: ReturnType<typeof useActs> }) {
  const { t } = useTranslation("inbox");
  const keys: Record<ThreadAction, string> = { take: "t", handBack: "e", resolve: "e" };
  const allowed = actsOf(one);
  const pending = acts.isPending ? acts.variables : undefined;
  return (
    <Group gap="xs">
      {allowed.map((act, at) => (
        <Tooltip key={act} label={`${t(`act.${act}About`)} (${keys[act]})`} multiline maw={280}>
          <Button
            size="xs"
            variant={at === 0 && act !== "handBack" ? "filled" : "default"}
            loading={pending === act}
            disabled={isBlocked(act, allowed, pending)}
            onClick={() => acts.mutate(act)}
          >
            {t(`act.${act}`)}
          </Button>
        </Tooltip>
      ))}
    </Group>
  );
}

/** The open case. */
export function Case({ one }: { one: Conversation }) {
  const { t } = useTranslation("inbox");
  const reasonOf = useCaseReason();
  if (!one.open_case) return null;
  return (
    <div className={classes.case} role="note">
      <IconAlertCircle size={18} aria-hidden />
      <div>
        <strong>{t("case.title")}</strong> <bdi>{reasonOf(one.open_case)}</bdi>{" "}
        <span className={list.quiet}>
          · <When at={one.open_case.created_at} ago />
        </span>
      </div>
    </div>
  );
}

type Props = {
  one: Conversation;
  name: string;
  window: Window;
  acts: ReturnType<typeof useActs>;
  heading: RefObject<HTMLHeadingElement | null>;
  /** Shows what is known of the customer; undefined where it is in sight. */
  about?: () => void;
};

export function Head({ one, name, window, acts, heading, about }: Props) {
  const { t } = useTranslation("inbox");
  return (
    <header className={classes.head}>
      <ActionIcon
        renderRoot={(props) => (
          <Link to="/inbox" search={(old) => ({ ...old, trace: undefined })} {...props} />
        )}
        className={list.back}
        variant="subtle"
        color="gray"
        aria-label={t("keys.back")}
      >
        <IconArrowLeft size={20} className={classes.mirrored} />
      </ActionIcon>
      <div className={classes.who}>
        <Title order={2} size="h3" ref={heading} tabIndex={-1} lineClamp={1} style={{ outline: "none" }}>
          <bdi>{name}</bdi>
        </Title>
        <Facts one={one} window={window} />
      </div>
      {about && (
        <Tooltip label={t("contact.show")}>
          <ActionIcon size={30} variant="default" onClick={about} aria-label={t("contact.show")}>
            <IconId size={18} aria-hidden />
          </ActionIcon>
        </Tooltip>
      )}
      <Actions one={one} acts={acts} />
    </header>
  );
}
