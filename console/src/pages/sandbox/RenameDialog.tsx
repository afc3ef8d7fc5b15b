// Gives an agent another short name.
import { Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { reread } from "@/api/queries";
import { FormEnd } from "@/parts/FormEnd";
import { useSay } from "@/parts/say";
import { isSlug } from "./slug";

type Props = {
  opened: boolean;
  onClose: () => void;
  agent: string;
  /** Slugs that are taken. */
  taken: string[];
  onRenamed: (slug: string) => void;
};

export function RenameDialog(props: Props) {
  const { t } = useTranslation("sandbox");
  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      title={t("agent.renameTitle", { agent: props.agent })}
    >
      {props.opened && <RenameForm {...props} />}
    </Modal>
  );
}

function RenameForm({ agent, taken, onRenamed, onClose }: Props) {
  const { t } = useTranslation("sandbox");
  const say = useSay();
  const change = $api.useMutation("patch", "/api/v1/agents/{agent}", {
    // Not a callback of `mutate`: the live event may come first, and with the old name this dialog goes.
    onSuccess: (renamed) => {
      reread("/api/v1/agents", "/api/v1/numbers", "/api/v1/collections");
      say.done(t("agent.renamed", { agent: renamed.slug }));
      onRenamed(renamed.slug);
      onClose();
    },
  });
  const [slug, setSlug] = useState(agent);
  const wrong =
    slug !== agent && taken.includes(slug) ? t("new.slugTaken") : !isSlug(slug) && t("new.slugWrong");
  const go = () => change.mutate({ params: { path: { agent } }, body: { slug } });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!wrong && slug !== agent) go();
      }}
    >
      <Stack>
        <Text size="sm">{t("agent.renameAbout")}</Text>
        <TextInput
          label={t("new.slug")}
          description={t("new.slugAbout")}
          value={slug}
          onChange={(event) => setSlug(event.currentTarget.value)}
          error={wrong}
          dir="ltr"
          data-autofocus
        />
        <FormEnd
          yes={t("agent.rename")}
          close={onClose}
          busy={change.isPending}
          error={change.error}
          disabled={!!wrong || slug === agent}
        />
      </Stack>
    </form>
  );
}
