// The third step: connect a WhatsApp number.
import { Anchor, Badge, Button, Group, Stack, Text } from "@mantine/core";
import { IconDeviceMobile, IconPlus } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { sends, useStopReason } from "@/parts/numberState";

export function NumberStep({ numbers }: { numbers: Schemas["Number"][] }) {
  const { t } = useTranslation("start");
  const stopReason = useStopReason();
  if (numbers.length === 0)
    return (
      <Group gap="md">
        <Button
          renderRoot={(props) => <Link to="/numbers/add" {...props} />}
          leftSection={<IconPlus size={16} aria-hidden />}
          variant="default"
        >
          {t("number.add")}
        </Button>
        <Text size="sm" c="dimmed">
          {t("number.none")}
        </Text>
      </Group>
    );
  return (
    <Stack gap="xs">
      <Stack gap={6} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {numbers.map(({ id, slug, display, verified_name, state, state_code, state_reason }) => (
          <Group key={id} component="li" gap="xs">
            <IconDeviceMobile size={18} aria-hidden />
            <Text size="sm" fw={500} dir="auto">
              {verified_name ?? slug}
            </Text>
            {display && (
              <Text size="sm" dir="ltr">
                {display}
              </Text>
            )}
            <Badge variant="light" color={state === "ready" ? "teal" : "orange"}>
              {t(state === "ready" ? "number.ready" : sends({ state }) ? "number.atRisk" : "number.stopped")}
            </Badge>
            {!sends({ state }) && state_reason && (
              <Text size="sm" c="dimmed" dir="auto">
                {stopReason({ state, state_code, state_reason })}
              </Text>
            )}
          </Group>
        ))}
      </Stack>
      <Anchor component={Link} to="/numbers" size="sm" w="fit-content">
        {t("number.open")}
      </Anchor>
    </Stack>
  );
}
