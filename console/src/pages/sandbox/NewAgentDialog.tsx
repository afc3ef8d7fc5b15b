// Creates an agent with a default prompt.
import { Modal, MultiSelect, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { reread } from "@/api/queries";
import { collectionOptions } from "@/parts/collectionName";
import { FormEnd } from "@/parts/FormEnd";
import { withHeader } from "@/parts/promptFile";
import { useSay } from "@/parts/say";
import { isSlug, slugOf } from "./slug";

type Props = {
  opened: boolean;
  onClose: () => void;
  /** Slugs that are taken. */
  taken: string[];
  onMade: (slug: string) => void;
};

export function NewAgentDialog(props: Props) {
  const { t } = useTranslation("sandbox");
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={t("new.title")}>
      {props.opened && <NewAgentForm {...props} />}
    </Modal>
  );
}

function NewAgentForm({ taken, onMade, onClose }: Props) {
  const { t } = useTranslation("sandbox");
  const say = useSay();
  const collections = $api.useQuery("get", "/api/v1/collections");
  const make = $api.useMutation("post", "/api/v1/agents");
  const [name, setName] = useState("");
  const [typed, setTyped] = useState<string>();
  const [knowledge, setKnowledge] = useState<string[]>([]);
  const [tried, setTried] = useState(false);
  const slug = typed ?? slugOf(name);
  const wrong = {
    name: name.trim() ? null : t("new.required"),
    slug: taken.includes(slug) ? t("new.slugTaken") : isSlug(slug) ? null : t("new.slugWrong"),
  };
  const go = () => {
    setTried(true);
    if (wrong.name || wrong.slug) return;
    const prompt = t("new.prompt", { agent: "{{ agent }}" });
    const named = withHeader(`---\nname: x\n---\n${prompt}`, ["name"], name.trim());
    const source = knowledge.length > 0 ? withHeader(named, ["knowledge"], knowledge) : named;
    make.mutate(
      { body: { slug, source } },
      {
        onSuccess: () => {
          reread("/api/v1/agents");
          say.done(t("new.done", { name: name.trim() }));
          onMade(slug);
          onClose();
        },
      },
    );
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        go();
      }}
    >
      <Stack>
        <Text size="sm">{t("new.about")}</Text>
        <TextInput
          label={t("new.name")}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={tried && wrong.name}
          required
          withAsterisk={false}
          dir="auto"
          data-autofocus
        />
        <TextInput
          label={t("new.slug")}
          description={t("new.slugAbout")}
          value={slug}
          onChange={(event) => setTyped(event.currentTarget.value)}
          error={(tried || !!typed || taken.includes(slug)) && wrong.slug}
          dir="ltr"
        />
        <MultiSelect
          label={t("new.knowledge")}
          description={t("field.knowledgeAbout")}
          data={collectionOptions(collections.data ?? [])}
          value={knowledge}
          onChange={setKnowledge}
        />
        <FormEnd yes={t("new.yes")} close={onClose} busy={make.isPending} error={make.error} />
      </Stack>
    </form>
  );
}
