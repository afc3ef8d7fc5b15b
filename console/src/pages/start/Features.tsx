// Which features are switched on, and how to switch on the others.
import { Badge, Button, Group, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconMicrophone, IconRobot, IconSearch } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ComponentType } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { Async } from "@/parts/States";
import { aboutModel, isLooking } from "./answering";

type RowProps = {
  icon: ComponentType<{ size?: number; "aria-hidden"?: boolean }>;
  name: string;
  isOn: boolean;
  about: string;
  /** The button that leads to where it is switched on. */
  how: string;
};

function Row({ icon: Icon, name, isOn, about, how }: RowProps) {
  const { t } = useTranslation("start");
  return (
    <Paper withBorder p="md" component="li">
      <Stack gap={6}>
        <Group justify="space-between" wrap="nowrap">
          <Group gap="xs" wrap="nowrap">
            <Icon size={18} aria-hidden />
            <Text fw={600} size="sm">
              {name}
            </Text>
          </Group>
          <Badge variant="light" color={isOn ? "teal" : "gray"} tt="none" flex="none">
            {t(isOn ? "on.yes" : "on.no")}
          </Badge>
        </Group>
        <Text size="sm" c="dimmed">
          {about}
        </Text>
        {!isOn && (
          <Button component={Link} to="/settings/models" size="xs" variant="default" w="fit-content">
            {how}
          </Button>
        )}
      </Stack>
    </Paper>
  );
}

export function Features() {
  const { t } = useTranslation("start");
  const status = $api.useQuery(
    "get",
    "/api/v1/status",
    {},
    {
      refetchInterval: ({ state: { data } }) => {
        if (data?.embedding.length) return 3_000;
        return data && isLooking(data.model) ? 10_000 : false;
      },
    },
  );
  const about = (model: Schemas["AnsweringModel"]) => {
    const { key, values } = aboutModel(model);
    return t(key, values);
  };
  const meaning = (name: string, left: Schemas["EmbeddingProgress"][]) => {
    const sum = (key: "done" | "total") => left.reduce((all, one) => all + one[key], 0);
    if (left.length === 0) return t("on.embedderOn", { name });
    return t("on.embedderBusy", { name, done: sum("done"), total: sum("total") });
  };
  return (
    <Stack gap="sm" component="section" aria-labelledby="switched">
      <Title order={2} id="switched">
        {t("on.title")}
      </Title>
      <Async query={status} shape="cards" rows={3}>
        {({ model, embedder, embedding, speech, speech_by, version, database, base_url }) => (
          <>
            <SimpleGrid cols={{ base: 1, md: 3 }} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
              <Row
                icon={IconRobot}
                name={t("on.model")}
                isOn={model.is_model}
                about={about(model)}
                how={t("on.choose")}
              />
              <Row
                icon={IconSearch}
                name={t("on.embedder")}
                isOn={!!embedder}
                about={embedder ? meaning(embedder, embedding) : t("on.embedderOff")}
                how={t("on.download")}
              />
              <Row
                icon={IconMicrophone}
                name={t("on.speech")}
                isOn={speech}
                about={speech ? t("on.speechOn", { name: speech_by ?? "" }) : t("on.speechOff")}
                how={t("on.download")}
              />
            </SimpleGrid>
            <Text size="sm" c="dimmed">
              {t("on.version", { version, database })} <bdi dir="ltr">{base_url}</bdi>
            </Text>
          </>
        )}
      </Async>
    </Stack>
  );
}
