// Why a number is stopped, and how it sends again.
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useStopReason } from "@/parts/numberState";
import { guideOf } from "./guide";
import { Finding, LevelAlert } from "./Level";

/** Renders nothing for a number that sends. `brief`: the number's page says the rest. */
export function StopNotice({ number, brief }: { number: Schemas["Number"]; brief?: boolean }) {
  const { t } = useTranslation("numbers");
  const reason = useStopReason()(number);
  if (!reason) return null;
  const refused = number.state_code?.kind === "token_refused";
  const forbidden = number.state_code?.kind === "forbidden";
  const spot = refused ? guideOf(number.provider)?.fields.access_token : undefined;
  return (
    <LevelAlert level="error">
      <Finding
        title={t("page.stopped")}
        {...(!brief && {
          effect: "silent",
          site: forbidden ? guideOf(number.provider)?.alerts.account_banned : spot?.site,
        })}
        todo={<bdi>{reason}</bdi>}
      >
        {!brief && refused && number.from === "console" && (
          <Button
            size="xs"
            variant="default"
            mt={6}
            renderRoot={(props) => (
              <Link
                to="/numbers/$number"
                params={{ number: number.id }}
                search={{ step: "fields" }}
                {...props}
              />
            )}
          >
            {t("page.newToken")}
          </Button>
        )}
      </Finding>
    </LevelAlert>
  );
}
