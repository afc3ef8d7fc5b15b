// The first step: the website's address, or none.
import { Anchor, Button, Group, Paper, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { reread } from "@/api/queries";
import { Failed } from "@/parts/States";
import { addressOf, collectionOf } from "./draft";
import { StepTitle } from "./StepTitle";

/** Enough for a business's site; a shop's thousands of product pages would take long. */
const PAGES = 60;
const DEPTH = 3;
const DAILY = 1_440;

type Props = { whenAdded: (collection: string) => void; without: () => void };

export function AddressForm({ whenAdded, without }: Props) {
  const { t } = useTranslation("business");
  const [typed, setTyped] = useState("");
  const [wrong, setWrong] = useState(false);
  const collections = $api.useQuery("get", "/api/v1/collections", {});
  const adding = $api.useMutation("post", "/api/v1/collections/{name}/sources", {
    onSuccess: (_, { params }) => {
      reread("/api/v1/collections", "/api/v1/collections/{name}/sources");
      whenAdded(params.path.name);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const url = addressOf(typed);
    setWrong(!url);
    if (!url || !collections.data) return;
    const name = collectionOf(
      url,
      collections.data.map(({ slug }) => slug),
    );
    const body = { url, pages: PAGES, depth: DEPTH, every_minutes: DAILY };
    adding.mutate({ params: { path: { name } }, body });
  };
  return (
    <Paper withBorder p={{ base: "md", sm: "lg" }} component="form" onSubmit={submit} noValidate>
      <Stack>
        <StepTitle>{t("address.title")}</StepTitle>
        <Group align="flex-start" gap="xs">
          <TextInput
            label={t("address.label")}
            description={t("address.about", { pages: PAGES })}
            placeholder="www.example.com"
            type="url"
            dir="ltr"
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            error={wrong && t("address.wrong")}
            maxLength={2000}
            flex="1 1 260px"
          />
        </Group>
        {!!(adding.error ?? collections.error) && <Failed error={adding.error ?? collections.error} />}
        <Group gap="md">
          <Button type="submit" loading={adding.isPending} disabled={!typed.trim() || !collections.data}>
            {t("address.read")}
          </Button>
          <Anchor component="button" type="button" size="sm" onClick={without}>
            {t("address.without")}
          </Anchor>
        </Group>
        <Text size="xs" c="dimmed">
          {t("address.note")}
        </Text>
      </Stack>
    </Paper>
  );
}
