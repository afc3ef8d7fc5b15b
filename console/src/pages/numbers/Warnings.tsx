// What a provider says about a number, by how bad it is: what it means for customers, and what to do about it.
import { Stack } from "@mantine/core";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { useAlertWords } from "@/parts/alertWords";
import { sends } from "@/parts/numberState";
import { byLevel, isBlocked, isOfLink, meaningOf } from "./findings";
import { guideOf } from "./guide";
import { Finding, LevelAlert } from "./Level";
import { useLinkWords } from "./linkWords";

type Props = {
  number: Pick<Schemas["Number"], "provider" | "warnings" | "state" | "state_code" | "connection">;
  /** Only what happened: the number's page says the rest. */
  brief?: boolean;
  /** Whether the page shows the state of its link, too. */
  isLinkShown?: boolean;
};

/** Renders nothing without a warning, and loads no texts for it. While they load, the page around it stays. */
export function Warnings({ number, brief, isLinkShown }: Props) {
  // Why it is forbidden to send is said where it is stopped.
  const isSaid = (warning: Schemas["NumberWarning"]) =>
    (isLinkShown && number.connection && isOfLink(warning)) ||
    (warning.code === "account_restricted" && number.state_code?.kind === "forbidden");
  const warnings = number.warnings.filter((warning) => !isSaid(warning));
  return (
    <Suspense>{warnings.length > 0 && <List number={{ ...number, warnings }} brief={brief} />}</Suspense>
  );
}

function List({ number: { provider, warnings, state, connection }, brief }: Props) {
  const { t } = useTranslation("numbers");
  const format = useFormat();
  const words = useAlertWords();
  const linkWords = useLinkWords();
  const guide = guideOf(provider);
  const blocked = isBlocked({ warnings }) || !sends({ state });
  return (
    <Stack gap="xs" data-testid="warnings">
      {byLevel(warnings).map((group) => (
        <LevelAlert
          key={group.level}
          level={group.level}
          // What is blocked does not work, whatever else is said of it.
          title={blocked && group.level === "warning" ? t("level.also") : undefined}
        >
          {group.warnings.map((warning) => {
            const { title, todo } = words(warning);
            const why = connection?.reason && isOfLink(warning) ? linkWords(connection).why : undefined;
            const until = warning.until ? t("page.until", { when: format.full(warning.until) }) : "";
            return (
              <Finding
                key={`${warning.code} ${warning.detail}`}
                title={title}
                detail={why ?? warning.detail}
                {...(!brief && {
                  effect: blocked && group.level !== "error" ? undefined : meaningOf(warning).effect,
                  todo: [todo, until].filter(Boolean).join(" "),
                  site: warning.code ? guide?.alerts[warning.code] : undefined,
                })}
              />
            );
          })}
        </LevelAlert>
      ))}
    </Stack>
  );
}
