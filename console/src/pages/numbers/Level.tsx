// How bad something is, in words, colour and icon: it does not work, it works but needs attention, or it is only good
// to know.
import { Alert, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleX, IconInfoCircle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { SiteLink } from "./FieldLocation";
import type { Effect, Level } from "./findings";
import type { Site } from "./guide";

/** `title`: in place of what the level means. */
export function LevelAlert({
  level,
  title,
  children,
}: {
  level: Level;
  title?: string;
  children: ReactNode;
}) {
  const { t } = useTranslation("numbers");
  return (
    <Alert
      color={{ error: "red", warning: "orange", info: "blue" }[level]}
      icon={
        {
          error: <IconCircleX aria-hidden />,
          warning: <IconAlertTriangle aria-hidden />,
          info: <IconInfoCircle aria-hidden />,
        }[level]
      }
      title={title ?? t(`level.${level}`)}
      data-level={level}
    >
      <Stack gap="sm">{children}</Stack>
    </Alert>
  );
}

type Props = {
  title: string;
  /** The provider's own words. */
  detail?: string;
  /** What customers notice. */
  effect?: Effect;
  todo?: ReactNode;
  /** Where it is solved. */
  site?: Site;
  children?: ReactNode;
};

/** What happened, what it means for customers, and what to do. */
export function Finding({ title, detail, effect, todo, site, children }: Props) {
  const { t } = useTranslation("numbers");
  return (
    <Stack gap={2} align="flex-start">
      <Text size="sm" fw={600} dir="auto">
        {title}
        {detail && (
          <>
            : <bdi>{detail}</bdi>
          </>
        )}
      </Text>
      {effect && <Text size="sm">{t(`effect.${effect}`)}</Text>}
      {todo && (
        <Text size="sm" dir="auto">
          {todo}
        </Text>
      )}
      {site && <SiteLink site={site} />}
      {children}
    </Stack>
  );
}
